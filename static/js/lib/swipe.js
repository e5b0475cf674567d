// A sheet that follows a finger. Feed it points; it says how far the sheet is open, from 0 to 1, and where it
// settles when the finger leaves.

const SLACK = 10 // pixels before a touch is a swipe and no longer a tap or a scroll
const FLING = 0.4 // pixels a millisecond that decide without regard to the distance

export class Swipe {
  #from
  #last
  #speed = 0
  #open
  #width
  #sign
  state = "undecided" // undecided | swiping | none

  // `sign` is 1 where the sheet comes from the left and -1 where it comes from the right.
  constructor({ x, y, at, open, width, sign = 1 }) {
    this.#from = { x, y }
    this.#last = { x, at }
    this.#open = open
    this.#width = width
    this.#sign = sign
  }

  // How far the sheet is open now; undefined while this is no swipe.
  move({ x, y, at }) {
    const along = (x - this.#from.x) * this.#sign
    if (this.state === "undecided") {
      const across = Math.abs(y - this.#from.y)
      if (Math.max(Math.abs(along), across) < SLACK) return
      const towards = this.#open ? along < 0 : along > 0
      this.state = towards && Math.abs(along) > across * 1.5 ? "swiping" : "none"
    }
    if (this.state === "none") return
    const elapsed = at - this.#last.at
    if (elapsed > 0) this.#speed = ((x - this.#last.x) * this.#sign) / elapsed
    this.#last = { x, at }
    return Math.min(1, Math.max(0, (this.#open ? 1 : 0) + along / this.#width))
  }

  // Whether the sheet stays open.
  end() {
    if (this.state !== "swiping") return this.#open
    if (Math.abs(this.#speed) > FLING) return this.#speed > 0
    const along = (this.#last.x - this.#from.x) * this.#sign
    return (this.#open ? 1 : 0) + along / this.#width > 0.5
  }
}
