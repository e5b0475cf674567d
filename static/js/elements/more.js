// <more-rows><a href>: the next page of a list, fetched when the reader gets near it.
import { fetchPart, parse } from "../paint/morph.js"

export class MoreRows extends HTMLElement {
  #watching

  connectedCallback() {
    this.onclick = event => {
      event.preventDefault()
      this.#load()
    }
    this.#watching = new IntersectionObserver(([entry]) => entry.isIntersecting && this.#load(), { rootMargin: "200px" })
    this.#watching.observe(this)
  }

  disconnectedCallback() {
    this.#watching.disconnect()
  }

  async #load() {
    this.#watching.disconnect()
    this.dataset.loading = ""
    const html = await fetchPart(this.querySelector("a").href).catch(() => null)
    delete this.dataset.loading
    if (html && this.isConnected) this.replaceWith(parse(html))
  }
}
