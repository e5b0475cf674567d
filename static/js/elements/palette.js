// <command-palette>: everything by a few letters: chats, commands, models. Opened by the command "palette".
import { fetchPart, parse } from "../paint/morph.js"
import { stamp } from "../strings.js"

const TYPING_MS = 120
const MOST_MODELS = 8

export class CommandPalette extends HTMLElement {
  #listening
  #timer
  #asked = 0

  connectedCallback() {
    this.#listening = new AbortController()
    const { signal } = this.#listening
    document.addEventListener("palette-wanted", () => this.#open(), { signal })
    this.#input.addEventListener("input", () => this.#typed(), { signal })
    this.addEventListener("keydown", event => this.#key(event), { signal })
    this.addEventListener("click", event => this.#click(event), { signal })
    this.addEventListener("pointermove", event => this.#hover(event.target.closest("[role=option]")), { signal })
  }

  disconnectedCallback() {
    this.#listening.abort()
    clearTimeout(this.#timer)
  }

  get #dialog() {
    return this.querySelector("dialog")
  }

  get #input() {
    return this.querySelector("[role=combobox]")
  }

  get #options() {
    return [...this.querySelectorAll("[role=option]:not([hidden])")]
  }

  #open() {
    if (this.#dialog.open) return
    this.#input.value = ""
    this.#models()
    this.#typed()
    this.#dialog.showModal()
    this.#input.focus()
  }

  // What is here answers at once, also to somebody who types fast and presses Enter; the server knows more chats.
  #typed() {
    this.#asked += 1
    const words = this.#words
    for (const option of this.querySelectorAll("[role=option]")) {
      const text = `${option.textContent} ${option.dataset.words ?? ""}`.toLowerCase()
      // Models are many; they come when they are looked for.
      option.hidden = !words.every(word => text.includes(word)) || (option.closest("[data-models]") && !words.length)
    }
    this.#show()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#find(), words.length ? TYPING_MS : 0)
  }

  get #words() {
    return this.#input.value.toLowerCase().split(/\s+/).filter(Boolean)
  }

  async #find() {
    const { sidebarUrl, chat, person } = document.querySelector("chat-frame").dataset
    if (!person) return
    const number = this.#asked
    this.#loading = true
    const query = this.#input.value.trim()
    const html = await fetchPart(`${sidebarUrl}?${new URLSearchParams({ query, current: chat })}`).catch(() => "")
    if (number !== this.#asked || !this.isConnected) return
    this.#loading = false
    // Where one is already is looked for last.
    const [here, others] = [true, false].map(current => [...parse(html).querySelectorAll(".chat-row")].filter(row => (row.dataset.chat === chat) === current))
    const rows = query ? [...others, ...here].slice(0, 20) : others.slice(0, 5)
    this.#fill("[data-chats]", rows.map(row => this.#option(row.querySelector(".chat-row__title").textContent, { href: row.href })))
    this.#show()
  }

  set #loading(on) {
    this.querySelector("[data-loading]").hidden = !on
  }

  #models() {
    const boxes = [...document.querySelectorAll("model-picker input[type=checkbox]:not(:disabled)")].slice(0, 200)
    this.#fill("[data-models]", boxes.map(box => this.#option(box.dataset.label, { model: box.value })))
  }

  #fill(group, options) {
    const place = this.querySelector(group)
    place.replaceChildren(place.firstElementChild, ...options)
  }

  #option(text, data) {
    const option = stamp("option-template")
    option.firstElementChild.textContent = text
    Object.assign(option.dataset, data)
    return option
  }

  #show() {
    let models = 0
    for (const option of this.querySelectorAll("[data-models] [role=option]:not([hidden])")) option.hidden = (models += 1) > MOST_MODELS
    for (const group of this.querySelectorAll("[role=group]")) group.hidden = !group.querySelector("[role=option]:not([hidden])")
    this.querySelectorAll("[role=option]").forEach((option, at) => (option.id = `option-${at}`))
    const options = this.#options
    this.querySelector(".palette__nothing").hidden = options.length > 0 || !this.querySelector("[data-loading]").hidden
    this.#point(options[0] ?? null)
  }

  #hover(option) {
    if (option && !option.hasAttribute("aria-selected")) this.#point(option)
  }

  #point(option) {
    this.querySelector("[aria-selected=true]")?.removeAttribute("aria-selected")
    option?.setAttribute("aria-selected", "true")
    if (option) this.#input.setAttribute("aria-activedescendant", option.id)
    else this.#input.removeAttribute("aria-activedescendant")
  }

  #key(event) {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const chosen = this.querySelector("[aria-selected=true]")
    if (move) {
      event.preventDefault()
      const options = this.#options
      if (!options.length) return
      const next = options[(options.indexOf(chosen) + move + options.length) % options.length]
      this.#point(next)
      next.scrollIntoView({ block: "nearest" })
    } else if (event.key === "Enter" && !event.isComposing && event.target === this.#input) {
      event.preventDefault()
      if (chosen) this.#take(chosen)
    }
  }

  #click({ target }) {
    if (target === this.#dialog) return this.#dialog.close() // beside it
    const option = target.closest("[role=option]")
    if (option) this.#take(option)
  }

  // The dialog gives the focus back before anything else happens, so that what happens may take it.
  #take({ dataset: { href, model, command } }) {
    this.#dialog.close()
    if (href) location.assign(href)
    else if (model) document.dispatchEvent(new CustomEvent("model-chosen", { detail: { model } }))
    else document.dispatchEvent(new CustomEvent("command", { detail: { command } }))
  }
}
