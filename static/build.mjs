// Bundles static/js and static/css into build/bundle: `node static/build.mjs [--watch]`.
//
// Entries and fonts keep plain names, Django's storage hashes those. Chunks carry esbuild's hash in their
// own name and are imported by relative path, which stays right after collectstatic because Django leaves
// imports alone and keeps the plain name beside the hashed one. So a chunk never imports an entry.
import { rm } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { build, context } from "esbuild"

const root = fileURLToPath(new URL("..", import.meta.url))

const options = {
  absWorkingDir: root,
  entryPoints: { app: "static/js/app.js", sw: "static/js/sw.js", style: "static/css/app.css" },
  outdir: "build/bundle",
  entryNames: "[name]",
  chunkNames: "chunks/[name]-[hash]",
  assetNames: "fonts/[name]",
  loader: { ".woff2": "file" },
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["es2022"],
  minify: true,
  legalComments: "none",
  logLevel: "warning",
}

if (process.argv.includes("--watch")) {
  await (await context(options)).watch()
} else {
  await rm(`${root}/build/bundle`, { recursive: true, force: true })
  await build(options)
}
