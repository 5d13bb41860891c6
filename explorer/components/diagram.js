// One view per mounted diagram. The picture is drawn in Python; here it is moved, read and clicked.
const VIEWS = new WeakMap()
const LARGEST_FIT = 1.45, SMALLEST = 0.3, LARGEST = 4, DRAG = 4, DWELL = 220

export default function ({ data, parentElement, setTriggerValue }) {
  if (typeof data !== "object" || !data?.svg) return
  let view = VIEWS.get(parentElement)
  if (!view) VIEWS.set(parentElement, (view = newView(parentElement)))
  view.send = setTriggerValue
  show(view, data)
  return () => {
    view.sizes.disconnect()
    VIEWS.delete(parentElement)
  }
}

function newView(parent) {
  const [root, pane, svg, tip] = [".root", ".view", "svg", ".tip"].map(s => parent.querySelector(s))
  const view = { parent, root, pane, svg, tip, fitted: true, seen: null }
  view.sizes = new ResizeObserver(() => view.fitted && fit(view))
  view.sizes.observe(pane)
  pane.onclick = event => click(view, event)
  pane.ondblclick = event => {
    const node = nodeAt(event)
    if (!node) fit(view)
    else if (!isChevron(event)) toggle(view, node) // the chevron has answered both clicks
  }
  pane.onkeydown = event => key(view, event)
  pane.onwheel = event => {
    if (!event.ctrlKey && !event.metaKey) return // a plain wheel scrolls
    event.preventDefault()
    zoom(view, view.scale * Math.exp(-event.deltaY * 0.002), event.clientX, event.clientY)
  }
  pane.onpointerdown = event => {
    view.moved = false
    view.from = event.button || event.pointerType !== "mouse" ? null : event
    view.start = [pane.scrollLeft, pane.scrollTop]
  }
  pane.onpointermove = event => (view.from ? drag(view, event) : hover(view, event))
  pane.onpointerup = pane.onpointercancel = () => {
    view.from = null
    pane.classList.remove("drag")
  }
  pane.onpointerleave = pane.onscroll = () => hide(view)
  const buttons = { out: () => zoomBy(view, 0.8), in: () => zoomBy(view, 1.25), fit: () => fit(view) }
  for (const button of root.querySelectorAll("button")) button.onclick = buttons[button.name]
  return view
}

function show(view, data) {
  view.pane.style.maxHeight = data.max_height
  view.root.classList.toggle("dark", isDark(view.root))
  view.svg.setAttribute("aria-label", data.label)
  if (view.drawn !== data.svg) redraw(view, data)
  mark(view, data.selected)
  if (data.look_at !== view.lookedAt) lookAt(view, data.look_at)
  view.lookedAt = data.look_at
}

function lookAt(view, id) { // scrolls the picture alone, not the page; the words below it, too
  const below = (id && find(view, id)?.getBoundingClientRect().bottom + 70) || 0
  view.pane.scrollTop += Math.max(0, below - view.pane.getBoundingClientRect().bottom)
}

function redraw(view, data) {
  const focused = view.parent.activeElement?.dataset?.id
  const anchor = view.anchor && find(view, view.anchor)
  const before = anchor?.getBoundingClientRect().top
  view.svg.innerHTML = data.svg
  view.drawn = data.svg
  view.size = [data.picture_width, data.picture_height]
  view.svg.setAttribute("viewBox", `0 0 ${view.size.join(" ")}`)
  const ids = new Set()
  for (const node of nodes(view)) {
    ids.add(node.dataset.id)
    node.setAttribute("role", "button")
    node.setAttribute("tabindex", "0")
    if (view.seen && !view.seen.has(node.dataset.id)) node.classList.add("new")
  }
  view.seen = ids
  hide(view)
  if (view.fitted) fit(view)
  else resize(view)
  const after = view.anchor && find(view, view.anchor)
  if (anchor && after) view.pane.scrollTop += after.getBoundingClientRect().top - before
  view.anchor = null
  if (focused) find(view, focused)?.focus({ preventScroll: true })
}

const nodes = view => [...view.svg.querySelectorAll(".n")]
const find = (view, id) => view.svg.querySelector(`[data-id="${CSS.escape(id)}"]`)
const nodeAt = event => event.target.closest?.(".n")
const isChevron = event => event.target.classList.contains("c")

function isDark(root) {
  const channels = getComputedStyle(root.querySelector(".view")).backgroundColor.match(/[\d.]+/g)
  return channels ? 0.3 * channels[0] + 0.59 * channels[1] + 0.11 * channels[2] < 128 : false
}

function mark(view, id) {
  for (const node of view.svg.querySelectorAll(".sel")) node.classList.remove("sel")
  if (id) find(view, id)?.classList.add("sel")
}

function select(view, node) {
  mark(view, node.dataset.id)
  view.send("selected", node.dataset.id)
}

function toggle(view, node) {
  if (!node.hasAttribute("aria-expanded")) return
  view.anchor = node.dataset.id // stays where it is on the screen
  view.send("toggle", node.dataset.id)
}

function click(view, event) {
  const node = nodeAt(event)
  if (!node || view.moved) return
  if (isChevron(event)) toggle(view, node)
  else if (event.detail < 2) select(view, node)
}

function key(view, event) {
  const node = nodeAt(event)
  if (!node) return
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key]
  if (event.key === "Enter") select(view, node)
  else if (event.key === " ") toggle(view, node)
  else if (step) {
    const all = nodes(view)
    const next = all[all.indexOf(node) + step]
    next?.focus({ preventScroll: true })
    next?.scrollIntoView({ block: "nearest" })
  } else return
  event.preventDefault()
  event.stopPropagation()
}

function fit(view) {
  view.fitted = true
  if (!view.size) return
  view.scale = Math.min(LARGEST_FIT, view.pane.clientWidth / view.size[0])
  resize(view)
}

function resize(view) {
  view.svg.style.width = view.size[0] * view.scale + "px"
  view.svg.style.height = view.size[1] * view.scale + "px"
}

function zoom(view, scale, x, y) {
  const old = view.svg.getBoundingClientRect()
  const [px, py] = [(x - old.left) / view.scale, (y - old.top) / view.scale]
  view.scale = Math.min(LARGEST, Math.max(SMALLEST, scale))
  view.fitted = false
  resize(view)
  const now = view.svg.getBoundingClientRect()
  view.pane.scrollLeft += now.left + px * view.scale - x
  view.pane.scrollTop += now.top + py * view.scale - y
}

function zoomBy(view, factor) {
  const box = view.pane.getBoundingClientRect()
  zoom(view, view.scale * factor, box.left + box.width / 2, box.top + box.height / 2)
}

function drag(view, event) {
  const dx = event.clientX - view.from.clientX, dy = event.clientY - view.from.clientY
  if (!view.moved && Math.hypot(dx, dy) < DRAG) return
  if (!view.moved) view.pane.setPointerCapture(event.pointerId)
  view.moved = true
  view.pane.classList.add("drag")
  view.pane.scrollTo(view.start[0] - dx, view.start[1] - dy)
}

function hover(view, event) {
  const node = nodeAt(event)
  if (!node || event.pointerType !== "mouse") return hide(view)
  view.pointer = event
  if (view.tip.classList.contains("on") && view.about === node) return place(view)
  if (view.about === node) return
  hide(view)
  view.about = node
  view.timer = setTimeout(() => describe(view, node), DWELL)
}

function hide(view) {
  clearTimeout(view.timer)
  view.about = null
  view.tip.classList.remove("on")
}

// "Stage 2; 9 basic blocks; output: 32×16×16": a title, then facts; text only, never markup
function describe(view, node) {
  const [title, ...facts] = node.getAttribute("aria-label").split("; ")
  const rows = facts.map(fact => {
    const [name, value] = fact.split(": ")
    return value ? element("div", "row", element("span", "", name), value) : element("div", "", name)
  })
  view.tip.replaceChildren(element("b", "", title), ...rows, element("code", "", node.dataset.id))
  view.tip.classList.add("on")
  place(view)
}

function element(tag, classes, ...children) {
  const made = document.createElement(tag)
  made.className = classes
  made.append(...children)
  return made
}

// Beside the pointer, on the side that has room
function place({ root, tip, pointer }) {
  const box = root.getBoundingClientRect()
  const x = pointer.clientX - box.left, y = pointer.clientY - box.top
  const right = x + 16 + tip.offsetWidth <= box.width, below = y + 20 + tip.offsetHeight <= box.height
  tip.style.left = Math.max(0, right ? x + 16 : x - 16 - tip.offsetWidth) + "px"
  tip.style.top = Math.max(0, below ? y + 20 : y - 12 - tip.offsetHeight) + "px"
}
