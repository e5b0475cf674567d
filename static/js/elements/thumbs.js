// <answer-thumbs>: up or down for one answer; the same once more takes it back.
import { post } from "../paint/forms.js"
import { become } from "../paint/morph.js"
import { announce } from "../strings.js"

export class AnswerThumbs extends HTMLElement {
  connectedCallback() {
    this.addEventListener("submit", this.#submit)
  }

  #submit = async event => {
    event.preventDefault()
    const { target, submitter } = event
    try {
      become(this, await post(target, submitter))
    } catch ({ message }) {
      announce(message)
    }
  }
}
