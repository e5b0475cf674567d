// Whether the view follows the text. It does while the reader is at the end, and never otherwise.

const NEAR = 32 // pixels from the end that count as the end

export class Keeper {
  following = true
  #top = 0
  #height = 0

  // The view was scrolled, by whomever. Moving up, however little, means: leave me here.
  scrolled({ top, height, view }) {
    const shrunk = height < this.#height
    if (top < this.#top - 1 && !shrunk) this.following = false
    else if (height - top - view <= NEAR) this.following = true
    this.#top = top
    this.#height = height
  }

  // The text or the window changed. Where to scroll to, or null to leave the view alone.
  changed({ height, view }) {
    this.#height = height
    if (!this.following) return null
    this.#top = Math.max(0, height - view)
    return this.#top
  }
}
