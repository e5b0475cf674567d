// <turn-verdict>: what a reader makes of the answers to one question: votes, names, differences, one answer out of all.
// Every form in it works without this; with it nothing moves but the turn.
import { post } from "../paint/forms.js"
import { become, fetchPart, parse } from "../paint/morph.js"
import { announce, say, stamp } from "../strings.js"

export class TurnVerdict extends HTMLElement {
  #listening

  connectedCallback() {
    this.#listening = new AbortController()
    const { signal } = this.#listening
    this.addEventListener("submit", this.#submit, { signal })
    this.addEventListener("click", this.#click, { signal })
    this.addEventListener("keydown", this.#key, { signal })
    this.addEventListener("focusout", ({ relatedTarget }) => relatedTarget && this.#fold(relatedTarget), { signal })
    document.addEventListener("pointerdown", ({ target }) => this.#fold(target), { signal })
  }

  disconnectedCallback() {
    this.#listening.abort()
  }

  get #turn() {
    return this.closest(".turn")
  }

  #submit = event => {
    event.preventDefault()
    const { target: form, submitter } = event
    this.#send(form, submitter)
  }

  async #send(form, button) {
    const made = "synthesis" in form.dataset
    if (made) form.closest("details").open = false
    try {
      await post(form, button)
    } catch ({ message }) {
      return this.#refuse(message)
    }
    this.#refuse("")
    if (made) return this.#show()
    await this.#turn.querySelector("chat-lanes").draw({ all: true })
    announce(this.querySelector("[data-verdict]")?.firstChild.textContent.trim() ?? "")
    const next = document.getElementById(button?.id) ?? this.querySelector(".verdict__choice")
    next?.focus({ preventScroll: true })
  }

  // The answer that is now being made out of the others.
  async #show() {
    const html = await fetchPart(this.querySelector("[data-turn]").dataset.turn).catch(() => null)
    const made = html && parse(html).querySelector(".synthesis")
    if (!made) return
    const known = this.#turn.querySelector(".synthesis")
    if (known) known.replaceWith(made)
    else this.#turn.append(made)
    made.querySelector("chat-answer").dispatchEvent(new CustomEvent("answer-changed", { bubbles: true }))
    made.scrollIntoView({ block: "nearest" })
  }

  #refuse(words) {
    const line = this.querySelector("[data-refusal]")
    if (!line) return
    line.textContent = words
    line.hidden = !words
  }

  #click = event => {
    const used = event.target.closest(".verdict__panel a")?.closest(".verdict__menu")
    if (used) fold(used)
    const link = event.target.closest("[data-difference]")
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    this.#compare(link)
  }

  // An open menu folds when somebody goes elsewhere.
  #fold(target) {
    for (const menu of this.querySelectorAll(".verdict__menu[open]")) menu.open = menu.contains(target)
  }

  // Escape folds it, and does not stop what is being written.
  #key = event => {
    const menu = event.key === "Escape" && event.target.closest(".verdict__menu[open]")
    if (!menu) return
    event.stopPropagation()
    fold(menu)
  }

  async #compare(link) {
    const dialog = document.body.appendChild(stamp("difference-template"))
    const body = dialog.querySelector("[data-body]")
    const draw = async address => {
      const html = await fetchPart(address).catch(() => null)
      if (html) become(body, html, { inside: true })
      else body.textContent = say("notReached")
    }
    const again = event => {
      event.preventDefault()
      const form = event.target.closest("form")
      draw(`${form.action}?${new URLSearchParams(new FormData(form))}`)
    }
    body.addEventListener("submit", again)
    body.addEventListener("change", again)
    dialog.addEventListener("close", () => {
      dialog.remove()
      link.focus()
    })
    dialog.showModal()
    await draw(link.href)
  }
}

function fold(menu) {
  menu.open = false
  menu.querySelector("summary").focus()
}
