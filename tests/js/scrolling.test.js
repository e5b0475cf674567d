import assert from "node:assert/strict"
import { test } from "node:test"
import { Keeper } from "../../static/js/lib/scrolling.js"

const view = 500

test("at the end the view follows the text", () => {
  const keeper = new Keeper()
  assert.equal(keeper.changed({ height: 800, view }), 300)
  keeper.scrolled({ top: 300, height: 800, view })
  assert.equal(keeper.changed({ height: 900, view }), 400)
})

test("whoever moves up, however little, is left alone", () => {
  const keeper = new Keeper()
  keeper.changed({ height: 1000, view })
  keeper.scrolled({ top: 500, height: 1000, view })
  keeper.scrolled({ top: 496, height: 1000, view })
  assert.equal(keeper.changed({ height: 1200, view }), null)
})

test("back at the end it follows again", () => {
  const keeper = new Keeper()
  keeper.changed({ height: 1000, view })
  keeper.scrolled({ top: 500, height: 1000, view })
  keeper.scrolled({ top: 100, height: 1000, view })
  keeper.scrolled({ top: 490, height: 1000, view })
  assert.equal(keeper.changed({ height: 1100, view }), 600)
})

test("text that shrinks under the view is not a reader who moves", () => {
  const keeper = new Keeper()
  keeper.changed({ height: 1000, view })
  keeper.scrolled({ top: 500, height: 1000, view })
  keeper.scrolled({ top: 400, height: 900, view })
  assert.equal(keeper.changed({ height: 950, view }), 450)
})

test("a question with several answers stays at the top however long they get", () => {
  const keeper = new Keeper()
  assert.equal(keeper.changed({ height: 1000, view, row: 500 }), 500)
  keeper.scrolled({ top: 500, height: 1000, view, row: 500 })
  assert.equal(keeper.changed({ height: 2000, view, row: 500 }), 500)
})

test("beside several answers whoever moves, up or down, is left alone", () => {
  for (const top of [450, 900]) {
    const keeper = new Keeper()
    keeper.changed({ height: 1400, view, row: 500 })
    keeper.scrolled({ top, height: 1400, view, row: 500 })
    assert.equal(keeper.changed({ height: 1500, view, row: 500 }), null)
  }
})
