// <copy-button>: copies the code block, answer or message it stands in. Answers are copied as markdown.
import { announce, say, stamp } from "../strings.js"

const SHOWN_MS = 1600

export class CopyButton extends HTMLElement {
  connectedCallback() {
    this.onclick = () => this.copy()
  }

  async copy() {
    const button = this.querySelector("button")
    try {
      await navigator.clipboard.writeText(this.#source())
    } catch {
      return announce(say("copyFailed"))
    }
    announce(say("copied"))
    if (this.dataset.done !== undefined) return
    this.dataset.done = ""
    const icon = button.firstElementChild
    const check = stamp("check-template")
    icon.replaceWith(check)
    setTimeout(() => {
      check.replaceWith(icon)
      delete this.dataset.done
    }, SHOWN_MS)
  }

  #source() {
    const code = this.closest(".code")
    if (code) return code.querySelector("code").textContent.replace(/\n$/, "")
    const answer = this.closest("chat-answer")
    if (!answer) return this.closest(".question").querySelector(".question__bubble").textContent
    return answer.markdown
  }
}
