// <chat-scroll>: follows the text while the reader is at its end, and stays where it is otherwise.
import { Keeper } from "../lib/scrolling.js"
import { say } from "../strings.js"

export class ChatScroll extends HTMLElement {
  #keeper = new Keeper()
  #watching
  #listening

  connectedCallback() {
    this.#listening = new AbortController()
    const { signal } = this.#listening
    this.addEventListener("scroll", () => this.#scrolled(), { passive: true, signal })
    this.addEventListener("turn-added", () => this.#toEnd(), { signal })
    this.addEventListener("turns-before", ({ detail }) => this.#keepPlace(detail.add), { signal })
    this.#button?.addEventListener("click", () => this.#toEnd("smooth"), { signal })
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
    return { top: this.scrollTop, height: this.scrollHeight, view: this.clientHeight }
  }

  #scrolled() {
    this.#keeper.scrolled(this.#measures)
    this.#offer()
  }

  #changed() {
    this.style.setProperty("--view", `${this.clientHeight}px`)
    this.style.setProperty("--wide", `${this.clientWidth - 48}px`)
    const top = this.#keeper.changed(this.#measures)
    if (top === null && this.querySelector("chat-answer[data-status=streaming]")) this.#label("newText")
    if (top !== null) this.scrollTop = top
    this.#offer()
  }

  #toEnd(behavior = "instant") {
    this.#keeper.following = true
    this.#changed()
    this.scrollTo({ top: this.scrollHeight, behavior })
    if (behavior === "smooth") this.focus({ preventScroll: true })
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
    const { top, height, view } = this.#measures
    if (this.#keeper.following) this.#label("toEnd")
    if (this.#button) this.#button.hidden = this.#keeper.following || height - top - view < 80
  }
}
