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

export function announce(text) {
  const region = document.getElementById("announcements")
  if (region) region.textContent = text
}

// A copy of a <template>'s only element.
export const stamp = id => document.getElementById(id).content.firstElementChild.cloneNode(true)
