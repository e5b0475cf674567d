// Gives each code block its own copy button.
import { stamp } from "../strings.js"

export function dress(root) {
  if (!document.getElementById("code-copy-template")) return
  for (const head of root.querySelectorAll(".code__head:not(:has(copy-button))")) head.append(stamp("code-copy-template"))
}
