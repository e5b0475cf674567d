// <model-picker>: which models the next message goes to. A row chooses one, its box adds one, its + the same one once
// more, its star puts it on top of the list.
import { remember } from "../preferences.js"
import { announce, say } from "../strings.js"

const MOST = 6

export class ModelPicker extends HTMLElement {
  #wanted = null // somebody asked for one model, for something else than the next message
  #listening

  connectedCallback() {
    this.#listening = new AbortController()
    const { signal } = this.#listening
    this.addEventListener("click", event => this.#click(event), { signal })
    this.addEventListener("change", event => this.#changed(event.target), { signal })
    this.addEventListener("keydown", event => this.#key(event), { signal })
    this.#search.addEventListener("input", () => this.#find(), { signal })
    this.#details.addEventListener("toggle", () => this.#toggled(), { signal })
    document.addEventListener("pointerdown", event => !this.contains(event.target) && this.#close(false), { signal })
    document.addEventListener("model-wanted", ({ detail }) => this.#want(detail.done), { signal })
    document.addEventListener("models-chosen", ({ detail }) => this.#take(detail.models), { signal })
    document.addEventListener("model-chosen", ({ detail }) => this.#choose(this.#boxes.find(box => box.value === detail.model)), { signal })
    this.#show()
  }

  disconnectedCallback() {
    this.#listening.abort()
  }

  get #details() {
    return this.querySelector("details")
  }

  get #search() {
    return this.querySelector("[data-search]")
  }

  get #boxes() {
    return [...this.querySelectorAll("input[type=checkbox]")]
  }

  // Everybody who will answer, some of them several times.
  get #chosen() {
    return this.#boxes.filter(box => box.checked).flatMap(box => Array(this.#times(box)).fill(box))
  }

  #times(box) {
    return Number.parseInt(box.closest(".picker__row").querySelector("[data-times]").textContent)
  }

  get #visible() {
    return this.#boxes.filter(box => !box.disabled && !box.closest("[hidden]"))
  }

  #click(event) {
    const button = event.target.closest(".picker__row button")
    if (button) return this.#press(button)
    const label = event.target.closest(".picker__row label")
    if (!label) return
    event.preventDefault()
    this.#choose(document.getElementById(label.htmlFor))
  }

  #choose(box) {
    if (!box || box.disabled) return
    if (this.#wanted) {
      const done = this.#wanted
      this.#close()
      return done(box.value)
    }
    for (const other of this.#boxes) {
      other.checked = other === box
      this.#repeat(other, 1)
    }
    this.#save()
    this.#close()
  }

  // Exactly these, one of them perhaps several times, as far as they are in the list.
  #take(models) {
    for (const box of this.#boxes) {
      const times = models.filter(model => model === box.value).length
      box.checked = times > 0 && !box.disabled
      this.#repeat(box, Math.max(1, times))
    }
    this.#save()
  }

  #press(button) {
    const row = button.closest(".picker__row")
    const box = row.querySelector("input")
    if ("star" in button.dataset) this.#star(button, row)
    else if (!("more" in button.dataset)) this.#repeat(box, Math.max(1, this.#times(box) - 1))
    else if (this.#chosen.length < MOST) this.#repeat(box, this.#times(box) + 1)
    else announce(say("noMoreModels"))
    this.#save()
  }

  #repeat(box, times) {
    const shown = box.closest(".picker__row").querySelector("[data-times]")
    if (shown) shown.textContent = `${times}×`
  }

  // A row moves between its provider's group and the favourites; the focus goes with it.
  #star(button, row) {
    const starred = button.getAttribute("aria-pressed") !== "true"
    button.setAttribute("aria-pressed", starred)
    const groups = [...this.querySelectorAll(".picker__group")]
    groups.find(group => (starred ? "favourites" in group.dataset : group.dataset.group === row.dataset.home)).append(row)
    this.#find()
    button.focus()
    remember("favourites", [...this.querySelectorAll("[data-favourites] input")].map(box => box.value).join(","))
  }

  #changed(box) {
    if (box.name !== "models") return
    if (this.#wanted) {
      box.checked = !box.checked
      return this.#choose(box)
    }
    this.#repeat(box, 1)
    const chosen = this.#chosen
    if (!chosen.length) box.checked = true
    if (chosen.length > MOST) {
      box.checked = false
      announce(say("noMoreModels"))
    }
    this.#save()
  }

  #save() {
    const chosen = this.#chosen
    const more = chosen.filter((box, at) => chosen[at - 1] === box)
    this.querySelector("[data-repeats]").replaceChildren(...more.map(({ value }) => Object.assign(document.createElement("input"), { type: "hidden", name: "models", value })))
    remember("models", chosen.map(box => box.value).join(","))
    this.#show()
  }

  #show() {
    const names = this.#chosen.map(box => box.dataset.label)
    this.querySelector("[data-current]").textContent = names.length > 2 ? say("severalModels", { count: names.length }) : names.join(" + ")
    this.querySelector("[data-keep]").hidden = names.length < 2
    document.dispatchEvent(new CustomEvent("models-changed"))
  }

  #key(event) {
    const boxes = this.#visible
    const at = boxes.indexOf(document.activeElement)
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (event.key === "Escape" && this.#details.open) {
      event.stopPropagation()
      this.#close()
    } else if (move && this.#details.open) {
      event.preventDefault()
      const next = at + move
      if (next < 0) this.#search.focus()
      else boxes[Math.min(next, boxes.length - 1)]?.focus()
    } else if (event.key === "Enter" && event.target.tagName === "INPUT") {
      event.preventDefault()
      this.#choose(boxes[Math.max(at, 0)])
    }
  }

  #find() {
    const words = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean)
    for (const row of this.querySelectorAll(".picker__row")) row.hidden = !words.every(word => row.dataset.words.includes(word))
    for (const group of this.querySelectorAll(".picker__group")) group.hidden = !group.querySelector(".picker__row:not([hidden])")
    this.querySelector(".picker__nothing").hidden = this.querySelector(".picker__group:not([hidden])") !== null
  }

  // Told some time after it happened, perhaps when somebody is typing already; so what was sought is
  // forgotten when the list closes.
  #toggled() {
    if (!this.#details.open) {
      this.#wanted = null
      this.#search.value = ""
      this.#find()
      return
    }
    // A touch keyboard would cover the list.
    if (!matchMedia("(pointer: coarse)").matches) this.#search.focus()
    this.querySelector(":checked")?.closest(".picker__row").scrollIntoView({ block: "nearest" })
  }

  #want(done) {
    this.#details.open = true
    this.#wanted = done
  }

  #close(focus = true) {
    if (!this.#details.open) return
    this.#details.open = false
    this.#wanted = null
    if (focus) this.querySelector("summary").focus()
  }
}
