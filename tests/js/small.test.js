import assert from "node:assert/strict"
import { test } from "node:test"
import { Drafts } from "../../static/js/lib/drafts.js"
import { uuid7 } from "../../static/js/lib/ids.js"

function store() {
  const kept = {}
  return Object.create(
    {
      getItem: key => (Object.hasOwn(kept, key) ? kept[key] : null),
      setItem(key, value) {
        this[key] = kept[key] = value
      },
      removeItem(key) {
        delete this[key]
        delete kept[key]
      },
    },
  )
}

test("ids are UUIDv7 and sort by time", () => {
  const early = uuid7(1_700_000_000_000)
  assert.match(early, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.ok(early < uuid7(1_700_000_000_001))
  assert.notEqual(uuid7(1), uuid7(1))
})

test("a draft belongs to its chat", () => {
  const drafts = new Drafts(store())
  drafts.write("", "new one")
  drafts.write("c", "old one")
  assert.equal(drafts.read(""), "new one")
  assert.equal(drafts.read("c"), "old one")
  drafts.write("c", "")
  assert.equal(drafts.read("c"), "")
})

test("a message on its way is kept until it is taken, and no other goes with it", () => {
  const drafts = new Drafts(store())
  drafts.sending("c", { id: "1", text: "a" })
  drafts.sent("c", "0")
  assert.equal(drafts.unsent("c").text, "a")
  drafts.sent("c", "1")
  assert.equal(drafts.unsent("c"), null)
})

test("logging out leaves nothing behind", () => {
  const kept = store()
  const drafts = new Drafts(kept)
  drafts.write("c", "secret")
  drafts.sending("", { id: "1" })
  kept.setItem("other", "stays")
  drafts.clear()
  assert.deepEqual(Object.keys(kept), ["other"])
})

test("a browser without storage remembers nothing and breaks nothing", () => {
  const drafts = new Drafts(undefined)
  drafts.write("c", "x")
  drafts.sending("c", { id: "1" })
  drafts.clear()
  assert.equal(drafts.read("c"), "")
  assert.equal(drafts.unsent("c"), null)
})
