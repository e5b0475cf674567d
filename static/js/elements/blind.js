// <blind-switch>: who gave which answer stays hidden until the vote. Offered where several models will answer.
export class BlindSwitch extends HTMLElement {
  #listening

  connectedCallback() {
    this.#listening = new AbortController()
    document.addEventListener("models-changed", () => this.#show(), { signal: this.#listening.signal })
    this.#show()
  }

  disconnectedCallback() {
    this.#listening.abort()
  }

  #show() {
    const models = new FormData(this.closest("form")).getAll("models")
    this.toggleAttribute("data-alone", models.length < 2)
  }
}
