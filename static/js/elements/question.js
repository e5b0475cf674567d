// <chat-question>: what a person said. Until the server has it, it says so and keeps it.
import { connection, enter } from "../connection.js"
import { drafts } from "../preferences.js"
import { say, soon } from "../strings.js"

const PATIENCE_MS = 4_000

export class ChatQuestion extends HTMLElement {
  #message
  #timer
  #again = () => this.#message && this.dataset.state === "unsent" && this.send(this.#message)

  connectedCallback() {
    this.addEventListener("click", this.#click)
  }

  disconnectedCallback() {
    clearTimeout(this.#timer)
    removeEventListener("online", this.#again)
  }

  // {id, text, models, edit, parent}. The same id makes sending it twice harmless; `edit` is the message it replaces.
  async send(message) {
    this.#message = message
    delete this.dataset.state
    this.#tell("question-sending", message)
    this.#timer = setTimeout(() => this.#say("waiting", say("sendingWhenBack")), PATIENCE_MS)
    const { chat } = this.closest("chat-frame").dataset
    const { id, text, models, edit, blind, parent = null, shown = [] } = message
    drafts.sending(chat, message)
    try {
      await enter()
      const frame = { type: "chat.send", id, chat: chat || null, parent, shown, text, attachments: [], models, options: blind ? { blind } : {}, ...(edit && { edit }) }
      const turn = await connection.request(frame)
      drafts.sent(chat, id)
      this.#message = undefined
      delete this.dataset.state
      this.#tell("question-taken", turn)
    } catch (problem) {
      this.fail(message, problem)
    }
    clearTimeout(this.#timer)
  }

  fail(message, { status, message: words, details = {} }) {
    this.#message = message
    const said = [words || say(status === 413 ? "tooLong" : "notSent")]
    if (details.retry_after_s) said.push(say("wait", { seconds: details.retry_after_s }))
    if (details.renews_at) said.push(say("renews", { when: soon(details.renews_at) }))
    this.#say("unsent", said.join(" "))
    this.querySelector("[data-sign-up]").hidden = !details.actions?.includes("sign_up")
    this.#tell("question-refused", message)
    // Nobody answered at all: the network is away, and when it is back the message goes out by itself.
    if (status === 0) addEventListener("online", this.#again, { once: true })
  }

  edit() {
    const { message: edit, parent } = this.dataset
    const text = this.querySelector(".question__bubble").textContent
    document.dispatchEvent(new CustomEvent("edit-wanted", { detail: { edit, parent: parent || null, text } }))
  }

  #say(state, words) {
    this.dataset.state = state
    this.querySelector(".question__trouble-text").textContent = words
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }))
  }

  #click = ({ target }) => {
    if (target.closest("[data-edit]")) this.edit()
    else if (target.closest("[data-resend]")) this.send(this.#message)
    else if (target.closest("[data-take-back]")) {
      drafts.sent(this.closest("chat-frame").dataset.chat, this.#message.id)
      document.dispatchEvent(new CustomEvent("message-returned", { detail: this.#message }))
      this.closest(".turn").remove()
    }
  }
}
