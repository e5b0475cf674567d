// One connection per tab, over which any number of runs are followed. It forgets nothing: each follower knows
// the number of its last event, each request its id, and both are asked again after a reconnect. Lower numbers
// are repeats, a number that is too high is a gap, and a request sent twice under one id is one request.

export const VERSION = 1
const FIRST_WAIT_MS = 400
const LONGEST_WAIT_MS = 15_000
const ACK_AFTER_MS = 250
const ACK_AFTER_BYTES = 24 * 1024 // of the 128 KiB the server sends ahead
const RESEND_AFTER_MS = 1_000
const RESENDS = 8
const WAKE_ANSWER_MS = 3_000
const LARGEST_FRAME = 256 * 1024

// Dispatches `state` ({state}), `notice` (the frame) and `problem` (an error frame without a request).
// States: idle connecting open waiting restarting offline ended outdated.
export class Connection extends EventTarget {
  state = "idle"
  #url
  #make
  #random
  #socket = null
  #followers = new Map()
  #requests = new Map()
  #stops = new Set()
  #tries = 0
  #heard = 0
  #unseen = 0 // bytes of events not acknowledged yet, of all runs together
  #timers = {}

  constructor({ url, make = address => new WebSocket(address), random = Math.random }) {
    super()
    this.#url = url
    this.#make = make
    this.#random = random
  }

  open() {
    if (this.#socket || this.state === "outdated") return
    clearTimeout(this.#timers.reconnect)
    this.#set("connecting")
    const socket = (this.#socket = this.#make(this.#url))
    socket.onopen = () => this.#send({ type: "hello", version: VERSION })
    socket.onmessage = ({ data }) => this.#receive(data)
    socket.onclose = ({ code }) => socket === this.#socket && this.#closed(code)
  }

  // Events of `run` with a number above `after`, in order, once each, until it has finished.
  follow(run, after, listener) {
    this.#followers.set(run, { after, listener, unseen: false, asked: false })
    if (this.state === "open") this.#follow(run)
    else this.open()
    return () => {
      if (this.#followers.delete(run)) this.#send({ type: "run.unfollow", run })
    }
  }

  // A frame with an id. Resolves with its `turn`, rejects with its `error`; outlives any number of reconnects.
  request(frame) {
    if (new TextEncoder().encode(JSON.stringify(frame)).length > LARGEST_FRAME) return Promise.reject({ status: 413 })
    return new Promise((resolve, reject) => {
      this.#requests.set(frame.id, { frame, resolve, reject, resends: 0 })
      if (this.state === "open") this.#send(frame)
      else this.open()
    })
  }

  stop(run) {
    if (this.state === "open") this.#send({ type: "run.stop", run })
    else this.#stops.add(run)
  }

  // The tab is looked at again or the network is back: a dead connection is noticed now, not at the next beat.
  wake() {
    if (this.state === "open") {
      const asked = Date.now()
      this.#send({ type: "ping" })
      clearTimeout(this.#timers.wake)
      this.#timers.wake = setTimeout(() => this.#heard < asked && this.#drop(), WAKE_ANSWER_MS)
    } else if (["waiting", "restarting", "offline"].includes(this.state)) this.open()
  }

  offline() {
    if (this.state === "idle" || this.state === "outdated") return
    this.#drop("offline")
  }

  #receive(data) {
    this.#heard = Date.now()
    const frame = JSON.parse(data)
    switch (frame.type) {
      case "hello":
        return this.#welcome(frame)
      case "event":
        return this.#event(frame, data.length)
      case "turn":
        this.#requests.get(frame.ref)?.resolve(frame)
        this.#requests.delete(frame.ref)
        return
      case "error":
        return this.#error(frame)
      case "notice":
        if (frame.kind === "paused") this.#acknowledge()
        return this.dispatchEvent(new CustomEvent("notice", { detail: frame }))
    }
  }

  #welcome({ heartbeat_ms: beat = 25_000 }) {
    this.#tries = 0
    this.#set("open")
    for (const run of this.#followers.keys()) this.#follow(run)
    for (const { frame } of this.#requests.values()) this.#send(frame)
    for (const run of this.#stops) this.#send({ type: "run.stop", run })
    this.#stops.clear()
    clearInterval(this.#timers.beat)
    this.#timers.beat = setInterval(() => {
      if (Date.now() - this.#heard > beat * 1.6) this.#drop()
      else this.#send({ type: "ping" })
    }, beat)
  }

  #follow(run) {
    const follower = this.#followers.get(run)
    follower.asked = true
    this.#send({ type: "run.follow", run, after: follower.after })
  }

  #event({ run, seq, event }, bytes) {
    const follower = this.#followers.get(run)
    if (!follower || seq <= follower.after) return
    if (seq > follower.after + 1 && event.type !== "run.snapshot") {
      if (!follower.asked) this.#follow(run)
      return
    }
    follower.asked = false
    follower.after = seq
    follower.unseen = true
    this.#unseen += bytes
    if (event.type === "run.finished") this.#followers.delete(run)
    follower.listener({ run, seq, event })
    if (event.type === "run.finished") this.#send({ type: "run.ack", run, seq })
    else if (this.#unseen >= ACK_AFTER_BYTES) this.#acknowledge()
    else this.#timers.ack ??= setTimeout(() => this.#acknowledge(), ACK_AFTER_MS)
  }

  #acknowledge() {
    clearTimeout(this.#timers.ack)
    this.#timers.ack = undefined
    this.#unseen = 0
    for (const [run, follower] of this.#followers) {
      if (!follower.unseen) continue
      follower.unseen = false
      this.#send({ type: "run.ack", run, seq: follower.after })
    }
  }

  #error(frame) {
    const request = this.#requests.get(frame.ref)
    if (!request) return this.dispatchEvent(new CustomEvent("problem", { detail: frame }))
    if (frame.status === 503 && request.resends < RESENDS) {
      // The server is about to restart; the same request goes to the next one.
      request.resends += 1
      setTimeout(() => this.#requests.has(frame.ref) && this.#send(request.frame), RESEND_AFTER_MS * (1 + this.#random()))
      return
    }
    this.#requests.delete(frame.ref)
    request.reject(frame)
  }

  #closed(code) {
    this.#forget()
    switch (code) {
      case 4409:
        return this.#set("outdated")
      case 4401:
      case 4403:
        return this.#set("ended")
      case 4400:
      case 4413:
        // Sent again it would end the same way.
        for (const { reject } of this.#requests.values()) reject({ status: 400 })
        this.#requests.clear()
        break
      case 1012:
        this.#set("restarting")
        return this.#later(1_000 * this.#random())
    }
    const most = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#tries) * (code === 4429 ? 4 : 1)
    this.#tries += 1
    this.#set("waiting")
    this.#later(most * (0.5 + this.#random() / 2))
  }

  #later(ms) {
    clearTimeout(this.#timers.reconnect)
    this.#timers.reconnect = setTimeout(() => this.open(), ms)
  }

  // Gives a connection up without waiting for its close.
  #drop(state) {
    const socket = this.#socket
    this.#forget()
    socket?.close()
    if (state) this.#set(state)
    else {
      this.#set("waiting")
      this.#later(FIRST_WAIT_MS * this.#random())
    }
  }

  #forget() {
    this.#socket = null
    for (const timer of ["beat", "ack", "wake", "reconnect"]) {
      clearTimeout(this.#timers[timer])
      this.#timers[timer] = undefined
    }
    for (const follower of this.#followers.values()) follower.asked = false
  }

  #send(frame) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame))
  }

  #set(state) {
    this.state = state
    this.dispatchEvent(new CustomEvent("state", { detail: { state } }))
  }
}
