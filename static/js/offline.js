// Lets this browser show the last chats without a network; see sw.js.
export async function prepareForOffline() {
  if (!("serviceWorker" in navigator)) return
  try {
    await navigator.serviceWorker.register("/sw.js")
    await navigator.serviceWorker.ready
  } catch {
    return // a private window, or storage is switched off
  }
  const keep = () => navigator.serviceWorker.controller?.postMessage({ keep: location.pathname })
  keep()
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && keep())
}
