// Sends a form as its button would.
import { say } from "../strings.js"

// Resolves with the text of the answer; rejects with what to tell the reader.
export async function post(form, button) {
  const body = new FormData(form, button)
  const headers = { "HX-Request": "true", Accept: "application/json" }
  const response = await fetch(form.action, { method: "POST", body, headers }).catch(() => null)
  if (response?.ok) return response.text()
  const { error } = (await response?.json().catch(() => null)) ?? {}
  throw new Error(error?.message ?? say("notReached"))
}
