// The page's words for what JavaScript has to say, and its figures, in the reader's language.
import * as figures from "./lib/figures.js"

const words = JSON.parse(document.getElementById("strings")?.textContent ?? "{}")

export const say = (key, values = {}) => (words[key] ?? "").replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "")

// A moment of today or tomorrow, as people write it here.
export function soon(time) {
  const at = new Date(time)
  const today = at.toDateString() === new Date().toDateString()
  const form = { hour: "numeric", minute: "2-digit", ...(today ? {} : { weekday: "long" }) }
  return figures.moment(document.documentElement.lang, at, form)
}

export const number = (value, digits = 0) => figures.number(document.documentElement.lang, value, digits)

const TOGETHER_MS = 1_500
let joinedUntil = 0

// What is said politely by a screen reader. `together`: several lanes may end in one breath, and none takes the word
// from another.
export function announce(text, { together = false } = {}) {
  const region = document.getElementById("announcements")
  if (!region) return
  const joins = together && Date.now() < joinedUntil
  region.textContent = joins ? `${region.textContent}. ${text}` : text
  joinedUntil = together ? Date.now() + TOGETHER_MS : 0
}

// A copy of a <template>'s only element.
export const stamp = id => document.getElementById(id).content.firstElementChild.cloneNode(true)
