// Draws what the light markdown says. Only these elements, only text nodes, only addresses that load nothing.
import { Markdown } from "../lib/markdown.js"
import { say } from "../strings.js"

const LONGEST_NODE = 2000 // characters; a text node that grows for ever is copied for ever
const DRESSED_MAX = 200 // blocks of code and boxes; thousands of them would keep the browser busy with their layout
const SAFE_ADDRESS = /^(https?:\/\/|mailto:)/i
const NAMES = { strong: "strong", em: "em", s: "s", code: "code", a: "a", image: "a", span: "span" }

export class Prose {
  #stack
  #markdown
  #dressed = 0

  constructor(root) {
    this.#stack = [root]
    this.#markdown = new Markdown(this)
  }

  push(text) {
    this.#markdown.push(text)
  }

  end() {
    this.#markdown.end()
  }

  open(name, attributes = {}) {
    const element = this.#make(name, attributes)
    this.#stack.push(element)
  }

  close() {
    this.#stack.pop()
  }

  text(text) {
    const top = this.#stack.at(-1)
    const last = top.lastChild
    if (last?.nodeType === Node.TEXT_NODE && last.length < LONGEST_NODE) last.appendData(text)
    else top.append(text)
  }

  attribute(name, value) {
    const link = this.#stack.at(-1)
    if (name !== "href" || !SAFE_ADDRESS.test(value)) return
    link.href = value
    link.target = "_blank"
    link.rel = "noopener noreferrer nofollow ugc"
  }

  // Only the seams are mended: what was drawn before is left alone, however much it is.
  unwrap(mark) {
    const element = this.#stack.pop()
    const inside = [...element.childNodes]
    element.remove()
    this.text(mark)
    if (inside[0]?.nodeType === Node.TEXT_NODE) this.text(inside.shift().data)
    this.#stack.at(-1).append(...inside)
  }

  #make(name, { language, align, start, checked }) {
    const top = this.#stack.at(-1)
    const add = (parent, tag, className) => {
      const child = document.createElement(tag)
      if (className) child.className = className
      parent.append(child)
      return child
    }
    switch (name) {
      case "fence": {
        this.#dressed += 1
        if (this.#dressed > DRESSED_MAX) return add(top, "pre", "plain")
        const figure = add(top, "figure", "code")
        add(add(figure, "figcaption", "code__head"), "span", "code__language").append(language)
        const scroll = add(figure, "pre")
        scroll.tabIndex = 0
        return add(scroll, "code", "highlight")
      }
      case "table": {
        const scroll = add(top, "div", "table-scroll")
        scroll.tabIndex = 0
        scroll.role = "group"
        scroll.ariaLabel = say("table")
        return add(scroll, "table")
      }
      case "math":
        return add(top, "div", "tex")
      case "tex":
        return add(top, "span", "tex")
      case "checkbox": {
        this.#dressed += 1
        if (this.#dressed > DRESSED_MAX) return add(top, "span")
        const box = add(top, "input")
        Object.assign(box, { type: "checkbox", disabled: true, checked })
        box.setAttribute("aria-hidden", "true")
        return box
      }
      default: {
        const element = add(top, NAMES[name] ?? name, align && `align-${align}`)
        if (start) element.setAttribute("start", start)
        return element
      }
    }
  }
}
