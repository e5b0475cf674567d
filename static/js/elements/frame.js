// <chat-frame>: the page around a chat. Keys, commands, starters, and the phone's keyboard.
import { remember } from "../preferences.js"

const RUNNING = ":is(chat-answer[data-status=queued], chat-answer[data-status=streaming])"

export class ChatFrame extends HTMLElement {
  #listening

  connectedCallback() {
    this.#listening = new AbortController()
    const { signal } = this.#listening
    this.addEventListener("click", event => this.#click(event), { signal })
    document.addEventListener("keydown", event => this.#key(event), { signal })
    document.addEventListener("command", ({ detail }) => this.#do(detail.command), { signal })
    document.addEventListener("stop-all", () => this.#stop(), { signal })
    visualViewport?.addEventListener("resize", () => this.#fit(), { signal })
    remember("tz", Intl.DateTimeFormat().resolvedOptions().timeZone ?? "")
    const mac = /Mac|iPhone|iPad/.test(navigator.platform)
    for (const kbd of document.querySelectorAll("[data-keys]")) {
      kbd.textContent = mac ? kbd.dataset.keys.replace("Mod+", "⌘").replace("Shift+", "⇧") : kbd.dataset.keys.replace("Mod", "Ctrl")
    }
  }

  disconnectedCallback() {
    this.#listening.abort()
  }

  #click(event) {
    const starter = event.target.closest("[data-starter]")
    const command = event.target.closest("button[data-command]")
    if (starter) this.#act(event, () => this.#start(starter))
    else if (command) this.#do(command.dataset.command)
  }

  // What has a key, a button or a line in the palette.
  #do(command) {
    const click = selector => document.querySelector(selector)?.click()
    switch (command) {
      case "new":
        return click("[data-new-chat]")
      case "palette":
        return document.dispatchEvent(new CustomEvent("palette-wanted"))
      case "compare":
        return click("[data-compare]")
      case "models":
        return click(".picker:not([open]) > summary")
      case "copy":
        return [...this.querySelectorAll("copy-button[data-shortcut]")].at(-1)?.copy()
      case "edit":
        return document.dispatchEvent(new CustomEvent("edit-last"))
      case "write":
        return document.getElementById("text").focus()
      case "stop":
        return this.#stop()
      case "theme":
        return click("theme-switch button")
      case "sidebar":
        return click(matchMedia("(max-width: 47.99rem)").matches ? "[data-open-sidebar]" : "[data-toggle-sidebar]")
      case "shortcuts":
        return document.getElementById("shortcuts").showModal()
      case "login":
        return location.assign(this.dataset.loginUrl)
      case "logout":
        return click("[data-log-out]")
    }
  }

  #key(event) {
    if (event.isComposing || event.defaultPrevented) return
    const mod = event.metaKey || event.ctrlKey
    const key = event.key.toLowerCase()
    const modal = document.querySelector("dialog[open]")
    const writing = event.target.closest("input:not([type=checkbox]), textarea, [contenteditable]")
    if (key === "escape") return this.#escape()
    const command = mod ? (event.shiftKey ? { o: "new", c: "copy" }[key] : { k: "palette" }[key]) : undefined
    const plain = writing || mod || event.altKey ? undefined : { "/": "write", "?": "shortcuts" }[key]
    if ((command || plain) && !modal) this.#act(event, () => this.#do(command ?? plain))
  }

  #act(event, then) {
    event.preventDefault()
    then()
  }

  // Escape closes what is open; when nothing is, it stops what runs.
  #escape() {
    if (document.querySelector("dialog[open], :popover-open")) return
    if (document.dispatchEvent(new CustomEvent("escape-pressed", { cancelable: true }))) this.#stop()
  }

  #stop() {
    for (const answer of this.querySelectorAll(RUNNING)) answer.stop()
  }

  #start({ dataset: { starter: text, lanes = 1 } }) {
    const chosen = new FormData(this.querySelector("form.composer")).getAll("models")
    const boxes = [...this.querySelectorAll("model-picker input[type=checkbox]:not(:disabled, :checked)")]
    const models = [...chosen, ...boxes.map(box => box.value)].slice(0, Math.max(lanes, chosen.length))
    document.dispatchEvent(new CustomEvent("starter-chosen", { detail: { text, models } }))
  }

  // iOS lays its keyboard over the page and says so only here.
  #fit() {
    if (visualViewport.scale !== 1) return // somebody looks closer
    this.style.setProperty("--visible", `${visualViewport.height}px`)
    scrollTo(0, 0)
  }
}
