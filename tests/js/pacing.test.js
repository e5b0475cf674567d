import assert from "node:assert/strict"
import { test } from "node:test"
import { Pacer } from "../../static/js/lib/pacing.js"

const delta = text => ({ type: "text.delta", text })
const textOf = events => events.map(event => event.text ?? "").join("")

test("a burst is shown over several frames and completely", () => {
  const pacer = new Pacer()
  const text = "a".repeat(400)
  pacer.push(delta(text))
  let shown = ""
  let frames = 0
  while (!pacer.empty && frames < 200) {
    const piece = textOf(pacer.take(16))
    assert.ok(piece.length <= 60, `${piece.length} at once`)
    shown += piece
    frames += 1
  }
  assert.equal(shown, text)
  assert.ok(frames > 8 && frames < 80, `${frames} frames`)
})

test("it catches up with any speed", () => {
  const pacer = new Pacer()
  let waiting = 0
  for (let frame = 0; frame < 600; frame += 1) {
    pacer.push(delta("x".repeat(50)))
    waiting += 50 - textOf(pacer.take(16)).length
  }
  assert.ok(waiting < 1_500, `${waiting} characters behind`)
})

test("everything keeps its order", () => {
  const pacer = new Pacer()
  const events = [{ type: "run.started" }, delta("one"), { type: "tool.call" }, delta("two"), { type: "run.finished" }]
  for (const event of events) pacer.push(event)
  const seen = []
  while (!pacer.empty) seen.push(...pacer.take(16))
  assert.equal(textOf(seen), "onetwo")
  const call = seen.findIndex(event => event.type === "tool.call")
  assert.equal(textOf(seen.slice(0, call)), "one")
  assert.equal(seen.at(-1).type, "run.finished")
})

test("a hidden page takes everything", () => {
  const pacer = new Pacer()
  pacer.push(delta("x".repeat(10_000)))
  pacer.push({ type: "run.finished" })
  assert.equal(pacer.take(Infinity).length, 2)
  assert.ok(pacer.empty)
})

test("no character is cut in half", () => {
  const pacer = new Pacer()
  pacer.push(delta("😀".repeat(50)))
  while (!pacer.empty) for (const { text } of pacer.take(1)) assert.ok(text.isWellFormed())
})
