// <kept-chats>: the chats that this browser can show without a network.
export class KeptChats extends HTMLElement {
  async connectedCallback() {
    const rows = []
    for (const name of (await globalThis.caches?.keys()) ?? []) {
      if (!name.startsWith("pages-")) continue
      const pages = await caches.open(name)
      for (const request of (await pages.keys()).reverse()) {
        const { pathname } = new URL(request.url)
        if (pathname === "/") continue
        const page = new DOMParser().parseFromString(await (await pages.match(request)).text(), "text/html")
        rows.push([pathname, page.querySelector("[data-title]")?.textContent.trim()])
      }
    }
    this.querySelector("ul").append(
      ...rows.map(([path, title]) => {
        const row = document.createElement("li")
        const link = row.appendChild(document.createElement("a"))
        link.href = path
        link.dir = "auto"
        link.textContent = title
        return row
      }),
    )
    this.hidden = !rows.length
  }
}
