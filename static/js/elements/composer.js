// <chat-composer>: the text field. Keeps a draft per chat, hands a message over, and turns into Stop while
// answers are being written and nothing is typed. While an earlier message is edited, its draft waits.
import { connection } from "../connection.js"
import { drafts } from "../preferences.js"
import { say, soon } from "../strings.js"

const RUNNING = ":is(chat-answer[data-status=queued], chat-answer[data-status=streaming])"
const grows = CSS.supports("field-sizing", "content")

export class ChatComposer extends HTMLElement {
  #listening
  #edited = null // {id, parent} of the message that is being edited
  #draft = ""
  #held = false // somebody wanted to send, and has too few answers left for all models

  connectedCallback() {
    this.#listening = new AbortController()
    const { signal } = this.#listening
    this.#text.value ||= drafts.read(this.#chat)
    this.#text.addEventListener("input", () => this.#typed(), { signal })
    this.#text.addEventListener("keydown", event => this.#key(event), { signal })
    this.#form.addEventListener("submit", event => this.#submit(event), { signal })
    this.querySelector(".composer__send").addEventListener("click", event => this.#press(event), { signal })
    document.addEventListener("answer-changed", () => this.#show(), { signal })
    document.addEventListener("turn-added", () => this.#show(), { signal })
    document.addEventListener("message-returned", ({ detail }) => this.#put(detail.text), { signal })
    document.addEventListener("edit-wanted", ({ detail }) => this.#edit(detail), { signal })
    document.addEventListener("edit-last", () => this.#editLast(), { signal })
    document.addEventListener("escape-pressed", event => this.#edited && (event.preventDefault(), this.#cancel()), { signal })
    connection.addEventListener("notice", ({ detail }) => detail.kind === "quota" && this.#quota(detail), { signal })
    document.addEventListener("models-changed", () => this.#few(), { signal })
    document.addEventListener("question-taken", ({ detail }) => this.#spent(detail.runs.length), { signal })
    this.querySelector("[data-drop]").addEventListener("click", () => this.#drop(), { signal })
    this.querySelector("[data-cancel-edit]").addEventListener("click", () => this.#cancel(), { signal })
    document.addEventListener("starter-chosen", ({ detail }) => this.#hand(detail.text, detail.models), { signal })
    this.#typed()
    this.#few()
  }

  disconnectedCallback() {
    this.#listening.abort()
  }

  get #form() {
    return this.querySelector("form")
  }

  get #text() {
    return this.querySelector("textarea")
  }

  get #chat() {
    return this.closest("chat-frame").dataset.chat
  }

  #typed() {
    if (!this.#edited) drafts.write(this.#chat, this.#text.value)
    if (!grows) {
      this.#text.style.blockSize = "auto"
      this.#text.style.blockSize = `${this.#text.scrollHeight}px`
    }
    this.#show()
  }

  #show() {
    const button = this.querySelector(".composer__send")
    const empty = !this.#text.value.trim()
    const stops = empty && document.querySelector(RUNNING) !== null
    button.dataset.action = stops ? "stop" : "send"
    button.disabled = empty && !stops
    button.setAttribute("aria-label", say(stops ? "stop" : "send"))
    button.title = stops ? `${say("stop")} (Esc)` : say("send")
  }

  // An Enter that ends a word of an input method is not ours; on a touch keyboard Enter is a new line.
  #key(event) {
    if (event.key === "ArrowUp" && !this.#text.value && this.#editLast()) return event.preventDefault()
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return
    if (matchMedia("(pointer: coarse)").matches) return
    event.preventDefault()
    this.#form.requestSubmit()
  }

  #submit(event) {
    event.preventDefault()
    const text = this.#text.value.trim()
    if (text) this.#hand(text, this.#models)
  }

  // An empty field would not let the form go.
  #press(event) {
    if (event.currentTarget.dataset.action !== "stop") return
    event.preventDefault()
    document.dispatchEvent(new CustomEvent("stop-all"))
  }

  #hand(text, models) {
    if (!models.length) return this.#refuse(say("noModel"))
    // With too few answers left nothing is sent, and nothing typed is lost.
    this.#held = this.#left > 0 && this.#left < models.length
    if (this.#held) return this.querySelector("[data-drop]").focus()
    this.#refuse("")
    const edited = this.#edited ?? {}
    if (this.#edited) this.#cancel()
    else {
      this.#text.value = ""
      this.#typed()
    }
    document.dispatchEvent(new CustomEvent("message-written", { detail: { text, models, blind: models.length > 1 && new FormData(this.#form).has("blind"), ...edited } }))
  }

  #refuse(words) {
    const line = this.querySelector("[data-refusal]")
    line.textContent = words
    line.hidden = !words
  }

  #editLast() {
    const last = [...document.querySelectorAll("chat-question:not([data-state])")].at(-1)
    last?.edit()
    return Boolean(last)
  }

  #edit({ edit, parent, text }) {
    if (!this.#edited) this.#draft = this.#text.value
    this.#edited = { edit, parent }
    this.#text.value = text
    this.#editing = true
    this.#typed()
    this.#text.focus()
    this.#text.setSelectionRange(text.length, text.length)
  }

  #cancel() {
    this.#edited = null
    this.#text.value = this.#draft
    this.#editing = false
    this.#typed()
    this.#text.focus()
  }

  set #editing(on) {
    this.querySelector("[data-editing]").hidden = !on
  }

  // Near its end, what is left of the day is said before anybody runs into it.
  #quota({ used, limit, renews_at: renews }) {
    const line = document.querySelector("[data-quota-line]")
    line.textContent = say("quotaNear", { left: Math.max(0, limit - used), limit, when: soon(renews) })
    line.hidden = false
    this.dataset.left = Math.max(0, limit - used)
    this.#few()
  }

  get #models() {
    return new FormData(this.#form).getAll("models")
  }

  get #left() {
    return Number(this.dataset.left ?? Infinity)
  }

  // Fewer answers are left today than models chosen: said before anything is sent, with the way out.
  #few() {
    const left = this.#left
    const count = this.#models.length
    const line = this.querySelector("[data-few]")
    line.hidden = count <= left || (count === 1 && left > 0)
    if (line.hidden) return
    this.querySelector("[data-few-words]").textContent = left ? say(left === 1 ? "oneLeft" : "fewLeft", { left, count }) : say("noneLeft")
    const drop = this.querySelector("[data-drop]")
    drop.hidden = !left
    drop.textContent = left === 1 ? say("askOne") : say("askFewer", { left })
  }

  #drop() {
    const models = this.#models.slice(0, this.#left)
    document.dispatchEvent(new CustomEvent("models-chosen", { detail: { models } }))
    this.#text.focus()
    // A question that was refused is asked again, of so many.
    const back = !this.#text.value && document.querySelector(".turn:last-child chat-question[data-state=unsent] [data-take-back]")
    if (back) back.click()
    if (this.#text.value.trim() && (this.#held || back)) this.#form.requestSubmit()
  }

  #spent(answers) {
    if (this.dataset.left) this.dataset.left = Math.max(0, this.dataset.left - answers)
    this.#few()
  }

  #put(text) {
    this.#text.value = this.#text.value ? `${text}\n\n${this.#text.value}` : text
    this.#typed()
    this.#text.focus()
  }
}
