// What the server has to know before the first paint is a cookie; the rest stays in this browser.
import { Drafts } from "./lib/drafts.js"

const YEAR = 31_536_000

export function remember(name, value) {
  const secure = location.protocol === "https:" ? "; secure" : ""
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${value ? YEAR : 0}; samesite=lax${secure}`
}

export const drafts = new Drafts(storage())

function storage() {
  try {
    return localStorage
  } catch {
    return undefined
  }
}
