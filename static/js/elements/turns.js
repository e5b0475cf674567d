// <chat-turns>: the questions and answers of a chat. Puts down what the composer hands over.
import { connection } from "../connection.js"
import { uuid7 } from "../lib/ids.js"
import { become, fetchPart, parse } from "../paint/morph.js"
import { drafts } from "../preferences.js"
import { announce, say, stamp } from "../strings.js"

export class ChatTurns extends HTMLElement {
  #listening
  #near
  #replaced = new Map() // turns that an edit took the place of, until the server has it

  connectedCallback() {
    this.#listening = new AbortController()
    const { signal } = this.#listening
    document.addEventListener("message-written", ({ detail }) => this.#write({ id: uuid7(), ...detail }), { signal })
    this.addEventListener("question-sending", ({ target, detail }) => this.#sending(target, detail), { signal })
    this.addEventListener("question-refused", ({ target, detail }) => this.#refused(target, detail), { signal })
    this.addEventListener("question-taken", ({ target, detail }) => this.#taken(target, detail), { signal })
    this.addEventListener("click", event => this.#click(event), { signal })
    connection.addEventListener("notice", ({ detail }) => this.#notice(detail), { signal })
    document.addEventListener("models-changed", () => this.#goes(), { signal })
    document.addEventListener("question-taken", () => this.#goes(), { signal })
    this.#recall()
    requestAnimationFrame(() => this.#goes())
    this.#near = new IntersectionObserver(([entry]) => entry.isIntersecting && this.#earlier(), {
      root: this.closest("chat-scroll"),
      rootMargin: "600px 0px 0px",
    })
    requestAnimationFrame(() => this.#watch())
    // What happens elsewhere is heard also where nothing is being written.
    if (this.#frame.dataset.person) connection.open()
  }

  disconnectedCallback() {
    this.#listening.abort()
    this.#near.disconnect()
  }

  get #frame() {
    return this.closest("chat-frame")
  }

  #lanes(question) {
    return question.closest(".turn").querySelector("chat-lanes")
  }

  // The question stands there at once. `parent` is named where the page shows another branch than the chosen one.
  #write(message) {
    message.parent ??= this.#frame.dataset.parent ?? null
    message.shown ??= this.#shown
    this.#age()
    const turn = this.#draw(message)
    turn.dataset.fresh = ""
    turn.querySelector("chat-question").send(message)
    this.dispatchEvent(new CustomEvent("turn-added", { bubbles: true }))
  }

  // The turn asked last needs no room of its own when another follows.
  #age() {
    for (const fresh of this.querySelectorAll("[data-fresh]")) delete fresh.dataset.fresh
  }

  #sending(question, { id, edit, models, blind }) {
    const turn = question.closest(".turn")
    const edited = edit && document.getElementById(`t-${edit}`)
    if (edited && edited !== turn) {
      const replaced = []
      for (let at = edited; at && at !== turn; at = at.nextElementSibling) replaced.push(at)
      for (const one of replaced) one.remove()
      this.#replaced.set(id, replaced)
    }
    this.#lanes(question).open(models, id, blind)
  }

  #refused(question, { id }) {
    this.#lanes(question).open([])
    question.closest(".turn").before(...(this.#replaced.get(id) ?? []))
    this.#replaced.delete(id)
  }

  #draw({ id, text, parent, edit }) {
    this.#show()
    const turn = document.createElement("section")
    turn.className = "turn"
    turn.id = `t-${id}`
    const question = stamp("question-template")
    question.id = `m-${id}`
    question.dataset.message = id
    question.dataset.parent = parent ?? (edit ? "" : (this.#end ?? ""))
    question.querySelector(".question__bubble").textContent = text
    const lanes = document.createElement("chat-lanes")
    lanes.className = "lanes"
    turn.append(question, lanes)
    this.append(turn)
    return turn
  }

  // What the reader looks at in the last comparison: a lane may have several versions.
  get #shown() {
    const versions = [...this.querySelectorAll(".turn:last-child[data-comparison] chat-lanes chat-answer:has(.switch)")]
    return versions.map(answer => answer.dataset.message).filter(Boolean).slice(0, 6)
  }

  // The answer that a next question hangs on.
  get #end() {
    return this.querySelector(".turn:last-child chat-answer")?.dataset.message
  }

  #show() {
    this.hidden = false
    document.querySelector("[data-empty]")?.remove()
  }

  #taken(question, { chat, message, runs }) {
    this.#lanes(question).assign(runs)
    delete this.#frame.dataset.parent
    if (this.#replaced.delete(message)) this.#count(question, chat)
    if (this.#frame.dataset.chat === chat) return
    this.#frame.dataset.chat = chat
    history.replaceState(null, "", `/chat/${chat}`)
    document.dispatchEvent(new CustomEvent("chats-changed"))
  }

  // ‹ 2/2 › beside a question that has become one of several.
  async #count(question, chat) {
    const html = await fetchPart(`/chat/${chat}/messages/${question.dataset.message}`).catch(() => null)
    const counted = html && parse(html).querySelector("chat-question")
    if (counted && question.isConnected) become(question, counted.outerHTML)
  }

  // A message that was on its way when the page was left.
  #recall() {
    const { chat } = this.#frame.dataset
    const message = drafts.unsent(chat)
    if (!message) return
    if (document.getElementById(`m-${message.id}`)) drafts.sent(chat, message.id)
    else this.#draw(message).querySelector("chat-question").fail(message, {})
  }

  #click(event) {
    const { target } = event
    const choice = target.closest("[data-choose]")
    if (target.closest("[data-earlier]")) this.#act(event, () => this.#earlier())
    else if (choice) this.#act(event, () => this.#choose(choice))
    else if (target.closest(".outcome [data-beside]")) target.closest(".turn").querySelector("chat-lanes").add()
  }

  #act(event, then) {
    event.preventDefault()
    then()
  }

  // "Continue with this one": for all models, or with its model alone. Without a question below it nothing else moves.
  async #choose({ dataset: { choose, only } }) {
    const { chat } = this.#frame.dataset
    const form = document.getElementById("choosing")
    const response = await fetch(`/chat/${chat}/messages/${choose}/choose`, { method: "POST", body: new FormData(form), redirect: "manual" }).catch(() => null)
    if (!response) return announce(say("notSent"))
    if (only) document.dispatchEvent(new CustomEvent("model-chosen", { detail: { model: only } }))
    const turn = document.getElementById(`m-${choose}`).closest(".turn")
    if (turn.nextElementSibling || this.#frame.dataset.parent) return location.assign(`/chat/${chat}`)
    await turn.querySelector("chat-lanes").draw({ all: true })
    this.#goes()
    document.getElementById("text").focus()
  }

  // Who goes on from an answer that was chosen: everybody, or its model alone.
  #goes() {
    for (const chosen of this.querySelectorAll(".answer[data-chosen]")) {
      const turn = chosen.closest(".turn")
      const next = turn.nextElementSibling?.querySelectorAll("chat-lanes chat-answer")
      const models = next?.length ? [...next].map(answer => answer.dataset.model) : this.#models
      const alone = models.length === 1 && models[0] === chosen.dataset.model
      for (const words of turn.querySelectorAll("[data-goes]")) words.hidden = (words.dataset.goes === "one") !== alone
    }
  }

  get #models() {
    const form = document.querySelector("chat-composer form")
    return form ? new FormData(form).getAll("models") : []
  }

  async #earlier() {
    const place = this.querySelector("[data-earlier]:not([data-loading])")
    if (!place) return
    place.dataset.loading = ""
    const html = await fetchPart(place.querySelector("a").href).catch(() => null)
    if (!html) return void delete place.dataset.loading
    if (!place.isConnected) return
    this.dispatchEvent(new CustomEvent("turns-before", { bubbles: true, detail: { add: () => place.replaceWith(parse(html)) } }))
    this.#watch()
  }

  // What lies above is fetched when the reader gets near it.
  #watch() {
    this.#near.disconnect()
    const place = this.querySelector("[data-earlier]")
    if (place) this.#near.observe(place)
  }

  // Another tab or device spoke in this chat.
  async #notice({ kind, chat, message }) {
    const here = () => document.getElementById(`m-${message}`)
    if (kind !== "message.added" || chat !== this.#frame.dataset.chat || here()) return
    const html = await fetchPart(`/chat/${chat}/messages/${message}`).catch(() => null)
    const turn = html && parse(html).querySelector(".turn")
    if (!turn || here() || !this.#belongs(turn)) return
    this.#show()
    const known = document.getElementById(turn.id)
    if (known) become(known, turn.outerHTML)
    else {
      this.#age()
      this.append(turn)
    }
    this.dispatchEvent(new CustomEvent("answer-changed", { bubbles: true }))
  }

  // Whether a turn goes on with the branch that is shown here.
  #belongs(turn) {
    const { parent } = turn.querySelector("chat-question").dataset
    const here = this.querySelector(".turn:last-child")
    return document.getElementById(turn.id) !== null || (parent ? here?.querySelector(`#m-${parent}`) !== null : !here)
  }
}
