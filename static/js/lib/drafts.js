// What was typed and not sent, and what was sent and not yet taken, per chat. `store` is localStorage or nothing.

export class Drafts {
  #store

  constructor(store) {
    this.#store = store
  }

  read(chat) {
    return this.#get(`draft:${chat || "new"}`) ?? ""
  }

  write(chat, text) {
    this.#put(`draft:${chat || "new"}`, text)
  }

  // A message on its way: {id, text, models}.
  unsent(chat) {
    try {
      return JSON.parse(this.#get(`unsent:${chat || "new"}`) ?? "null")
    } catch {
      return null
    }
  }

  sending(chat, message) {
    this.#put(`unsent:${chat || "new"}`, JSON.stringify(message))
  }

  // Taken by the server; another message that is still on its way stays.
  sent(chat, id) {
    if (this.unsent(chat)?.id === id) this.#put(`unsent:${chat || "new"}`, "")
  }

  // Somebody else may sit down here next.
  clear() {
    try {
      for (const key of Object.keys(this.#store)) if (/^(draft|unsent):/.test(key)) this.#store.removeItem(key)
    } catch {}
  }

  #get(key) {
    try {
      return this.#store.getItem(key)
    } catch {
      return null // Private windows may refuse. Then nothing is remembered.
    }
  }

  #put(key, value) {
    try {
      if (value) this.#store.setItem(key, value)
      else this.#store.removeItem(key)
    } catch {}
  }
}
