// Text arrives in bursts and is shown evenly: each frame takes so much that what waits is gone in a moment.
// The more waits, the faster it goes, so it catches up by itself; work per frame does not grow.

const HORIZON_MS = 240
const HORIZON_AT_END_MS = 90
const SLOWEST = 0.04 // characters a millisecond

const isText = event => event.type === "text.delta" || event.type === "reasoning.delta"

export class Pacer {
  #events = []
  #waiting = 0
  #ending = false
  #owed = 0
  #rate = SLOWEST

  get empty() {
    return this.#events.length === 0
  }

  push(event) {
    this.#events.push(event)
    if (isText(event)) this.#waiting += event.text.length
    if (event.type === "run.finished") this.#ending = true
  }

  // The events due after `ms`, a text cut where the frame ends. `Infinity` takes everything.
  take(ms) {
    const wanted = Math.max(SLOWEST, this.#waiting / (this.#ending ? HORIZON_AT_END_MS : HORIZON_MS))
    this.#rate = Math.max(wanted, this.#rate * 0.85)
    this.#owed = Math.min(this.#waiting, this.#owed + this.#rate * ms)
    let budget = ms === Infinity ? Infinity : Math.floor(this.#owed)
    const due = []
    let at = 0
    for (; at < this.#events.length; at += 1) {
      const event = this.#events[at]
      if (!isText(event)) {
        due.push(event)
        continue
      }
      if (budget <= 0) break
      const cut = event.text.length <= budget ? event.text.length : wholeCharacters(event.text, budget)
      due.push(cut === event.text.length ? event : { ...event, text: event.text.slice(0, cut) })
      budget -= cut
      this.#waiting -= cut
      this.#owed -= cut
      if (cut < event.text.length) {
        this.#events[at] = { ...event, text: event.text.slice(cut) }
        break
      }
    }
    this.#events.splice(0, at)
    if (this.#owed < 0 || ms === Infinity) this.#owed = 0
    return due
  }
}

// Never half of a surrogate pair.
function wholeCharacters(text, length) {
  const code = text.charCodeAt(length - 1)
  return code >= 0xd800 && code <= 0xdbff ? length + 1 : length
}
