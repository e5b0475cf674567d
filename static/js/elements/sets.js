// <model-sets>: named sets of models, above the list of models. Choosing one ticks its models; what is ticked can be
// kept under a name.
import { enter } from "../connection.js"
import { fetchPart, parse } from "../paint/morph.js"
import { announce, say } from "../strings.js"

export class ModelSets extends HTMLElement {
  #listening

  connectedCallback() {
    this.#listening = new AbortController()
    const { signal } = this.#listening
    this.addEventListener("click", event => this.#click(event), { signal })
    this.#foot.addEventListener("click", event => this.#press(event.target), { signal })
    this.closest("details").addEventListener("toggle", () => this.#fetch(), { signal, once: true })
    this.#name.addEventListener("keydown", event => this.#key(event), { signal })
  }

  disconnectedCallback() {
    this.#listening.abort()
  }

  get #foot() {
    return this.closest("model-picker").querySelector("[data-keep]")
  }

  get #name() {
    return this.#foot.querySelector("[data-set-name]")
  }

  #click(event) {
    const set = event.target.closest("[data-set]")
    const gone = event.target.closest("[data-delete]")
    if (!set && !gone) return
    event.preventDefault()
    if (set) document.dispatchEvent(new CustomEvent("models-chosen", { detail: { models: set.dataset.set.split(",") } }))
    else this.#send(gone.dataset.delete, new FormData()).then(() => this.querySelector("a")?.focus())
  }

  #press(target) {
    if (target.closest("[data-keep-open]")) this.#open(true)
    else if (target.closest("[data-keep-now]")) this.#keep()
  }

  #key(event) {
    if (event.key !== "Enter" && event.key !== "Escape") return
    event.preventDefault()
    event.stopPropagation()
    if (event.key === "Enter") this.#keep()
    else this.#open(false)
  }

  #open(open) {
    this.#foot.querySelector(".keep__form").hidden = !open
    this.#foot.querySelector("[data-keep-open]").hidden = open
    if (open) this.#name.focus()
    else this.#foot.querySelector("[data-keep-open]").focus()
  }

  async #keep() {
    const name = this.#name.value.trim()
    if (!name) return this.#name.focus()
    const form = new FormData()
    form.set("name", name)
    for (const model of new FormData(this.closest("form")).getAll("models")) form.append("models", model)
    if (!(await this.#send(this.dataset.url, form))) return
    this.#name.value = ""
    this.#open(false)
    announce(say("kept"))
  }

  // The page came with the suggested set; the reader's own are asked for when somebody looks.
  async #fetch() {
    if (!this.closest("chat-frame").dataset.person) return
    const html = await fetchPart(this.dataset.url).catch(() => null)
    if (html) this.#draw(html)
  }

  #draw(html) {
    this.querySelector("ul").replaceChildren(parse(html))
  }

  async #send(url, form) {
    await enter().catch(() => null)
    form.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value)
    const response = await fetch(url, { method: "POST", body: form, headers: { "HX-Request": "true" } }).catch(() => null)
    if (!response?.ok) return announce(say("notSent")), false
    this.#draw(await response.text())
    return true
  }
}
