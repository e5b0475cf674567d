// Fetches HTML and lets what is on the page become it: what stays the same stays itself, with its selection,
// focus and open folds. The reader's place is kept by <chat-scroll>.
import { Idiomorph } from "idiomorph"

const TRIES = 4
const PAUSE_MS = 600

export async function fetchPart(url) {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null)
    if (response?.ok) return response.text()
    if (attempt === TRIES || (response && response.status < 500)) throw new Error(`${response?.status ?? "no answer"}`)
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS * attempt))
  }
}

export const parse = html => document.createRange().createContextualFragment(html)

export function become(element, html, { inside = false } = {}) {
  Idiomorph.morph(element, html, {
    morphStyle: inside ? "innerHTML" : "outerHTML",
    callbacks: { beforeAttributeUpdated: name => name !== "open" },
  })
}
