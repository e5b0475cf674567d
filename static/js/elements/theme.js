// <theme-switch>: as the system, light, dark. The server paints the next page right from the cookie.
import { remember } from "../preferences.js"
import { say } from "../strings.js"

const NEXT = { "": "light", light: "dark", dark: "" }
const NAMES = { "": "themeSystem", light: "themeLight", dark: "themeDark" }

export class ThemeSwitch extends HTMLElement {
  connectedCallback() {
    this.onclick = () => this.#turn()
    this.#show()
  }

  #turn() {
    const theme = NEXT[document.documentElement.dataset.theme ?? ""]
    if (theme) document.documentElement.dataset.theme = theme
    else delete document.documentElement.dataset.theme
    remember("theme", theme)
    this.#show()
  }

  #show() {
    const theme = document.documentElement.dataset.theme ?? ""
    for (const icon of this.querySelectorAll("[data-theme-icon]")) icon.hidden = icon.dataset.themeIcon !== theme
    const button = this.querySelector("button")
    button.title = say(NAMES[theme])
    button.setAttribute("aria-label", say(NAMES[theme]))
  }
}
