// <chat-lanes>: the answers to one question, side by side when there are several. Each lane is asked, stopped and
// asked again for itself; what stands below the row is the server's, drawn anew whenever no lane is running.
import { connection, enter } from "../connection.js"
import { uuid7 } from "../lib/ids.js"
import { dress } from "../paint/code.js"
import { become, fetchPart, parse } from "../paint/morph.js"
import { say, stamp } from "../strings.js"

const RUNNING = ":is([data-status=queued], [data-status=streaming])"
const MOST = 6
const HEAD = 64 // pixels, about; a head does not leave its row

export class ChatLanes extends HTMLElement {
  #drawing = 0
  #view = null
  #past = 0

  connectedCallback() {
    this.addEventListener("answer-wanted", this.#wanted)
    this.addEventListener("answer-changed", this.#drawSoon)
    this.addEventListener("click", this.#turnOver)
    this.#view = this.closest("chat-scroll")
    this.#view?.addEventListener("view-moved", this.#pin)
    this.#tabs()
  }

  disconnectedCallback() {
    clearTimeout(this.#drawing)
    this.#view?.removeEventListener("view-moved", this.#pin)
  }

  // How far the row is past the upper edge, for its heads. A turn that is away from the edge is not looked into.
  #pin = () => {
    const top = this.#view.getBoundingClientRect().top
    const turn = this.#turn?.getBoundingClientRect()
    const over = turn && this.children.length > 1 && turn.top < top && turn.bottom > top && this.scrollWidth > this.clientWidth
    const row = over && this.getBoundingClientRect()
    const past = over ? Math.max(0, Math.min(top - row.top, row.height - HEAD)) : 0
    if (past === this.#past) return
    this.#past = past
    this.style.setProperty("--past", `${past}px`)
  }

  // A place for each answer, before there is any.
  open(models, question, blind = false) {
    const named = (model, at) => this.#lane(model, question, models.slice(0, at).filter(one => one === model).length)
    this.replaceChildren(...models.map(blind ? (_, at) => this.#veiled(at, question) : named))
    this.#compare()
    this.#changed()
  }

  // The runs that fill the places.
  assign(runs) {
    runs.forEach((run, at) => this.#give(this.children[at], run))
  }

  // One more answer to the same question, in a lane of its own.
  add() {
    const { question } = this.firstElementChild.dataset
    this.#choose(model => this.#ask(model, question, "new", lane => {
      this.append(lane)
      lane.scrollIntoView({ block: "nearest", inline: "end" })
      return problem => {
        lane.remove()
        this.#refuse(this.lastElementChild, problem)
      }
    }))
  }

  get #turn() {
    return this.closest(".turn")
  }

  #compare() {
    this.#turn.toggleAttribute("data-comparison", this.children.length > 1)
    this.#tabs()
  }

  #tabs() {
    const tabs = this.#turn?.querySelector("lane-tabs")
    if (this.children.length < 2) tabs?.remove()
    else if (!tabs) this.before(document.createElement("lane-tabs"))
  }

  // A place for an answer of nobody knows whom.
  #veiled(at, question) {
    const answer = stamp("answer-template")
    const label = say("answerLetter", { letter: String.fromCharCode(65 + at) })
    Object.assign(answer.dataset, { veiled: "", model: "", question })
    answer.setAttribute("aria-label", label)
    answer.querySelector(".answer__model").textContent = label
    return answer
  }

  // `before`: how many lanes of the same model there are already.
  #lane(model, question, before = 0) {
    const answer = stamp("answer-template")
    answer.dataset.model = model
    answer.dataset.question = question
    const box = [...document.querySelectorAll("model-picker input[type=checkbox]")].find(input => input.value === model)
    const label = (box?.dataset.label ?? model) + (before ? ` (${before + 1})` : "")
    answer.setAttribute("aria-label", label)
    answer.querySelector(".answer__model").textContent = label
    return answer
  }

  #give(answer, { id, message, status }) {
    answer.id = `m-${message}`
    answer.dataset.message = message
    answer.dataset.status = status === "queued" ? "queued" : "streaming"
    answer.dataset.run = id
  }

  // Again, with another model, beside another model, or on from where it broke off.
  #wanted = ({ detail: { act, answer } }) => {
    if (act === "continue") return this.#continue(answer)
    if (act === "again") return this.#replace(answer, answer.dataset.model)
    if (act === "beside") return this.add()
    this.#choose(model => this.#replace(answer, model))
  }

  #choose(done) {
    document.dispatchEvent(new CustomEvent("model-wanted", { detail: { done } }))
  }

  #replace(answer, model) {
    return this.#ask(model, answer.dataset.question, answer.dataset.message, lane => {
      answer.replaceWith(lane)
      return problem => {
        lane.replaceWith(answer)
        this.#refuse(answer, problem)
      }
    })
  }

  // `place` puts the new answer where it belongs, and returns what takes it away again.
  async #ask(model, question, lane, place) {
    const answer = this.#lane(model, question)
    const undo = place(answer)
    this.#compare()
    this.#changed()
    try {
      await enter()
      const frame = { type: "chat.answer", id: uuid7(), message: question, models: [model], lane, options: {} }
      this.#give(answer, (await connection.request(frame)).runs[0])
    } catch (problem) {
      undo(problem)
      this.#compare()
    }
    this.#changed()
  }

  async #continue(answer) {
    try {
      await connection.request({ type: "run.continue", id: uuid7(), run: answer.dataset.run })
      answer.replaceWith(parse(await fetchPart(this.#address(answer.dataset.message))))
    } catch (problem) {
      this.#refuse(answer, problem)
    }
    this.#changed()
  }

  // ‹ 2/3 › beside an answer in a row shows another version of its lane, and moves nothing else.
  #turnOver = async event => {
    const link = event.target.closest(".switch a")
    if (!link || this.children.length < 2 || event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    const here = link.closest("chat-answer")
    const html = await fetchPart(this.#address(new URL(link.href).searchParams.get("at"))).catch(() => null)
    if (!html || !here.isConnected) return
    const other = parse(html).firstElementChild
    here.replaceWith(other)
    other.querySelector(".switch a")?.focus()
    this.#changed()
  }

  #refuse(answer, { message, code }) {
    answer.dataset.refused = ""
    answer.querySelector("[data-problem]").textContent = message || say("notSent")
    answer.querySelector("[data-problem-code]").textContent = code ?? ""
  }

  #address(message) {
    return `/chat/${this.closest("chat-frame").dataset.chat}/messages/${message}`
  }

  #drawSoon = () => {
    clearTimeout(this.#drawing)
    const ended = this.children.length > 1 && !this.querySelector(RUNNING)
    if (ended) this.#drawing = setTimeout(() => this.draw(), 100)
  }

  // What is told of the whole row, and, when `all`, the answers as well.
  async draw({ all = false } = {}) {
    const { question } = this.firstElementChild?.dataset ?? {}
    const html = await fetchPart(this.#address(question)).catch(() => null)
    const drawn = html && this.isConnected && parse(html)
    if (!drawn) return
    const [after, known] = [drawn.querySelector("[data-after]"), this.#turn.querySelector("[data-after]")]
    if (known && after) become(known, after.outerHTML)
    else if (after) this.after(after)
    // The second one of a model is called so; a running answer draws itself.
    for (const answer of drawn.querySelectorAll("chat-answer")) {
      const here = document.getElementById(answer.id)
      if (here && (all || here.getAttribute("aria-label") !== answer.getAttribute("aria-label")) && !here.matches(RUNNING)) {
        become(here, answer.outerHTML)
        dress(here)
      }
    }
    this.#turn.querySelector("[data-beside]")?.toggleAttribute("disabled", this.children.length >= MOST)
  }

  #changed() {
    this.dispatchEvent(new CustomEvent("answer-changed", { bubbles: true }))
  }
}
