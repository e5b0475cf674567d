// <lane-tabs>: one tab a lane, where lanes have no room beside each other. Follows the row as it is swiped, and tells
// how far each lane is.
import { say } from "../strings.js"

const SCROLL_MS = 700

export class LaneTabs extends HTMLElement {
  #watching = []
  #frame = 0
  #at = 0
  #arrives = 0 // when the row stands at the lane that somebody chose, at the latest

  connectedCallback() {
    this.role = "tablist"
    this.ariaLabel = say("lanes")
    const lanes = this.#lanes
    const listening = { childList: [() => this.#draw(), { childList: true }], state: [() => this.#tell(), { attributes: true, subtree: true, attributeFilter: ["data-status", "id", "aria-label"] }] }
    this.#watching = Object.values(listening).map(([then, what]) => {
      const observer = new MutationObserver(then)
      observer.observe(lanes, what)
      return observer
    })
    lanes.addEventListener("scroll", this.#scrolled, { passive: true })
    lanes.addEventListener("scrollend", () => (this.#arrives = 0))
    this.addEventListener("click", this.#click)
    this.addEventListener("keydown", this.#key)
    this.#draw()
  }

  disconnectedCallback() {
    for (const observer of this.#watching) observer.disconnect()
    cancelAnimationFrame(this.#frame)
  }

  get #lanes() {
    return this.parentElement.querySelector("chat-lanes")
  }

  get #answers() {
    return [...this.#lanes.children]
  }

  #draw() {
    const count = this.#answers.length
    while (this.children.length < count) this.append(tab())
    while (this.children.length > count) this.lastElementChild.remove()
    this.#tell()
  }

  #tell() {
    this.#answers.forEach((answer, at) => {
      const tab = this.children[at]
      if (!tab) return
      const { status } = answer.dataset
      if (tab.dataset.status !== status) tab.dataset.status = status
      tab.querySelector(".tab__name").textContent = answer.ariaLabel
      tab.querySelector(".visually-hidden").textContent = say(`state ${status}`)
      if (answer.id) tab.setAttribute("aria-controls", answer.id)
    })
    this.#select(Math.min(this.#at, this.children.length - 1))
  }

  #select(at) {
    this.#at = at
    for (const [number, tab] of [...this.children].entries()) {
      tab.ariaSelected = number === at
      tab.tabIndex = number === at ? 0 : -1
    }
  }

  // Shows a lane, and its tab.
  #show(at) {
    const lanes = this.#lanes
    const [lane, row] = [this.#answers[at].getBoundingClientRect(), lanes.getBoundingClientRect()]
    const rtl = getComputedStyle(lanes).direction === "rtl"
    const most = lanes.scrollWidth - lanes.clientWidth
    const wanted = lanes.scrollLeft + (rtl ? lane.right - row.right : lane.left - row.left)
    const left = Math.max(rtl ? -most : 0, Math.min(wanted, rtl ? 0 : most))
    this.#arrives = Math.abs(left - lanes.scrollLeft) > 1 ? performance.now() + SCROLL_MS : 0
    lanes.scrollTo({ left, behavior: "smooth" })
    this.#select(at)
    this.children[at].scrollIntoView({ block: "nearest", inline: "nearest" })
  }

  #scrolled = () => {
    if (performance.now() < this.#arrives) return
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0
      const row = this.#lanes.getBoundingClientRect()
      const rtl = getComputedStyle(this.#lanes).direction === "rtl"
      const away = this.#answers.map(answer => {
        const lane = answer.getBoundingClientRect()
        return Math.abs(rtl ? lane.right - row.right : lane.left - row.left)
      })
      const nearest = away.indexOf(Math.min(...away))
      if (nearest === this.#at) return
      this.#select(nearest)
      this.children[nearest].scrollIntoView({ block: "nearest", inline: "nearest" })
    })
  }

  #click = ({ target }) => {
    const at = [...this.children].indexOf(target.closest("[role=tab]"))
    if (at >= 0) this.#show(at)
  }

  #key = event => {
    const last = this.children.length - 1
    const ahead = getComputedStyle(this).direction === "rtl" ? -1 : 1
    const at = { ArrowRight: this.#at + ahead, ArrowLeft: this.#at - ahead, Home: 0, End: last }[event.key]
    if (at === undefined) return
    event.preventDefault()
    this.#show(Math.max(0, Math.min(at, last)))
    this.children[this.#at].focus({ preventScroll: true })
  }
}

function tab() {
  const button = document.createElement("button")
  button.type = "button"
  button.role = "tab"
  button.className = "tab"
  for (const name of ["tab__dot", "tab__name", "visually-hidden"]) button.append(Object.assign(document.createElement("span"), { className: name }), " ")
  return button
}
