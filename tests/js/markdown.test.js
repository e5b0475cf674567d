import assert from "node:assert/strict"
import { test } from "node:test"
import { draw, growing } from "./tree.js"

const cases = {
  "a paragraph": ["Hello *you* and **them**.", "<p>Hello <em>you</em> and <strong>them</strong>.</p>"],
  "two paragraphs": ["a\n\nb", "<p>a</p><p>b</p>"],
  "a line goes on": ["a\nb", "<p>a\nb</p>"],
  "a hard break": ["a  \nb\\\nc", "<p>a  <br></br>\nb<br></br>\nc</p>"],
  "headings leave no level out": ["# One\n### Two\ntext\n## Three", "<h3>One</h3><h4>Two</h4><p>text</p><h4>Three</h4>"],
  "no heading without a space": ["#tag", "<p>#tag</p>"],
  "bold and italic": ["***both*** and **a *b* c**", "<p><em><strong>both</strong></em> and <strong>a <em>b</em> c</strong></p>"],
  "names with underscores": ["my_var_name and __init__", "<p>my_var_name and <strong>init</strong></p>"],
  "an underscore inside a word means nothing": ["snake_case_", "<p>snake_case_</p>"],
  "multiplication": ["2 * 3 * 4 and 2*3", "<p>2 * 3 * 4 and 2*3</p>"],
  "a mark without an end": ["*args and **kwargs", "<p>*args and **kwargs</p>"],
  "code in a line": ["use `a*b` or ``c`d``", "<p>use <code>a*b</code> or <code>c`d</code></p>"],
  "code without an end": ["a `b", "<p>a `b</p>"],
  "strike": ["~~old~~ ~new~", "<p><s>old</s> ~new~</p>"],
  "a link": ["see [the *docs*](https://x.test/a_(b)) now", "<p>see <a href=https://x.test/a_(b)>the <em>docs</em></a> now</p>"],
  "brackets": ["a[0] and [1] and [x", "<p>a[0] and [1] and [x</p>"],
  "a link without an end": ["[a](http", "<p>[a](http</p>"],
  "a picture is its words": ["![a cat](https://x.test/c.png)", "<p><image>a cat</image></p>"],
  "money": ["It costs $5 and $6, or US$7.", "<p>It costs $5 and $6, or US$7.</p>"],
  "shell variables": ["$PATH and more", "<p>$PATH and more</p>"],
  "a formula": ["so $a_1 + b$ is", "<p>so <tex>a_1 + b</tex> is</p>"],
  "a formula in brackets": ["so \\(a_1\\) is", "<p>so <tex>a_1</tex> is</p>"],
  "a formula of its own": ["$$\nx^2\n$$\nafter", "<math>\nx^2\n</math><p>after</p>"],
  "escapes": ["\\*not\\* \\# \\a", "<p>*not* # \\a</p>"],
  "HTML is text": ["<b>x</b> a<br>b", "<p><b>x</b> a<br></br>b</p>"],
  "a list": ["- a\n- b\n- c", "<ul><li><span>a</span></li><li><span>b</span></li><li><span>c</span></li></ul>"],
  "a numbered list": ["1. a\n2. b\n3. **c**", "<ol><li><span>a</span></li><li><span>b</span></li><li><span><strong>c</strong></span></li></ol>"],
  "a list that starts late": ["4. a\n5. b", "<ol start=4><li><span>a</span></li><li><span>b</span></li></ol>"],
  "a list after a line": ["Look:\n- a\n- b", "<p>Look:</p><ul><li><span>a</span></li><li><span>b</span></li></ul>"],
  "a year begins no list": ["It was in\n1984. Then", "<p>It was in\n1984. Then</p>"],
  "a list in a list": ["- a\n  - b\n  - c\n- d", "<ul><li><span>a</span><ul><li><span>b</span></li><li><span>c</span></li></ul></li><li><span>d</span></li></ul>"],
  "numbers in points": ["1. a\n   - b\n2. c", "<ol><li><span>a</span><ul><li><span>b</span></li></ul></li><li><span>c</span></li></ol>"],
  "a second paragraph in an item": ["- a\n\n  b\n- c", "<ul><li><span>a</span><p>b</p></li><li><span>c</span></li></ul>"],
  "text after a list": ["- a\n\nb", "<ul><li><span>a</span></li></ul><p>b</p>"],
  "tasks": ["- [x] a\n- [ ] b", "<ul><li><checkbox checked=true></checkbox><span>a</span></li><li><checkbox></checkbox><span>b</span></li></ul>"],
  "a code block": ["```python\nx = [1]\n\n  y\n```\nafter", "<fence language=python>x = [1]\n\n  y</fence><p>after</p>"],
  "a code block without an end": ["```\na\n``", "<fence>a\n``</fence>"],
  "a code block in a list": ["1. a\n   ```js\n   let b\n     c\n   ```\n2. d", "<ol><li><span>a</span><fence language=js>let b\n  c</fence></li><li><span>d</span></li></ol>"],
  "fences in fences": ["````\n```\n````", "<fence>```</fence>"],
  "a quote": ["> a\n> b\n\nc", "<blockquote><p>a\nb</p></blockquote><p>c</p>"],
  "a list in a quote": ["> - a\n> - b", "<blockquote><ul><li><span>a</span></li><li><span>b</span></li></ul></blockquote>"],
  "a rule": ["a\n\n---\n\nb", "<p>a</p><hr></hr><p>b</p>"],
  "a table": [
    "| a | b |\n|---|--:|\n| 1 | `x|y` |\n\nz",
    "<table><thead><tr><th>a</th><th align=right>b</th></tr></thead><tbody><tr><td>1</td><td align=right><code>x|y</code></td></tr></tbody></table><p>z</p>",
  ],
  "no table": ["| a | b |\ntext", "<p>| a | b |\ntext</p>"],
  "bold that begins a line": ["**a** b", "<p><strong>a</strong> b</p>"],
  "a starred item": ["* a\n* **b**", "<ul><li><span>a</span></li><li><span><strong>b</strong></span></li></ul>"],
}

for (const [name, [source, expected]] of Object.entries(cases)) {
  test(`markdown: ${name}`, () => assert.equal(draw(source), expected))
}

test("how the text was cut does not matter", () => {
  for (const [name, [source]] of Object.entries(cases)) {
    const whole = draw(source)
    assert.equal(draw(...source), whole, name)
    for (let at = 1; at < source.length; at += 1) assert.equal(draw(source.slice(0, at), source.slice(at)), whole, `${name} cut at ${at}`)
  }
})

test("half-written marks are never shown", () => {
  const text = "# Title\n\nSome **bold** and `code` and [a link](https://x.test).\n\n- [x] done\n1. one\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nx\n```\n"
  for (const seen of growing(text)) assert.doesNotMatch(seen.replace(/<[^>]*>/g, "").replace("[x]", ""), /\*|`|#|\]\(|\||---/)
})

test("what is drawn is never taken back but for the mark in front of it", () => {
  for (const [source] of Object.values(cases)) {
    let words = ""
    for (const seen of growing(source)) {
      const now = seen.replace(/<[^>]*>|[*_`~$[\]()!\\]/g, "")
      assert.ok(now.startsWith(words), `${source}: ${words} became ${now}`)
      words = now
    }
  }
})

test("hostile text takes time in proportion to its length", () => {
  for (const unit of [">", "> ", "- ", "*", "**a", "[", "](", "`", "``a", "$", "$a", "|", "| a ", "#", "\\", "_a ", "1. ", "<br", "~~", "    ", "\n", "- [", "![", "a\n| b |\n"]) {
    const started = performance.now()
    draw(unit.repeat(20_000 / unit.length))
    assert.ok(performance.now() - started < 2_000, `${JSON.stringify(unit)} took ${performance.now() - started} ms`)
  }
})
