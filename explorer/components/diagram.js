// The net's picture on a page. Pieces are drawn in Python; here they are stacked (diagram_stack.js),
// moved (diagram_moves.js), edited (diagram_edits.js), read and clicked. One view per mounted diagram.
const VIEWS = new WeakMap()
const DWELL = 220 // ms before a hover card
const PATIENCE = 3000 // ms for the server's answer to an edit

export default function ({ data, parentElement, setTriggerValue }) {
  if (typeof data !== "object" || !data?.scenes) return
  let view = VIEWS.get(parentElement)
  if (!view) VIEWS.set(parentElement, (view = newView(parentElement)))
  view.send = setTriggerValue
  if (view.pressed) view.late = data // what is under the pointer stays until it is let go
  else show(view, data)
  return () => {
    view.late = null
    view.sizes.disconnect()
    document.removeEventListener("rx-paint", view.onpaint)
    VIEWS.delete(parentElement)
  }
}

function newView(parent) {
  const [root, pane, svg, map, tip] = [".root", ".view", ".picture", ".map", ".tip"].map(s => parent.querySelector(s))
  const view = { parent, root, pane, svg, map, tip, fitted: true, opened: new Set(), stamp: 0, roots: [], pending: {} }
  view.sizes = new ResizeObserver(() => {
    grow(view)
    view.fitted ? fit(view) : drawMap(view)
  })
  view.sizes.observe(pane)
  view.sizes.observe(document.documentElement)
  view.onpaint = event => paint(view, event.detail)
  document.addEventListener("rx-paint", view.onpaint)
  pane.onclick = event => click(view, event)
  pane.ondblclick = event => {
    const node = nodeAt(event)
    if (!node) fit(view)
    else if (!isChevron(event) && !isTool(event)) toggle(view, node) // those have answered both clicks
  }
  pane.onkeydown = event => key(view, event)
  pane.onpointerleave = () => hide(view)
  root.querySelector(".levels").onclick = event => event.target.name && openLevel(view, event.target.name)
  listenForMoves(view)
  return view
}

function show(view, data) {
  view.late = null
  view.root.classList.toggle("dark", isDark(view.root))
  view.svg.setAttribute("aria-label", data.label)
  view.root.querySelector(".notice").textContent = data.notice
  view.root.classList.toggle("stale", Boolean(data.notice))
  view.data = data
  for (const [stage, sent] of Object.entries(view.pending)) {
    const now = data.stages[stage], isOld = Date.now() - sent.at > PATIENCE
    if (isOld || !now || (sent.blocks ?? now.blocks) === now.blocks && (sent.width ?? now.width) === now.width) delete view.pending[stage]
  }
  if (data.stamp >= view.stamp) { // else it has not heard of the newest clicks yet
    view.opened = new Set(data.opened)
    view.stamp = data.stamp
  }
  const shown = JSON.stringify([data.scenes, data.stages, data.can_open_all, [...view.opened].sort()])
  if (shown !== view.shown) { // most reruns change nothing here
    view.levels = levels(view)
    stack(view)
  }
  view.shown = shown
  mark(view)
  grow(view)
  if (view.cycled) tellShortcut(view)
  if (data.look_at !== view.lookedAt) lookAt(view, data.look_at)
  view.lookedAt = data.look_at
}

function stack(view) { // draws what is open now
  const focused = view.parent.activeElement?.dataset?.id
  stackAll(view)
  for (const node of nodes(view)) {
    node.setAttribute("role", "treeitem")
    node.setAttribute("tabindex", "-1")
    node.setAttribute("aria-level", levelOf(node))
  }
  addTools(view)
  rove(view, focused ?? view.roving)
  hide(view)
  if (view.fitted) fit(view)
  else resize(view)
  if (focused) find(view, focused)?.focus({ preventScroll: true })
  paint(view, window.rxPaint)
  for (const button of view.root.querySelectorAll(".levels button")) {
    button.setAttribute("aria-pressed", isLevel(view, button.name))
    if (button.name !== "layers") continue
    button.disabled = !view.data.can_open_all
    button.title = button.disabled ? "Too many layers to show at once: open single blocks" : "Open everything"
  }
}

const nodes = view => [...view.svg.querySelectorAll(".n")]
const find = (view, id) => view.svg.querySelector(`[data-id="${CSS.escape(id)}"]`)
const nodeAt = event => event.target.closest?.(".n")
const isChevron = event => event.target.classList.contains("c")
const isTool = event => Boolean(event.target.closest?.(".tool"))
const roleOf = (view, node) => view.roots.find(({ el }) => el.contains(node)).role
const levelOf = node => { // one for each card it is stacked in; layers are in their block's piece
  const own = node.closest(".own")
  let level = node === own.querySelector(".n") ? 0 : 1
  for (let item = own.closest(".at"); item; item = item.parentNode.closest(".at")) level += 1
  return level
}

function isDark(root) {
  const channels = getComputedStyle(root.querySelector(".view")).backgroundColor.match(/[\d.]+/g)
  return channels ? 0.3 * channels[0] + 0.59 * channels[1] + 0.11 * channels[2] < 128 : false
}

// The smallest visible node that is or holds the module `path`: itself, or a closed card around it
function holder(view, path) {
  for (let id = path; id; id = id.slice(0, Math.max(0, id.lastIndexOf(".")))) {
    if (find(view, id)) return id
    const folded = view.svg.querySelector(`[data-holds~="${CSS.escape(id)}"]`)
    if (folded) return folded.dataset.id
    const run = runOf(view, id)
    if (run) return run.dataset.id
  }
  return null
}

function runOf(view, id) { // the card of equal blocks that a block belongs to
  const [, stage, block] = id.match(/^(\w+)\.(\d+)$/) ?? []
  return stage && nodes(view).find(({ dataset }) => {
    const [, of, first, last] = dataset.id.match(/^(\w+)\.(\d+)\.\.(\d+)$/) ?? []
    return of === stage && +first <= +block && +block <= +last
  })
}

function mark(view) { // in both drawings
  const held = view.data.selected && holder(view, view.data.selected)
  for (const node of nodes(view)) {
    node.classList.toggle("sel", node.dataset.id === held)
    node.setAttribute("aria-selected", node.dataset.id === held)
  }
}

function select(view, node) { // null: nothing
  view.data.selected = node?.dataset.id ?? null
  if (view.late) view.late.selected = view.data.selected // it does not know yet
  mark(view)
  view.send("selected", view.data.selected ?? "")
}

function toggle(view, node) {
  if (!node.hasAttribute("aria-expanded")) return
  if (!view.opened.delete(node.dataset.id)) view.opened.add(node.dataset.id)
  opened(view)
}

function opened(view) { // drawn at once; the server is told, for the URL
  view.stamp += 1
  view.shown = null // it is no longer what the server has sent
  stack(view)
  mark(view)
  view.send("opened", { ids: [...view.opened], stamp: view.stamp })
}

function click(view, event) {
  const node = nodeAt(event)
  if (view.moved) return
  if (!node) return view.data.selected && select(view, null)
  rove(view, node.dataset.id)
  if (isTool(event)) useTool(view, event.target.closest(".tool"), event.shiftKey ? -1 : 1)
  else if (isChevron(event)) toggle(view, node)
  else if (event.detail < 2) select(view, node)
}

function key(view, event) {
  const node = nodeAt(event)
  if (!node || event.ctrlKey || event.metaKey || event.altKey) return
  const id = node.dataset.id, isOpen = node.getAttribute("aria-expanded") === "true"
  const all = nodes(view).filter(other => other.getClientRects().length && !other.closest("[data-twin]"))
  const to = step => focus(view, all[all.findIndex(other => other.dataset.id === id) + step])
  const act = {
    ArrowDown: () => to(1),
    ArrowUp: () => to(-1),
    ArrowRight: () => (node.hasAttribute("aria-expanded") && !isOpen ? toggle(view, node) : to(1)),
    ArrowLeft: () => (isOpen ? toggle(view, node) : focus(view, around(view, id))),
    Home: () => focus(view, all[0]),
    End: () => focus(view, all.at(-1)),
    Enter: () => select(view, node),
    Escape: view.data.selected && (() => select(view, null)),
    " ": () => toggle(view, node),
  }[event.key] ?? editOf(view, id, event.key)
  if (!act) return
  act()
  event.preventDefault()
  event.stopPropagation()
}

function around(view, id) { // the card that holds it
  const run = runOf(view, id)
  if (run) return run
  const parent = id.includes("..") ? id.split(".")[0] : id.slice(0, Math.max(0, id.lastIndexOf(".")))
  const held = parent && holder(view, parent)
  return held && find(view, held)
}

function focus(view, node) {
  if (!node) return
  rove(view, node.dataset.id)
  node.focus({ preventScroll: true })
  node.scrollIntoView({ block: "nearest" })
}

function rove(view, id) { // one stop for the tab key; arrows lead on from there
  const now = view.svg.querySelector('.n[tabindex="0"]')
  now?.setAttribute("tabindex", "-1")
  const next = (id && find(view, id)) || view.svg.querySelector(".n")
  next?.setAttribute("tabindex", "0")
  view.roving = next?.dataset.id
}

// detail: what components/paint.py broadcasts; null for the colours of kinds
function paint(view, detail) {
  view.painted = detail
  view.root.classList.toggle("painting", Boolean(detail))
  for (const { el, role } of view.roots) {
    const colours = detail?.nets[role]
    for (const node of el.querySelectorAll(".n")) {
      const colour = colours?.[node.dataset.id]
      node.classList.toggle("painted", Boolean(colour))
      if (colour) node.style.setProperty("--paint", colour)
    }
  }
  drawMap(view)
}

function hover(view, event) {
  const node = event.target.closest?.(".tool") ?? nodeAt(event)
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
  const { id } = node.dataset
  const told = id && view.painted?.texts?.[roleOf(view, node)]?.[id]
  const rows = [...facts, ...(told ? [`${view.painted.title}: ${told}`] : [])].map(fact => {
    const [name, value] = fact.split(": ")
    return value ? element("div", "row", element("span", "", name), value) : element("div", "", name)
  })
  const path = id ? [element("code", "", id)] : []
  view.tip.replaceChildren(element("b", "", title), ...rows, ...path)
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
