// What a browser shows without a network: the last chats it opened, and a page that says what has to wait.
//
// Chats are kept for one person only. A page that belongs to nobody, or to somebody else, takes them along; so does
// a new version, whose scripts they do not know. `VERSION` and `OFFLINE` come from the server, in front of this.
/* global VERSION, OFFLINE, STATIC */
const SHELL = `shell-${VERSION}`
const PAGES = "pages-"
const KEPT = 20
const READABLE = /^\/(chat\/[0-9a-f-]{36})?$/

self.addEventListener("install", event => event.waitUntil(install()))
self.addEventListener("activate", event => event.waitUntil(activate()))
// The page asks when it is put aside: what was written meanwhile is kept too.
self.addEventListener("message", event => event.waitUntil(visit(new Request(event.data.keep)).catch(() => {})))

self.addEventListener("fetch", event => {
  const { request } = event
  const { origin, pathname } = new URL(request.url)
  if (request.method !== "GET" || origin !== location.origin) return
  if (request.mode === "navigate") event.respondWith(visit(request, event).catch(() => away(request)))
  else if (pathname.startsWith(STATIC)) event.respondWith(asset(request))
})

async function install() {
  const shell = await caches.open(SHELL)
  await shell.add(new Request(OFFLINE, { cache: "reload" }))
  const page = await (await shell.match(OFFLINE)).text()
  await shell.addAll(new Set([...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url).filter(url => url.startsWith(STATIC))))
  await self.skipWaiting()
}

async function activate() {
  for (const name of await caches.keys()) if (name !== SHELL) await caches.delete(name)
  await self.clients.claim()
}

async function visit(request, event) {
  const response = await fetch(request)
  const keeping = keep(new URL(request.url).pathname, response.clone())
  if (event) event.waitUntil(keeping)
  else await keeping
  return response
}

async function keep(path, response) {
  // The pages of accounts are nobody's: whoever logs out sees one of them, or the start page, next.
  if (!response.ok || response.redirected || !(READABLE.test(path) || path.startsWith("/accounts/"))) return
  const person = response.headers.get("X-Person")
  const mine = PAGES + person
  for (const name of await caches.keys()) if (name.startsWith(PAGES) && name !== mine) await caches.delete(name)
  if (!person) return
  const pages = await caches.open(mine)
  await pages.delete(path) // so that it is the newest
  await pages.put(path, response)
  for (const old of (await pages.keys()).slice(0, -KEPT)) await pages.delete(old)
}

async function away(request) {
  const { pathname } = new URL(request.url)
  for (const name of await caches.keys()) {
    const page = name.startsWith(PAGES) && (await (await caches.open(name)).match(pathname))
    if (page) return page
  }
  return caches.match(OFFLINE)
}

// Names carry a hash of the content: what is here is right.
async function asset(request) {
  const shell = await caches.open(SHELL)
  const known = await shell.match(request)
  if (known) return known
  const response = await fetch(request)
  if (response.status === 200) await shell.put(request, response.clone())
  return response
}
