// Pixels of an SVG picture: drawn by the browser, saved or put on the clipboard.
const SIDE = 16384, AREA = 2 ** 28 // most pixels that browsers give a canvas
const SHOWN = new WeakMap() // root -> {data, drawing}
const letters = new Map() // the fonts' rules, fetched once

export default function ({ data, parentElement }) {
  if (typeof data !== "object" || !data?.svg) return
  const root = parentElement.querySelector(".root")
  if (SHOWN.get(root)?.data.svg === data.svg) return
  const state = { data, drawing: drawing(data) }
  SHOWN.set(root, state)
  const [png, copy] = root.querySelectorAll("button")
  say(root, "")
  state.drawing.then(svg => SHOWN.get(root) === state && preview(root, data, svg))
  png.onclick = () => busy(root, png, () => save(state))
  copy.onclick = () => busy(root, copy, () => put(state))
}

async function drawing({ svg, fonts }) {
  const rules = await Promise.all(fonts.map(([url, range]) => face(url, range)))
  return svg.replace("<style>", `<style>${rules.join("")}`) // an image sees no font of the page
}

function face(url, range) {
  if (!letters.has(url)) letters.set(url, fetchFace(url, range))
  return letters.get(url).catch(() => (letters.delete(url), "")) // other letters do until the next time
}

async function fetchFace(url, range) {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(answer.statusText)
  const reader = new FileReader()
  const bytes = await answer.blob()
  await new Promise(done => {
    reader.onload = done
    reader.readAsDataURL(bytes)
  })
  const only = range ? `unicode-range:${range};` : ""
  return `@font-face{font-family:Inter;font-weight:100 900;${only}src:url(${reader.result})}`
}

function preview(root, data, svg) {
  const image = root.querySelector("img")
  image.alt = data.label
  image.width = data.width
  image.height = data.height
  image.style.height = "auto"
  image.style.width = "auto"
  image.src = encoded(svg)
}

const encoded = svg => "data:image/svg+xml;charset=utf-8," + encodeURIComponent(svg)

async function pixels({ data, drawing }) {
  const { width, height, density } = data
  const image = new Image(width, height)
  image.src = encoded(await drawing)
  await image.decode()
  const most = Math.min(SIDE / width, SIDE / height, Math.sqrt(AREA / width / height))
  const scale = Math.min(density, most)
  const canvas = document.createElement("canvas")
  canvas.width = Math.floor(width * scale)
  canvas.height = Math.floor(height * scale)
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height)
  const png = await new Promise(done => canvas.toBlob(done, "image/png"))
  if (!png) throw new Error("the picture is too large for this browser")
  return [png, `${canvas.width}×${canvas.height} pixels`]
}

async function save(state) {
  const [png, size] = await pixels(state)
  const link = document.createElement("a")
  link.href = URL.createObjectURL(png)
  link.download = state.data.file
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60000)
  return `Saved, ${size}.`
}

async function put(state) {
  if (!window.isSecureContext || !navigator.clipboard?.write || !window.ClipboardItem)
    return "This browser copies pictures only from https or localhost. Press PNG, and insert that file."
  const made = pixels(state)
  try { // a promise, so that the press still counts when the picture is ready
    await navigator.clipboard.write([new ClipboardItem({ "image/png": made.then(([png]) => png) })])
  } catch {
    await made
    return "The browser did not allow it. Press PNG, and insert that file."
  }
  return `Copied, ${(await made)[1]}. Paste it on a slide.`
}

async function busy(root, button, work) {
  button.disabled = true
  try {
    say(root, await work())
  } catch (error) {
    say(root, `That did not work: ${error.message}.`)
  }
  button.disabled = false
}

const say = (root, text) => (root.querySelector("[role=status]").textContent = text)
