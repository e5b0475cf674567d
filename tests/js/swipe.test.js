// A sheet follows the finger and settles where it was flung.
import assert from "node:assert/strict"
import { test } from "node:test"
import { Swipe } from "../../static/js/lib/swipe.js"

const drag = (swipe, ...points) => points.map(([x, y, at]) => swipe.move({ x, y, at }))

test("a slow pull of more than half opens the sheet", () => {
  const swipe = new Swipe({ x: 5, y: 100, at: 0, open: false, width: 300 })
  const shares = drag(swipe, [60, 102, 400], [200, 104, 1200], [201, 104, 2000])
  assert.deepEqual(shares.map(share => share.toFixed(2)), ["0.18", "0.65", "0.65"])
  assert.equal(swipe.end(), true)
})

test("a pull that is given back leaves it closed", () => {
  const swipe = new Swipe({ x: 5, y: 100, at: 0, open: false, width: 300 })
  drag(swipe, [150, 100, 500], [60, 100, 900], [59, 100, 1500])
  assert.equal(swipe.end(), false)
})

test("a fling decides, however short", () => {
  const swipe = new Swipe({ x: 290, y: 100, at: 0, open: true, width: 300 })
  drag(swipe, [270, 100, 20], [240, 100, 40])
  assert.equal(swipe.end(), false)
})

test("a scroll is no swipe", () => {
  const swipe = new Swipe({ x: 5, y: 100, at: 0, open: false, width: 300 })
  assert.deepEqual(drag(swipe, [12, 140, 50], [200, 150, 100]), [undefined, undefined])
  assert.equal(swipe.end(), false)
})

test("from right to left it is the other way round", () => {
  const swipe = new Swipe({ x: 385, y: 100, at: 0, open: false, width: 300, sign: -1 })
  drag(swipe, [300, 100, 400], [150, 100, 1200], [149, 100, 2000])
  assert.equal(swipe.end(), true)
})
