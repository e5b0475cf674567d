// The inside of a paragraph while it arrives: emphasis, code, links, formulas. See markdown.js.

const SPACE = /\s/
const PUNCTUATION = /[\p{P}\p{S}]/u
const ESCAPABLE = /[!-/:-@[-`{-~]/
const BREAK = "<br />"
const LONGEST_ADDRESS = 2000
const DEEPEST = 20 // marks inside of marks; more is text

export class Inline {
  #out
  #open = [] // {kind, mark}, from the outside in
  #pending = "" // marks whose meaning the next character decides
  #ready = "" // text not yet drawn
  #before = " " // the character before the pending ones
  #spaces = 0
  #address = null // of a link, between ( and )
  #depth = 0 // brackets open in it

  constructor(out) {
    this.#out = out
  }

  take(char) {
    if (this.#address !== null) return this.#takeAddress(char)
    const top = this.#open.at(-1)
    if (top?.kind === "code") return this.#takeCode(char, top)
    if (top?.kind === "tex") return this.#takeTex(char, top)
    if (this.#pending && !this.#decide(char)) return
    if ("*_~`\\![]$<".includes(char)) this.#pending = char
    else this.text(char)
  }

  newline() {
    const hard = this.#spaces >= 2
    const top = this.#open.at(-1)
    if (top?.kind === "code" || top?.kind === "tex") return this.#settle(top)
    if (this.#pending === "\\") {
      this.#pending = ""
      return this.#break()
    }
    if (this.#pending) this.#decide("\n")
    if (hard) this.#break()
  }

  // Nothing more comes on this line that could change what the pending marks are.
  #settle({ kind, mark }) {
    const pending = this.#pending
    this.#pending = ""
    if (kind === "code" ? pending.length === mark.length : mark === "$" && pending === "$") this.#close()
    else if (pending) this.text(pending)
  }

  text(text) {
    this.#ready += text
    this.#before = text.at(-1)
    this.#spaces = text === " " ? this.#spaces + 1 : 0
  }

  // Text as it is, outside of any mark.
  raw(text) {
    this.#ready += text
  }

  flush() {
    if (this.#ready) this.#out.text(this.#ready)
    this.#ready = ""
  }

  // Gives back what was opened and never closed.
  end() {
    if (this.#address !== null) this.#give(this.#address, "](")
    const top = this.#open.at(-1)
    if (top?.kind === "code" || top?.kind === "tex") this.#settle(top)
    else if (this.#pending) this.#decide("\n")
    this.#pending = ""
    while (this.#open.length) this.#unwrap()
    this.flush()
    this.#before = " "
    this.#spaces = 0
  }

  // What the pending marks are, now that the next character is known. False: `char` belongs to them.
  #decide(char) {
    const pending = this.#pending
    const first = pending[0]
    if ("*_~`".includes(first) && char === first) {
      this.#pending += char
      return false
    }
    if (first === "<") {
      const longer = (pending + char).toLowerCase().replace(/^<br\s*\/?>$/, BREAK)
      if (longer === BREAK) {
        this.#pending = ""
        this.#break()
        return false
      }
      if (/^<(b(r( ?\/?)?)?)?$/.test(longer)) {
        this.#pending += char
        return false
      }
    }
    this.#pending = ""
    switch (first) {
      case "*":
      case "_":
        this.#emphasis(pending, char)
        return true
      case "~":
        if (pending.length !== 2) break
        if (this.#open.some(open => open.kind === "s")) this.#closeKind("s")
        else if (!SPACE.test(char)) this.#push("s", "~~")
        else break
        return true
      case "`":
        this.#push("code", pending)
        return this.#again(char)
      case "\\":
        if (char === "(" || char === "[") {
          this.#push("tex", `\\${char}`)
          return false
        }
        if (!ESCAPABLE.test(char)) break
        this.text(char)
        return false
      case "!":
        if (char !== "[") break
        this.#push("image", "![")
        return false
      case "[":
        if (this.#open.some(open => open.kind === "a" || open.kind === "image") || /\w/.test(this.#before)) break
        this.#push("a", "[")
        return true
      case "]":
        if (!this.#open.some(open => open.kind === "a" || open.kind === "image")) break
        while (!["a", "image"].includes(this.#open.at(-1).kind)) this.#unwrap()
        if (char === "(") {
          this.#address = ""
          this.#depth = 0
          return false
        }
        this.#unwrap()
        break
      case "$":
        if (SPACE.test(char) || /[\d$.,;:!?)\]]/.test(char) || /\w/.test(this.#before)) break
        this.#push("tex", "$")
        return this.#again(char)
    }
    for (const literal of pending) this.text(literal)
    return true
  }

  // `char` belongs to what was just opened, unless that was one too many.
  #again(char) {
    if (this.#open.length === DEEPEST) return true
    this.take(char)
    return false
  }

  #emphasis(run, next) {
    const char = run[0]
    const [spaceBefore, spaceAfter] = [SPACE.test(this.#before), SPACE.test(next)]
    const [markBefore, markAfter] = [PUNCTUATION.test(this.#before), PUNCTUATION.test(next)]
    const left = !spaceAfter && (!markAfter || spaceBefore || markBefore)
    const right = !spaceBefore && (!markBefore || spaceAfter || markAfter)
    const opens = char === "*" ? left : left && (!right || markBefore)
    const closes = char === "*" ? right : right && (!left || markAfter)
    let count = run.length
    if (closes) {
      while (count > 0) {
        if (count >= 2 && this.#has("strong", char)) count -= this.#closeKind("strong", char)
        else if (this.#has("em", char) && (count !== 2 || !opens)) count -= this.#closeKind("em", char)
        else break
      }
    }
    if (opens && count > 0 && count <= 3) {
      if (count % 2) this.#push("em", char)
      if (count >= 2) this.#push("strong", char + char)
    } else this.text(char.repeat(count))
    if (!count) this.#before = char
  }

  #has(kind, char) {
    return this.#open.some(open => open.kind === kind && open.mark[0] === char)
  }

  #closeKind(kind, char) {
    const isIt = open => open.kind === kind && (!char || open.mark[0] === char)
    while (!isIt(this.#open.at(-1))) this.#unwrap()
    const { length } = this.#open.at(-1).mark
    this.#close()
    return length
  }

  #takeCode(char, top) {
    if (char === "`") return void (this.#pending += char)
    if (this.#pending.length === top.mark.length) {
      this.#pending = ""
      this.#close()
      this.#before = "`"
      return this.take(char)
    }
    this.text(this.#pending + char)
    this.#pending = ""
  }

  #takeTex(char, { mark }) {
    const pending = this.#pending
    this.#pending = ""
    if (pending === "\\") {
      if (char === { "\\(": ")", "\\[": "]" }[mark]) return this.#close()
      this.text("\\")
      if (char !== "\\") return this.text(char)
    }
    if (pending === "$") {
      if (!/\d/.test(char) && !SPACE.test(this.#before)) this.#close()
      else {
        // `$a and $5`: money after all.
        this.#unwrap()
        this.text("$")
      }
      return this.take(char)
    }
    if (char === "\\" || (char === "$" && mark === "$")) this.#pending = char
    else this.text(char)
  }

  #takeAddress(char) {
    if (char === ")" && this.#depth === 0) {
      const { kind } = this.#open.at(-1)
      this.flush()
      const address = this.#address.trim().split(/\s/)[0]
      if (kind === "a") this.#out.attribute("href", address)
      this.#address = null
      this.#before = ")"
      return this.#close()
    }
    this.#depth += (char === "(") - (char === ")")
    this.#address += char
    if (this.#address.length > LONGEST_ADDRESS) this.#give(this.#address, "](")
  }

  // No link: its mark, text and half an address go back to being text.
  #give(address, mark) {
    this.#address = null
    this.#unwrap()
    this.text(mark)
    this.text(address || "")
  }

  #push(kind, mark) {
    if (this.#open.length === DEEPEST) return this.text(mark)
    this.flush()
    this.#open.push({ kind, mark })
    this.#out.open(kind)
    this.#before = mark.at(-1)
  }

  #close() {
    this.flush()
    this.#open.pop()
    this.#out.close()
    this.#before = "x"
  }

  #unwrap() {
    this.flush()
    this.#out.unwrap(this.#open.pop().mark)
  }

  #break() {
    this.flush()
    this.#out.open("br")
    this.#out.close()
    this.#before = " "
    this.#spaces = 0
  }
}
