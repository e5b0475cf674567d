// <chat-sidebar>: the list of chats. A column or a rail on a desk, a sheet on a phone; kept up to date.
import { connection } from "../connection.js"
import { Swipe } from "../lib/swipe.js"
import { become, fetchPart } from "../paint/morph.js"
import { drafts, remember } from "../preferences.js"

const SOON_MS = 80
const AGAIN_MS = 5_000 // while another chat's answer is being written; usually a notice comes first
const EDGE = 0.4 // of the width, where a finger may begin to pull the sheet out
const RUNNING = ":is(chat-answer[data-status=queued], chat-answer[data-status=streaming])"

export class ChatSidebar extends HTMLElement {
  #listening
  #timer
  #swipe = null

  connectedCallback() {
    this.#listening = new AbortController()
    const { signal } = this.#listening
    document.addEventListener("click", event => this.#click(event), { signal })
    document.addEventListener("chats-changed", () => this.#refresh(), { signal })
    document.addEventListener("answer-changed", () => this.#mark(), { signal })
    document.addEventListener("escape-pressed", event => this.#open && (event.preventDefault(), this.#sheet(false)), { signal })
    this.addEventListener("submit", event => event.target.action.endsWith("/logout/") && drafts.clear(), { signal })
    document.addEventListener("touchstart", event => this.#touch(event), { passive: true, signal })
    document.addEventListener("touchmove", event => this.#drag(event), { passive: true, signal })
    for (const type of ["touchend", "touchcancel"]) document.addEventListener(type, () => this.#release(), { passive: true, signal })
    connection.addEventListener("notice", ({ detail }) => this.#notice(detail), { signal })
    this.#watch()
  }

  disconnectedCallback() {
    this.#listening.abort()
    clearTimeout(this.#timer)
  }

  get #frame() {
    return this.closest("chat-frame")
  }

  get #open() {
    return document.documentElement.dataset.sheet === "open"
  }

  #click(event) {
    const { target } = event
    if (target.closest("[data-toggle-sidebar]")) this.#toggle()
    else if (target.closest("[data-open-sidebar], [data-close-sidebar]")) {
      event.preventDefault()
      this.#sheet(target.closest("[data-open-sidebar]") !== null)
    }
  }

  #toggle() {
    if (this.#open) return this.#sheet(false)
    const { dataset } = document.documentElement
    const rail = dataset.sidebar !== "rail"
    if (rail) dataset.sidebar = "rail"
    else delete dataset.sidebar
    remember("sidebar", rail ? "rail" : "open")
  }

  #sheet(open) {
    if (open) document.documentElement.dataset.sheet = "open"
    else delete document.documentElement.dataset.sheet
    document.querySelector(".main").inert = open
    document.querySelector(open ? ".sidebar a" : "[data-open-sidebar]").focus()
  }

  #touch({ target, touches: [touch, second] }) {
    this.#swipe = null
    if (second || !matchMedia("(max-width: 47.99rem)").matches || document.querySelector("dialog[open]")) return
    if (!this.#open && scrollsSideways(target)) return
    const { clientX: x, clientY: y } = touch
    const sign = document.documentElement.dir === "rtl" ? -1 : 1
    const reach = sign > 0 ? x : innerWidth - x
    if (!this.#open && reach > innerWidth * EDGE) return
    this.#swipe = new Swipe({ x, y, at: performance.now(), open: this.#open, width: this.offsetWidth, sign })
  }

  #drag({ touches: [touch] }) {
    const share = this.#swipe?.move({ x: touch.clientX, y: touch.clientY, at: performance.now() })
    if (share === undefined) return
    this.dataset.dragged = ""
    const sign = document.documentElement.dir === "rtl" ? 1 : -1
    this.style.transform = `translateX(${sign * (1 - share) * 100}%)`
  }

  #release() {
    const swipe = this.#swipe
    this.#swipe = null
    if (swipe?.state !== "swiping") return
    delete this.dataset.dragged
    this.style.transform = ""
    const open = swipe.end()
    if (open !== this.#open) this.#sheet(open)
  }

  #refresh(ms = SOON_MS) {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#reload(), ms)
  }

  async #reload() {
    const { sidebarUrl, chat } = this.#frame.dataset
    const html = await fetchPart(`${sidebarUrl}?current=${chat}`).catch(() => null)
    if (!html || !this.isConnected) return
    become(this.querySelector("#sidebar-live"), html, { inside: true })
    this.#rename(chat, this.#row(chat)?.querySelector(".chat-row__title").textContent)
    this.#mark()
    this.#watch()
  }

  #watch() {
    if (this.querySelector(".chat-row[data-running]:not([aria-current])")) this.#refresh(AGAIN_MS)
  }

  #row(chat) {
    return chat ? this.querySelector(`#row-${CSS.escape(chat)}`) : null
  }

  // The row of this chat knows before the server's list does.
  #mark() {
    const row = this.#row(this.#frame.dataset.chat)
    row?.setAttribute("aria-current", "page")
    row?.toggleAttribute("data-running", document.querySelector(RUNNING) !== null)
  }

  #notice({ kind, chat, title }) {
    if (kind === "chat.renamed") this.#rename(chat, title)
    else if (kind === "chat.deleted") this.#row(chat)?.parentElement.remove()
    else if (kind === "message.added" || kind === "run.state") this.#refresh()
    if (kind === "run.state" && chat !== this.#frame.dataset.chat) this.#row(chat)?.setAttribute("data-unread", "")
  }

  #rename(chat, title) {
    if (!title) return
    const row = this.#row(chat)
    if (row) row.querySelector(".chat-row__title").textContent = title
    if (chat !== this.#frame.dataset.chat) return
    document.querySelector("[data-title]").textContent = title
    document.title = `${title} · Polylogue`
  }
}

// Whether a finger that moves sideways here moves something already: a table, code, lanes.
function scrollsSideways(element) {
  for (let at = element; at instanceof Element; at = at.parentElement) {
    if (at.scrollWidth > at.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(at).overflowX)) return true
  }
  return false
}
