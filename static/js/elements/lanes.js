// <chat-lanes>: the answers to one question, side by side when there are several.
import { connection, enter } from "../connection.js"
import { uuid7 } from "../lib/ids.js"
import { fetchPart, parse } from "../paint/morph.js"
import { say, stamp } from "../strings.js"

export class ChatLanes extends HTMLElement {
  connectedCallback() {
    this.addEventListener("answer-wanted", this.#wanted)
  }

  // A place for each answer, before there is any.
  open(models, question) {
    this.replaceChildren(...models.map(model => this.#lane(model, question)))
    this.closest(".turn").toggleAttribute("data-comparison", models.length > 1)
    this.#changed()
  }

  // The runs that fill the places.
  assign(runs) {
    runs.forEach((run, at) => this.#give(this.children[at], run))
  }

  #lane(model, question) {
    const answer = stamp("answer-template")
    answer.dataset.model = model
    answer.dataset.question = question
    const box = [...document.querySelectorAll("model-picker input[type=checkbox]")].find(input => input.value === model)
    const label = box?.dataset.label ?? model
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

  // Again, with another model, or on from where it broke off.
  #wanted = ({ detail: { act, answer } }) => {
    if (act === "again") return this.#replace(answer, answer.dataset.model)
    if (act === "continue") return this.#continue(answer)
    const done = model => this.#replace(answer, model)
    document.dispatchEvent(new CustomEvent("model-wanted", { detail: { done } }))
  }

  async #replace(answer, model) {
    const { question } = answer.dataset
    const lane = this.#lane(model, question)
    answer.replaceWith(lane)
    this.#changed()
    try {
      await enter()
      const turn = await connection.request({ type: "chat.answer", id: uuid7(), message: question, models: [model], options: {} })
      this.#give(lane, turn.runs[0])
    } catch (problem) {
      lane.replaceWith(answer)
      this.#refuse(answer, problem)
    }
    this.#changed()
  }

  async #continue(answer) {
    const { chat } = this.closest("chat-frame").dataset
    try {
      await connection.request({ type: "run.continue", id: uuid7(), run: answer.dataset.run })
      answer.replaceWith(parse(await fetchPart(`/chat/${chat}/messages/${answer.dataset.message}`)))
    } catch (problem) {
      this.#refuse(answer, problem)
    }
    this.#changed()
  }

  #refuse(answer, { message, code }) {
    answer.dataset.refused = ""
    answer.querySelector("[data-problem]").textContent = message || say("notSent")
    answer.querySelector("[data-problem-code]").textContent = code ?? ""
  }

  #changed() {
    this.dispatchEvent(new CustomEvent("answer-changed", { bubbles: true }))
  }
}
