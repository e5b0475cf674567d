// Draws markdown as text, for tests: `<p>a <strong>b</strong></p>`.
import { Markdown } from "../../static/js/lib/markdown.js"

export class Tree {
  #stack = [{ name: "", attributes: {}, children: [] }]

  open(name, attributes = {}) {
    const node = { name, attributes: { ...attributes }, children: [] }
    this.#stack.at(-1).children.push(node)
    this.#stack.push(node)
  }

  close() {
    if (this.#stack.length < 2) throw new Error("closed once too often")
    this.#stack.pop()
  }

  text(text) {
    this.#stack.at(-1).children.push(text)
  }

  attribute(name, value) {
    this.#stack.at(-1).attributes[name] = value
  }

  unwrap(mark) {
    const node = this.#stack.pop()
    const siblings = this.#stack.at(-1).children
    if (siblings.at(-1) !== node) throw new Error("unwrapped something old")
    siblings.splice(-1, 1, mark, ...node.children)
  }

  get depth() {
    return this.#stack.length
  }

  toString(node = this.#stack[0]) {
    if (typeof node === "string") return node
    const attributes = Object.entries(node.attributes)
      .filter(([, value]) => value !== undefined && value !== "" && value !== false)
      .map(([name, value]) => ` ${name}=${value}`)
    const inside = node.children.map(child => this.toString(child)).join("")
    if (!node.name) return inside
    return `<${node.name}${attributes.join("")}>${inside}</${node.name}>`
  }
}

export function draw(...pieces) {
  const tree = new Tree()
  const markdown = new Markdown(tree)
  for (const piece of pieces) markdown.push(piece)
  markdown.end()
  if (tree.depth !== 1) throw new Error(`left open: ${tree}`)
  return String(tree)
}

// What is visible after each character.
export function* growing(text) {
  const tree = new Tree()
  const markdown = new Markdown(tree)
  for (const char of text) {
    markdown.push(char)
    yield String(tree)
  }
}
