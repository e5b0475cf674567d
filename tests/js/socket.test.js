import assert from "node:assert/strict"
import { mock, test } from "node:test"
import { Connection } from "../../static/js/lib/socket.js"

// The other end: keeps what was sent, and says what it is told to.
class Wire {
  static all = []
  readyState = 0
  sent = []

  constructor() {
    Wire.all.push(this)
  }
  send(text) {
    this.sent.push(JSON.parse(text))
  }
  close() {
    this.readyState = 3
  }
  opens() {
    this.readyState = 1
    this.onopen()
    this.says({ type: "hello", version: 1, heartbeat_ms: 25_000 })
  }
  says(frame) {
    this.onmessage({ data: JSON.stringify(frame) })
  }
  tells(run, seq, text = "x") {
    this.says({ type: "event", run, seq, event: { type: "text.delta", text } })
  }
  breaks(code = 1006) {
    this.readyState = 3
    this.onclose({ code })
  }
  of(type) {
    return this.sent.filter(frame => frame.type === type)
  }
}

function connected(t) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] })
  Wire.all = []
  const connection = new Connection({ url: "ws://x/ws/", make: () => new Wire(), random: () => 1 })
  connection.open()
  Wire.all[0].opens()
  return { connection, wire: Wire.all[0], tick: ms => t.mock.timers.tick(ms) }
}

const wire = () => Wire.all.at(-1)

test("it says hello first", t => {
  const { wire } = connected(t)
  assert.deepEqual(wire.sent[0], { type: "hello", version: 1 })
})

test("events come in order and once", t => {
  const { connection, wire } = connected(t)
  const heard = []
  connection.follow("r", 2, ({ seq }) => heard.push(seq))
  assert.deepEqual(wire.of("run.follow"), [{ type: "run.follow", run: "r", after: 2 }])
  for (const seq of [1, 2, 3, 3, 4]) wire.tells("r", seq)
  assert.deepEqual(heard, [3, 4])
})

test("a gap is asked for again, once", t => {
  const { connection, wire } = connected(t)
  const heard = []
  connection.follow("r", 0, ({ seq }) => heard.push(seq))
  wire.tells("r", 1)
  wire.tells("r", 4)
  wire.tells("r", 5)
  assert.deepEqual(wire.of("run.follow").at(-1), { type: "run.follow", run: "r", after: 1 })
  assert.equal(wire.of("run.follow").length, 2)
  for (const seq of [2, 3, 4, 5]) wire.tells("r", seq)
  assert.deepEqual(heard, [1, 2, 3, 4, 5])
})

test("a snapshot may jump", t => {
  const { connection, wire } = connected(t)
  const heard = []
  connection.follow("r", 0, ({ event }) => heard.push(event.type))
  wire.says({ type: "event", run: "r", seq: 40, event: { type: "run.snapshot", parts: [] } })
  wire.says({ type: "event", run: "r", seq: 41, event: { type: "run.finished" } })
  assert.deepEqual(heard, ["run.snapshot", "run.finished"])
})

test("after a reconnect it goes on where it was", t => {
  const { connection, wire: first, tick } = connected(t)
  const heard = []
  connection.follow("r", 0, ({ seq }) => heard.push(seq))
  first.tells("r", 1)
  first.breaks()
  assert.equal(connection.state, "waiting")
  tick(400)
  wire().opens()
  assert.deepEqual(wire().of("run.follow"), [{ type: "run.follow", run: "r", after: 1 }])
  wire().tells("r", 2)
  assert.deepEqual(heard, [1, 2])
})

test("waiting grows and a restart is met at once", t => {
  const { wire: first, tick } = connected(t)
  first.breaks()
  tick(400)
  wire().breaks()
  tick(500)
  assert.equal(Wire.all.length, 2)
  tick(300)
  assert.equal(Wire.all.length, 3)
  wire().opens()
  wire().breaks(1012)
  tick(1_000)
  assert.equal(Wire.all.length, 4)
})

test("a finished run is not followed any more", t => {
  const { connection, wire: first, tick } = connected(t)
  connection.follow("r", 0, () => {})
  first.says({ type: "event", run: "r", seq: 1, event: { type: "run.finished" } })
  first.breaks()
  tick(400)
  wire().opens()
  assert.deepEqual(wire().of("run.follow"), [])
})

test("what was read is acknowledged soon, and at once when it is much", t => {
  const { connection, wire, tick } = connected(t)
  connection.follow("r", 0, () => {})
  wire.tells("r", 1)
  assert.equal(wire.of("run.ack").length, 0)
  tick(250)
  assert.deepEqual(wire.of("run.ack"), [{ type: "run.ack", run: "r", seq: 1 }])
  wire.tells("r", 2, "x".repeat(16_000))
  wire.tells("r", 3, "x".repeat(16_000))
  assert.equal(wire.of("run.ack").at(-1).seq, 3)
})

test("a request outlives the connection and keeps its id", async t => {
  const { connection, wire: first, tick } = connected(t)
  const turn = connection.request({ type: "chat.send", id: "m" })
  first.breaks()
  tick(400)
  wire().opens()
  assert.equal(wire().of("chat.send")[0].id, "m")
  wire().says({ type: "turn", ref: "m", chat: "c", runs: [] })
  assert.equal((await turn).chat, "c")
  wire().breaks()
  tick(400)
  wire().opens()
  assert.equal(wire().of("chat.send").length, 0)
})

test("a refused request says why", async t => {
  const { connection, wire } = connected(t)
  const turn = connection.request({ type: "chat.send", id: "m" })
  wire.says({ type: "error", ref: "m", code: "quota_exceeded:chat", status: 402, message: "Enough." })
  await assert.rejects(turn, { code: "quota_exceeded:chat", message: "Enough." })
})

test("a server that is about to restart is asked again", async t => {
  const { connection, wire, tick } = connected(t)
  const turn = connection.request({ type: "chat.send", id: "m" })
  wire.says({ type: "error", ref: "m", status: 503, retryable: true })
  tick(2_000)
  assert.equal(wire.of("chat.send").length, 2)
  wire.says({ type: "turn", ref: "m", chat: "c" })
  await turn
})

test("a stop asked for while there is no connection is not forgotten", t => {
  const { connection, wire: first, tick } = connected(t)
  first.breaks()
  connection.stop("r")
  tick(400)
  wire().opens()
  assert.deepEqual(wire().of("run.stop"), [{ type: "run.stop", run: "r" }])
})

test("an ended login and an old page are not tried again", t => {
  for (const [code, state] of [
    [4401, "ended"],
    [4409, "outdated"],
  ]) {
    t.mock.timers.reset()
    const { connection, wire, tick } = connected(t)
    wire.breaks(code)
    tick(60_000)
    assert.equal(connection.state, state)
    assert.equal(Wire.all.length, 1)
  }
})

test("a silent connection is given up", t => {
  const { wire, tick } = connected(t)
  tick(25_000)
  assert.equal(wire.of("ping").length, 1)
  tick(25_000)
  assert.equal(wire.readyState, 3)
  tick(400)
  assert.equal(Wire.all.length, 2)
})

test("a tab that wakes up asks whether anybody is there", t => {
  const { connection, wire, tick } = connected(t)
  tick(10)
  connection.wake()
  wire.says({ type: "pong" })
  tick(3_000)
  assert.equal(connection.state, "open")
  connection.wake()
  tick(3_000)
  assert.equal(connection.state, "waiting")
})

test("offline waits for online", t => {
  const { connection, tick } = connected(t)
  connection.offline()
  tick(60_000)
  assert.equal(Wire.all.length, 1)
  connection.wake()
  assert.equal(Wire.all.length, 2)
})

test("what is too large is refused before it is sent", async t => {
  const { connection, wire } = connected(t)
  await assert.rejects(connection.request({ type: "chat.send", id: "m", text: "ü".repeat(140_000) }), { status: 413 })
  assert.equal(wire.of("chat.send").length, 0)
})

test("a request that closed the connection is not sent again", async t => {
  const { connection, wire: first, tick } = connected(t)
  const turn = connection.request({ type: "chat.send", id: "m" })
  first.breaks(4413)
  await assert.rejects(turn)
  tick(400)
  wire().opens()
  assert.equal(wire().of("chat.send").length, 0)
})
