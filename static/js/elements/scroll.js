// <chat-scroll>: follows the text while the reader is at its end, and stays where it is otherwise. A last question that
// several models answer stays at the top.
import { Keeper } from "../lib/scrolling.js"
import { say } from "../strings.js"

const WRITING = "chat-answer[data-status=streaming]"
const ABOVE = 16 // pixels between the top of the view and a question that is kept there

export class ChatScroll extends HTMLElement {
  #keeper = new Keeper()
  #watching
  #listening

  connectedCallback() {
    this.#listening = new AbortController()
    const { signal } = this.#listening
    this.addEventListener("scroll", () => this.#scrolled(), { passive: true, signal })
    this.addEventListener("turn-added", () => this.#toEnd(), { signal })
    this.addEventListener("answer-changed", () => this.#offer(), { signal })
    this.addEventListener("turns-before", ({ detail }) => this.#keepPlace(detail.add), { signal })
    this.#button?.addEventListener("click", () => this.#pressed(), { signal })
    this.#watching = new ResizeObserver(() => this.#changed())
    this.#watching.observe(this)
    for (const child of this.children) this.#watching.observe(child)
    // An address may name a question further up.
    const named = location.hash.startsWith("#t-") && document.getElementById(location.hash.slice(1))
    if (named && named.nextElementSibling) {
      this.#keeper.following = false
      requestAnimationFrame(() => named.scrollIntoView())
    }
    this.#changed()
  }

  disconnectedCallback() {
    this.#watching.disconnect()
    this.#listening.abort()
  }

  get #button() {
    return document.querySelector("[data-to-end]")
  }

  get #measures() {
    return { top: this.scrollTop, height: this.scrollHeight, view: this.clientHeight, row: this.#row }
  }

  // Where the last question stands, if it has several answers.
  get #row() {
    const turn = this.querySelector(".turn:last-child[data-comparison]")
    return turn && this.scrollTop + turn.getBoundingClientRect().top - this.getBoundingClientRect().top - ABOVE
  }

  #scrolled() {
    this.#keeper.scrolled(this.#measures)
    this.#moved()
    this.#offer()
  }

  #changed() {
    this.style.setProperty("--view", `${this.clientHeight}px`)
    this.style.setProperty("--wide", `${this.clientWidth - 48}px`)
    const top = this.#keeper.changed(this.#measures)
    if (top !== null) this.scrollTop = top
    this.#moved()
    this.#offer()
  }

  // Told before anything is painted.
  #moved() {
    this.dispatchEvent(new CustomEvent("view-moved"))
  }

  #toEnd() {
    this.#keeper.following = true
    this.#changed()
  }

  #pressed() {
    this.#keeper.following = this.#row === null
    this.scrollTo({ top: this.scrollHeight, behavior: "smooth" })
    this.focus({ preventScroll: true })
  }

  // Something is put above; what is read stays where it is on the screen.
  #keepPlace(add) {
    const seen = [...this.querySelectorAll(".turn")].find(turn => turn.getBoundingClientRect().bottom > this.getBoundingClientRect().top)
    const before = seen?.getBoundingClientRect().top
    add()
    if (seen) this.scrollTop += seen.getBoundingClientRect().top - before
  }

  #label(key) {
    const words = this.#button?.querySelector("span")
    if (words && words.textContent !== say(key)) words.textContent = say(key)
  }

  #offer() {
    const { top, height, view, row } = this.#measures
    const leaves = !this.#keeper.following || row !== null
    this.#label(leaves && this.querySelector(WRITING) ? "newText" : "toEnd")
    if (this.#button) this.#button.hidden = !leaves || height - top - view < 80 || this.#underTheRow
  }

  // What is told and offered under the last row is the end that matters; nothing floats over it.
  get #underTheRow() {
    const last = this.querySelector(".turn:last-child > [data-after]:last-child")
    return last !== null && last.getBoundingClientRect().top < this.getBoundingClientRect().bottom
  }
}
