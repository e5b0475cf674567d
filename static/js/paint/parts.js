// Draws the events of a run into an answer's body, in the order they happened.
import { say, stamp } from "../strings.js"
import { Prose } from "./prose.js"
import { shown } from "./tools.js"

export class Parts {
  #body
  #prose = null // what text goes into now
  #thinking = null

  constructor(body) {
    this.#body = body
  }

  // Parts as they are stored: what was said so far.
  restore(parts) {
    this.clear()
    for (const part of parts) {
      if (part.type === "text") this.apply({ type: "text.delta", text: part.text })
      else if (part.type === "reasoning") {
        this.apply({ type: "reasoning.delta", text: part.text })
        if (part.ms !== null && part.ms !== undefined) this.apply({ type: "reasoning.done", ms: part.ms })
      } else if (part.type === "artifact") {
        this.#open(part)
        this.#preview(part.n, part.preview)
        if (part.status !== "writing") this.#close(part)
      } else {
        this.apply({ ...part, type: "tool.call" })
        if (part.ok !== null && part.ok !== undefined) this.apply({ ...part, type: "tool.result" })
      }
    }
  }

  apply(event) {
    switch (event.type) {
      case "text.delta":
        if (this.#thinking) this.#endThinking()
        this.#prose ??= this.#text()
        return this.#prose.push(event.text)
      case "reasoning.delta":
        if (!this.#thinking) this.#begin()
        return this.#prose.push(event.text)
      case "reasoning.done":
        return this.#endThinking(event.ms)
      case "tool.call":
        return this.#tool(event)
      case "tool.result":
        return this.#toolResult(event)
      case "artifact.open":
        return this.#open(event)
      case "artifact.delta":
        return this.#preview(event.n, event.text)
      case "artifact.close":
        return this.#close(event)
      case "run.snapshot":
        return this.restore(event.parts)
      case "run.restarted":
        return this.clear()
      case "run.finished":
        return this.end()
    }
  }

  clear() {
    this.#prose = this.#thinking = null
    this.#body.replaceChildren()
  }

  end() {
    if (this.#thinking) this.#endThinking()
    this.#prose?.end()
    this.#prose = null
  }

  #text() {
    const prose = document.createElement("div")
    prose.className = "prose"
    prose.dir = "auto"
    prose.dataset.part = "text"
    this.#body.append(prose)
    return new Prose(prose)
  }

  #begin() {
    this.end()
    this.#thinking = stamp("reasoning-template")
    this.#thinking.dataset.live = ""
    this.#thinking.querySelector("summary span").textContent = say("thinking")
    this.#body.append(this.#thinking)
    this.#prose = new Prose(this.#thinking.querySelector(".thinking__text"))
  }

  #endThinking(ms) {
    if (!this.#thinking) return
    this.#prose?.end()
    delete this.#thinking.dataset.live
    const seconds = Math.round((ms ?? 0) / 1000)
    this.#thinking.querySelector("summary span").textContent = seconds ? say("thought", { seconds }) : say("thoughtBriefly")
    this.#thinking = this.#prose = null
  }

  #tool({ call, name, arguments: given }) {
    this.end()
    const card = stamp("tool-template")
    card.dataset.call = call
    card.dataset.name = name
    card.querySelector(".tool__name").textContent = say(`tool ${name}`) || name
    card.querySelector(".tool__state").textContent = say("toolRunning")
    card.querySelector(".tool__arguments").textContent = written(given)
    this.#body.append(card)
  }

  #toolResult({ call, ok, result }) {
    const card = [...this.#body.querySelectorAll(".tool")].find(tool => tool.dataset.call === call)
    if (!card) return
    card.dataset.ok = ok
    card.querySelector(".tool__state").textContent = ok ? say("toolDone") : (say(`toolFailed ${result?.error}`) || say("toolFailed"))
    card.querySelector(".tool__result").textContent = written(result)
    if (ok) card.querySelector(".tool__said").replaceChildren(...shown(card.dataset.name, result))
  }

  // A document is a card here, whatever is done with its text elsewhere.
  #open({ n, document: id, kind, title }) {
    this.end()
    const card = stamp("document-template")
    card.dataset.n = n
    card.dataset.document = id
    card.dataset.status = "writing"
    card.href = `/documents/${id}`
    card.querySelector("use").setAttribute("href", `#i-${ICONS[kind] ?? "text"}`)
    card.querySelector(".document__title").textContent = title
    card.querySelector(".document__state").textContent = say("documentWriting")
    this.#body.append(card)
  }

  #preview(n, text) {
    const preview = this.#card(n)?.querySelector(".document__preview")
    if (preview && preview.textContent.length < PREVIEW) preview.textContent = (preview.textContent + text).slice(0, PREVIEW)
  }

  #close({ n, version, status }) {
    const card = this.#card(n)
    if (!card) return
    card.dataset.status = status
    const number = version > 1 ? say("documentVersion", { number: version }) : ""
    card.querySelector(".document__state").textContent = status === "partial" ? say("documentPartial") : number
  }

  // The last one of that number: an answer that was continued counts from one again.
  #card(n) {
    return [...this.#body.querySelectorAll(".document")].findLast(card => card.dataset.n === String(n))
  }
}

const ICONS = { text: "text", code: "code", sheet: "grid", image: "image" }
const PREVIEW = 200 // characters, as the server keeps them

const written = value => (typeof value === "string" ? value : JSON.stringify(value, null, 2) ?? "")
