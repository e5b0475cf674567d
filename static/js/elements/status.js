// <connection-status>: says what is wrong with the connection, once it has been wrong for a moment.
import { connection, isMember } from "../connection.js"
import { say } from "../strings.js"

const PATIENCE_MS = 900
const WORDS = { waiting: "reconnecting", restarting: "restarting", offline: "offline", outdated: "outdated", ended: "loggedOut" }

export class ConnectionStatus extends HTMLElement {
  #timer
  #tell = ({ detail }) => this.#state(detail.state)
  #login = () => this.#show("ended")

  connectedCallback() {
    connection.addEventListener("state", this.#tell)
    document.addEventListener("login-needed", this.#login)
  }

  disconnectedCallback() {
    connection.removeEventListener("state", this.#tell)
    document.removeEventListener("login-needed", this.#login)
  }

  #state(state) {
    if (state === "waiting" && !navigator.onLine) state = "offline"
    if (state === "connecting" || (state === "ended" && !isMember())) return
    clearTimeout(this.#timer)
    if (!WORDS[state]) this.hidden = true
    else if (!this.hidden || state === "outdated" || state === "ended") this.#show(state)
    else this.#timer = setTimeout(() => this.#show(state), PATIENCE_MS)
  }

  #show(state) {
    const text = this.querySelector("[data-text]")
    text.textContent = say(WORDS[state])
    const link = { outdated: [location.href, "reload"], ended: [this.#loginUrl(), "logIn"] }[state]
    if (link) {
      const anchor = document.createElement("a")
      anchor.href = link[0]
      anchor.textContent = say(link[1])
      text.append(" ", anchor)
    }
    this.hidden = false
  }

  #loginUrl() {
    return `${document.querySelector("chat-frame").dataset.loginUrl}?next=${encodeURIComponent(location.pathname)}`
  }
}
