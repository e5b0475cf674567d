// Whether the view follows the text. It does while the reader is at the end, and never otherwise. Where several answers
// stand side by side no end is followed, as it would be that of the fastest: `row`, how far down their question stands
// (null without a row), is kept at the top until the reader moves.

const NEAR = 32 // pixels from the end that count as the end

export class Keeper {
  following = true
  #top = 0
  #height = 0

  // The view was scrolled, by whomever. Moving up, however little, means: leave me here.
  scrolled({ top, height, view, row = null }) {
    const shrunk = height < this.#height
    if (row !== null ? Math.abs(top - this.#top) > 1 && !shrunk : top < this.#top - 1 && !shrunk) this.following = false
    else if (row === null && height - top - view <= NEAR) this.following = true
    this.#top = top
    this.#height = height
  }

  // The text or the window changed. Where to scroll to, or null to leave the view alone.
  changed({ height, view, row = null }) {
    this.#height = height
    if (!this.following) return null
    this.#top = Math.max(0, Math.min(height - view, row ?? Infinity))
    return this.#top
  }
}
