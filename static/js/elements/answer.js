// <chat-answer data-run data-seq data-status>: one answer that grows until its run ends, then becomes what the
// server makes of it.
import { connection } from "../connection.js"
import { Pacer } from "../lib/pacing.js"
import { dress } from "../paint/code.js"
import { become, fetchPart } from "../paint/morph.js"
import { Parts } from "../paint/parts.js"
import { announce, number, say } from "../strings.js"

const SLOW_AFTER_MS = 9_000
const SILENT_AFTER_MS = 2_500
const TICK_MS = 250
const LETTERS_PER_TOKEN = 4 // about; what the provider counted comes with the end
const ACTIVE = ["queued", "streaming"]

export class ChatAnswer extends HTMLElement {
  static observedAttributes = ["data-run"]
  #parts
  #pacer = new Pacer()
  #unfollow = null
  #following = ""
  #frame = 0
  #painted = 0
  #timers = []
  #ticking = 0
  #letters = 0
  #text = [] // what was said, in the pieces in which it came

  connectedCallback() {
    this.addEventListener("click", this.#click)
    if (this.#active) this.#begin()
    else dress(this)
  }

  disconnectedCallback() {
    this.#unfollow?.()
    this.#unfollow = null
    this.#following = ""
    this.#settle()
    this.#tick(false)
    cancelAnimationFrame(this.#frame)
  }

  attributeChangedCallback() {
    if (this.isConnected && this.#active) this.#begin()
  }

  get #active() {
    return ACTIVE.includes(this.dataset.status)
  }

  get #model() {
    return this.querySelector(".answer__model")?.textContent ?? ""
  }

  #begin() {
    const { run } = this.dataset
    this.#wait()
    delete this.dataset.refused
    this.dataset.started ||= Date.now()
    this.#state()
    this.#tick(this.#lane)
    if (!run || run === this.#following) return
    this.#following = run
    this.#parts = new Parts(this.querySelector(".answer__body"))
    const soFar = this.querySelector(":scope > script")
    if (soFar) this.#recall(JSON.parse(soFar.textContent).parts)
    soFar?.remove()
    this.#unfollow = connection.follow(run, Number(this.dataset.seq), event => this.#receive(event))
    if ("stopAsked" in this.dataset) connection.stop(run)
  }

  #recall(parts) {
    this.#parts.restore(parts)
    this.#text = texts(parts)
    this.#letters = this.#text.join("").length
  }

  // What Copy copies. Once the server has drawn the answer, its own words for it.
  get markdown() {
    const whole = this.querySelector(":scope > script")
    return whole ? JSON.parse(whole.textContent) : this.#text.join("")
  }

  #receive({ seq, event }) {
    this.dataset.seq = seq
    this.#pacer.push(event)
    if (document.hidden) return this.#paint(Infinity)
    if (this.#frame) return
    this.#painted = performance.now()
    this.#frame = requestAnimationFrame(now => this.#next(now))
  }

  #next(now) {
    this.#frame = 0
    // A first frame without time shows what came at once; later ones show what their time allows.
    this.#paint(document.hidden ? Infinity : Math.max(8, now - this.#painted))
    this.#painted = now
    if (!this.#pacer.empty) this.#frame = requestAnimationFrame(later => this.#next(later))
  }

  #paint(ms) {
    for (const event of this.#pacer.take(ms)) {
      this.#parts.apply(event)
      if (event.type === "run.started") this.#started()
      else if (event.type === "run.finished") this.#finished(event)
      else this.#said(event)
    }
  }

  #started() {
    this.dataset.status = "streaming"
    this.dataset.started = Date.now()
    this.#state()
    if (!this.#lane) announce(say("answerStarts", { model: this.#model }))
    this.#changed()
  }

  #said(event) {
    this.#letters += event.text?.length ?? 0
    if (event.type === "text.delta") this.#text.push(event.text)
    else if (event.type === "run.restarted") this.#text = []
    else if (event.type === "run.snapshot") this.#text = texts(event.parts)
    if (event.type === "run.restarted") delete this.dataset.said
    else if (event.type !== "usage" && !("said" in this.dataset)) {
      this.dataset.said = ""
      this.dataset.first = Date.now() - this.dataset.started
    }
    this.#wait()
  }

  async #finished({ status, error }) {
    this.#settle()
    this.#tick(false)
    this.#unfollow = null
    this.dataset.status = status
    this.querySelector("[data-problem]").textContent = this.#reason(status, error)
    this.querySelector("[data-problem-code]").textContent = error?.code ?? ""
    this.#state()
    announce(say(status === "complete" || status === "stopped" ? "answerEnds" : "answerBroke", { model: this.#model }), { together: this.#lane })
    this.#changed()
    dress(this)
    const chat = this.closest("chat-frame").dataset.chat
    const address = `/chat/${chat}/messages/${this.dataset.message}`
    const seen = !document.hidden
    const html = await fetchPart(seen ? `${address}?seen` : address).catch(() => null)
    if (!seen) document.addEventListener("visibilitychange", () => fetchPart(`${address}?seen`).catch(() => null), { once: true })
    if (!html || !this.isConnected || this.#active) return
    become(this, html)
    dress(this)
  }

  // The server tells in English what went wrong, with a code; the page has the words.
  #reason(status, error) {
    if (status === "complete") return ""
    return (error && (say(`error ${error.code.split(":")[0]}`) || error.message)) || say(status)
  }

  #changed() {
    this.dispatchEvent(new CustomEvent("answer-changed", { bubbles: true }))
  }

  // Whether it stands beside others.
  get #lane() {
    return this.closest("[data-comparison]") !== null
  }

  #state() {
    this.querySelector(".answer__state").textContent = say(`state ${this.dataset.status}`)
  }

  // In a comparison each head tells how long its lane has been at it, and how much it wrote.
  #tick(on) {
    clearInterval(this.#ticking)
    if (on) this.#ticking = setInterval(() => (this.querySelector(".answer__figures").textContent = this.#live), TICK_MS)
  }

  get #live() {
    const { started, first } = this.dataset
    const ms = Math.max(0, Date.now() - started)
    const time = value => (value < 100 ? say("milliseconds", { number: number(value) }) : say("seconds", { number: number(value / 1000, value < 10_000 ? 1 : 0) }))
    const told = [time(ms)]
    const tokens = Math.round(this.#letters / LETTERS_PER_TOKEN)
    if (first) told.push(say("firstToken", { time: time(first) }))
    if (tokens) told.push(say("tokensAbout", { number: number(tokens) }))
    const rate = (tokens * 1000) / (ms - first)
    if (first && ms - first > 1_000) told.push(say("rateAbout", { number: number(rate, rate < 10 ? 1 : 0) }))
    return told.join(" · ")
  }

  // Says why nothing comes when nothing comes.
  #wait() {
    this.#settle()
    const waiting = this.querySelector(".answer__waiting-text")
    waiting.textContent = this.#queuedBehind() ? say("queued") : "veiled" in this.dataset ? say("together") : ""
    const later = (ms, then) => this.#timers.push(setTimeout(then, ms))
    later(SLOW_AFTER_MS, () => (waiting.textContent ||= say("slow")))
    if ("said" in this.dataset) later(SILENT_AFTER_MS, () => (this.dataset.silent = ""))
  }

  #settle() {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers = []
    delete this.dataset.silent
  }

  #queuedBehind() {
    if (this.dataset.status !== "queued") return false
    const before = this.closest(".turn")?.previousElementSibling?.querySelectorAll("chat-answer") ?? []
    const running = [...before].filter(answer => ACTIVE.includes(answer.dataset.status))
    // A lane waits for what it said itself, not for its neighbours.
    return running.some(answer => before.length === 1 || answer.dataset.model === this.dataset.model)
  }

  #click = ({ target }) => {
    if (target.closest("[data-stop]")) this.stop()
    for (const act of ["again", "otherModel", "continue", "beside"]) {
      const attribute = act.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
      if (target.closest(`[data-${attribute}]`)) {
        this.dispatchEvent(new CustomEvent("answer-wanted", { bubbles: true, detail: { act, answer: this } }))
      }
    }
  }

  stop() {
    if (!this.#active) return
    if (this.dataset.run) connection.stop(this.dataset.run)
    else this.dataset.stopAsked = "" // told as soon as the run has a name
  }
}

const texts = parts => parts.filter(part => part.type === "text").map(part => part.text)
