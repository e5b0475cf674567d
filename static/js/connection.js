// The tab's connection, and the login it needs.
import { Connection } from "./lib/socket.js"

export const connection = new Connection({ url: `${location.protocol.replace("http", "ws")}//${location.host}/ws/` })

const frame = () => document.querySelector("chat-frame")
let entering = null

export const isMember = () => frame()?.dataset.person === "member"

// Makes sure that somebody is logged in: whoever is nobody yet becomes a guest. Rejects with {status, message, details}.
export function enter() {
  if (frame().dataset.person) return Promise.resolve()
  entering ??= asGuest().finally(() => (entering = null))
  return entering
}

async function asGuest() {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value
  const response = await fetch(frame().dataset.guestUrl, {
    method: "POST",
    headers: { "X-CSRFToken": token, Accept: "application/json" },
  }).catch(() => {
    throw { status: 0 }
  })
  if (!response.ok) {
    const { error = {} } = await response.json().catch(() => ({}))
    throw { ...error, status: response.status }
  }
  frame().dataset.person = "guest"
}

// A login that ended under a guest is made again, and nothing is lost; a member has to log in.
connection.addEventListener("state", ({ detail }) => {
  if (detail.state !== "ended" || isMember()) return
  frame().dataset.person = ""
  enter().then(() => connection.open(), () => document.dispatchEvent(new CustomEvent("login-needed")))
})

addEventListener("online", () => connection.wake())
addEventListener("offline", () => connection.offline())
addEventListener("pageshow", event => event.persisted && connection.wake())
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && connection.wake())
