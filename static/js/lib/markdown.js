// Markdown while it arrives. Work per character is constant, nothing already drawn is drawn again, and no
// half-written mark is shown: an opening mark takes effect at once and is given back as text when its end
// never comes. Ends of lines decide tables and fences, so those are held back until they are certain.
//
//   const markdown = new Markdown(out); markdown.push("**bo"); markdown.push("ld**"); markdown.end()
//
// `out` draws: open(name, attributes), close(), text(string), attribute(name, value) on the innermost open
// element, and unwrap(text): put `text` before the innermost element's content and remove the element.
import { Inline } from "./inline.js"

const LONGEST_HEAD = 200 // characters of a line that may stay undecided; a list in quotes in a list needs few
const DEEPEST = 40 // quotes and lists inside of each other, as on the server; more is text
const FENCE = /^(`{3,}|~{3,})(.*)$/
const RULE = /^([-*_])[ \t]*(?:\1[ \t]*){2,}$/
const DELIMITERS = /^\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/

export class Markdown {
  #out
  #inline
  #head = "" // the beginning of a line, not yet understood
  #mode = "head" // head | inline | code | math | hold
  #leaf = null // null | paragraph | heading | code | math | table
  #containers = [] // quote, list, item from the outside in
  #fence = null
  #row = null // a line that is a table's first row if the next line says so
  #base = null // how many containers lie before #head, when their marks are no longer in it
  #outline = [] // levels of the headings above, so that ours leave none out

  constructor(out) {
    this.#out = out
    this.#inline = new Inline(out)
  }

  push(text) {
    for (const char of text) if (char !== "\r") this.#take(char)
    this.#inline.flush()
  }

  end() {
    if (this.#mode !== "head" || this.#head) this.#take("\n")
    this.#settleRow()
    this.#closeTo(0)
    this.#inline.flush()
  }

  #take(char) {
    if (this.#mode === "inline") return char === "\n" ? this.#endLine() : this.#inline.take(char)
    if (this.#mode === "code") return this.#takeCode(char)
    if (this.#mode === "math") return this.#takeMath(char)
    if (this.#mode === "hold") return char === "\n" ? this.#line(this.#head, true) : void (this.#head += char)
    if (char === "\n") return this.#line(this.#head, true)
    this.#head += char
    if (!this.#undecided) this.#line(this.#head, false)
  }

  // Whether the rest of the line could still change what it is.
  get #undecided() {
    if (this.#head.length > LONGEST_HEAD) return false
    const rest = this.#head.replace(/^[ \t>]+/, "")
    if (!rest) return true
    if (this.#leaf === "code") return rest[0] === this.#fence.char && /^(`+|~+)[ \t]*$/.test(rest)
    if (this.#base !== null && /^\[[ xX]?\]?$/.test(rest)) return true
    return /^(#{1,6}|`+|~+|\$|\\|\d{1,9}|(\d{1,9}[.)]|[-+*])[ \t]*|([-*_])[ \t]*(\3[ \t]*)*)$/.test(rest)
  }

  #endLine() {
    if (this.#leaf === "heading") this.#closeLeaf()
    else this.#inline.newline()
    this.#mode = "head"
  }

  // What a line is, as soon as its beginning (or with `whole` all of it) says so.
  #line(head, whole) {
    const { matched, rest, indent } = this.#enter(head)
    const fresh = this.#base !== null && this.#containers.at(-1)?.type === "item" && !this.#containers.at(-1).filled
    if (this.#leaf === "code") return this.#codeLine(rest, indent, whole, matched)
    const blank = !rest
    if (this.#row !== null && !(whole && DELIMITERS.test(rest) && rest.includes("-"))) {
      if (!whole && /^[|:\- \t]*$/.test(rest)) return void (this.#mode = "hold")
      this.#settleRow()
    }
    if (blank) return whole ? this.#blank() : void (this.#head = head.slice(0, LONGEST_HEAD))
    if (this.#row !== null) return this.#openTable(rest)
    if (this.#leaf === "table") {
      if (rest[0] === "|") return whole ? this.#tableRow(rest, "td") : void (this.#mode = "hold")
      this.#closeLeaf()
    }
    const first = rest[0]
    if (first === "#" && /^#{1,6}([ \t]|$)/.test(rest)) return this.#heading(matched, rest, whole)
    if (first === "`" || first === "~") {
      const fence = FENCE.exec(rest)
      if (fence && !(first === "`" && fence[2].includes("`"))) {
        return whole ? this.#openFence(matched, fence, indent) : void (this.#mode = "hold")
      }
    }
    if (whole && RULE.test(rest)) return this.#rule(matched)
    const item = this.#containers.length < DEEPEST && /^([-*+]|\d{1,9}[.)])([ \t]+|$)/.exec(rest)
    if (item && this.#mayBegin(item, rest, matched)) return this.#item(matched, item, rest, indent, whole)
    const box = fresh && /^\[([ xX])\](?:[ \t]+|$)/.exec(rest)
    if (box) return this.#task(box, rest, whole)
    if (first === "$" && rest.startsWith("$$")) return this.#openMath(matched, "$$", rest.slice(2), whole)
    if (first === "\\" && rest.startsWith("\\[")) return this.#openMath(matched, "\\]", rest.slice(2), whole)
    if (first === "|" && this.#leaf !== "paragraph") {
      if (!whole) return void (this.#mode = "hold")
      this.#prepare(matched)
      this.#row = rest
      return this.#next()
    }
    this.#paragraph(matched, rest, whole)
  }

  // Follows the open containers into a line: how many it continues, and what is left of it.
  #enter(head) {
    let matched = this.#base ?? 0
    let rest = head
    let indent = leading(rest)
    let needed = 0
    for (const container of this.#containers.slice(matched)) {
      if (container.type === "quote") {
        const mark = /^[ \t]*>[ \t]?/.exec(rest)
        if (!mark) break
        rest = rest.slice(mark[0].length)
        indent = leading(rest)
        needed = 0
      } else if (container.type === "item") {
        if (indent - needed < container.width && rest.trim()) break
        needed += container.width
      }
      matched += 1
    }
    // New quotes.
    for (let mark; this.#leaf !== "code" && matched < DEEPEST && (mark = /^[ \t]{0,3}>[ \t]?/.exec(rest)); ) {
      this.#prepare(matched)
      this.#open({ type: "quote" }, "blockquote")
      matched = this.#base = this.#containers.length
      this.#head = rest = rest.slice(mark[0].length)
      needed = 0
    }
    indent = Math.max(0, leading(rest) - needed)
    return { matched, rest: rest.trimStart(), indent }
  }

  #blank() {
    const inQuote = this.#containers.findLastIndex(container => container.type === "quote")
    if (this.#leaf && this.#leaf !== "code") this.#closeLeaf()
    if (inQuote >= 0 && !this.#head.includes(">")) this.#closeTo(inQuote)
    this.#next()
  }

  #paragraph(matched, rest, whole) {
    // A line of text goes on with the paragraph above it, wherever it stands.
    if (this.#leaf === "paragraph") this.#inline.text("\n")
    else {
      this.#prepare(matched)
      this.#leaf = "paragraph"
      if (this.#tight()) this.#out.open("span")
      else this.#out.open("p")
    }
    this.#stream(rest, whole)
  }

  // The text of a list item needs no paragraph around it, until a second one follows.
  #tight() {
    const last = this.#containers.at(-1)
    if (last?.type !== "item" || last.filled) return false
    last.filled = true
    return true
  }

  #heading(matched, rest, whole) {
    const level = /^#+/.exec(rest)[0].length
    this.#prepare(matched)
    this.#leaf = "heading"
    while (this.#outline.at(-1) >= level) this.#outline.pop()
    this.#outline.push(level)
    this.#out.open(`h${Math.min(6, 2 + this.#outline.length)}`)
    this.#stream(rest.slice(level).trimStart(), whole)
  }

  #rule(matched) {
    this.#prepare(matched)
    this.#out.open("hr")
    this.#out.close()
    this.#next()
  }

  #item(matched, [, marker, space], rest, indent, whole) {
    const ordered = /\d/.test(marker)
    const list = this.#containers[matched]
    const same = list?.type === "list" && list.ordered === ordered
    const width = indent + marker.length + (space.length > 4 || !space ? 1 : space.length)
    if (same) this.#closeTo(matched + 1)
    else if (this.#containers[matched - 1]?.type === "list" && this.#containers[matched - 1].ordered === ordered) {
      this.#closeTo(matched)
    } else {
      this.#closeTo(this.#containers[matched - 1]?.type === "list" ? matched - 1 : matched)
      const start = ordered ? Number.parseInt(marker, 10) : 1
      this.#open({ type: "list", ordered }, ordered ? "ol" : "ul", start !== 1 ? { start: String(start) } : undefined)
    }
    this.#open({ type: "item", width, filled: false }, "li")
    // The item's own text may be another block: a heading, a fence, a list.
    this.#mode = "head"
    this.#head = rest.slice(marker.length + space.length)
    this.#base = this.#containers.length
    if (whole && !this.#head) this.#next()
    else if (whole || (this.#head && !this.#undecided)) this.#line(this.#head, whole)
  }

  // A list begins in the middle of a paragraph only when it must be one.
  #mayBegin([mark], rest, matched) {
    if (this.#leaf !== "paragraph" || this.#inList(matched)) return true
    return rest.length > mark.length && (/^\D/.test(rest) || /^1[.)]/.test(rest))
  }

  #task([mark, done], rest, whole) {
    this.#containers.at(-1).filled = true
    this.#out.open("checkbox", { checked: done !== " " })
    this.#out.close()
    this.#leaf = "paragraph"
    this.#out.open("span")
    this.#stream(rest.slice(mark.length), whole)
  }

  #inList(matched) {
    return this.#containers[matched]?.type === "list" || this.#containers[matched - 1]?.type === "list"
  }

  #openFence(matched, [, marks, info], indent) {
    this.#prepare(matched)
    this.#leaf = "code"
    this.#fence = { char: marks[0], length: marks.length, indent, empty: true }
    this.#out.open("fence", { language: info.trim().split(/[\s{]/)[0] })
    this.#next()
  }

  #codeLine(rest, indent, whole, matched) {
    const { char, length } = this.#fence
    const closing = new RegExp(`^\\${char}{${length},}[ \\t]*$`)
    if (whole && closing.test(rest)) {
      this.#closeLeaf()
      return this.#next()
    }
    const kept = matched < this.#containers.length && rest ? this.#head.trimStart() : rest
    const spaces = " ".repeat(Math.max(0, indent - this.#fence.indent))
    this.#inline.raw((this.#fence.empty ? "" : "\n") + (rest ? spaces + kept : ""))
    this.#fence.empty = false
    if (whole) this.#next()
    else this.#mode = "code"
  }

  #takeCode(char) {
    if (char === "\n") this.#next()
    else this.#inline.raw(char)
  }

  #openMath(matched, end, text, whole) {
    this.#prepare(matched)
    this.#leaf = "math"
    this.#fence = { end, pending: "" }
    this.#out.open("math")
    this.#mode = "math"
    for (const char of whole ? `${text}\n` : text) this.#take(char)
  }

  #takeMath(char) {
    const fence = this.#fence
    if (this.#leaf !== "math") {
      if (char === "\n") this.#next()
      return
    }
    fence.pending += char
    if (fence.pending === fence.end) {
      fence.pending = ""
      this.#closeLeaf()
      this.#mode = "math" // the rest of the line says nothing
    } else if (!fence.end.startsWith(fence.pending)) {
      this.#inline.raw(fence.pending)
      fence.pending = ""
    }
  }

  #openTable(rest) {
    const aligns = cells(rest).map(cell => (/^:.*:$/.test(cell) ? "center" : cell.endsWith(":") ? "right" : ""))
    const header = this.#row
    this.#row = null
    this.#leaf = "table"
    this.#fence = { aligns }
    this.#out.open("table")
    this.#out.open("thead")
    this.#tableRow(header, "th")
    this.#out.close()
    this.#out.open("tbody")
    this.#next()
  }

  #tableRow(line, name) {
    this.#out.open("tr")
    const found = cells(line)
    const { aligns } = this.#fence
    for (let column = 0; column < aligns.length; column += 1) {
      this.#out.open(name, aligns[column] ? { align: aligns[column] } : undefined)
      for (const char of found[column] ?? "") this.#inline.take(char)
      this.#inline.end()
      this.#out.close()
    }
    this.#out.close()
    this.#next()
  }

  // The held line was no table after all.
  #settleRow() {
    if (this.#row === null) return
    const line = this.#row
    this.#row = null
    this.#leaf = "paragraph"
    this.#out.open("p")
    for (const char of line) this.#inline.take(char)
  }

  #stream(text, whole) {
    this.#mode = "inline"
    this.#head = ""
    this.#base = null
    for (const char of text) this.#inline.take(char)
    if (whole) this.#endLine()
  }

  #next() {
    this.#mode = "head"
    this.#head = ""
    this.#base = null
  }

  #prepare(matched) {
    this.#closeTo(matched)
    // A list holds items only.
    if (this.#containers.at(-1)?.type === "list") this.#closeTo(matched - 1)
  }

  #open(container, name, attributes) {
    this.#closeLeaf()
    this.#containers.push(container)
    this.#out.open(name, attributes)
  }

  #closeLeaf() {
    if (!this.#leaf) return
    if (this.#leaf === "math" && this.#fence.pending) this.#inline.raw(this.#fence.pending)
    this.#inline.end()
    if (this.#leaf === "table") this.#out.close()
    this.#out.close()
    this.#leaf = null
  }

  #closeTo(length) {
    this.#closeLeaf()
    while (this.#containers.length > length) {
      this.#containers.pop()
      this.#out.close()
    }
  }
}

function leading(text) {
  let columns = 0
  for (const char of text) {
    if (char === " ") columns += 1
    else if (char === "\t") columns += 4 - (columns % 4)
    else break
  }
  return columns
}

function cells(line) {
  const found = [""]
  let code = false
  const text = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "")
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]
    if (char === "\\" && text[at + 1] === "|") {
      found[found.length - 1] += "|"
      at += 1
    } else if (char === "|" && !code) found.push("")
    else {
      if (char === "`") code = !code
      found[found.length - 1] += char
    }
  }
  return found.map(cell => cell.trim())
}
