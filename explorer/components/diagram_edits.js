// Editing on the picture: + and − for a stage's blocks, a handle for its width, a click on an arc
// for its shortcut. Keys do the same: + − [ ] S. The server decides what becomes of it.
const TOLD = 1800 // ms that the new shortcut is told beside the pointer
const REACH = 46 // px to the right of a card
const PER_STEP = 26 // px of a drag from one width to the next
const ICONS = { fewer: "M-4 0h8", more: "M-4 0h8M0-4v8", wider: "M-8 0h16M-5-3l-3 3l3 3M5-3l3 3l-3 3" }

const stageOf = id => id.split(".")[0]
const stateOf = (view, stage) => view.data.stages[stage] && { ...view.data.stages[stage], ...view.pending[stage] }

function addTools(view) {
  for (const old of view.svg.querySelectorAll(".tools, .reach")) old.remove()
  for (const [stage, now] of Object.entries(view.data.stages)) {
    for (const node of view.svg.querySelectorAll(`[data-id="${stage}"]`)) node.append(toolbar(node, stage, now))
  }
  for (const node of nodes(view)) {
    const stage = view.data.stages[stageOf(node.dataset.id)]
    if (stage) addReach(node, stage)
  }
}

function toolbar(node, stage, now) {
  const box = node.querySelector(".b"), isOpen = node.getAttribute("aria-expanded") === "true"
  const right = +box.getAttribute("x") + +box.getAttribute("width") - 10
  const y = isOpen ? 18 : +box.getAttribute("height") - 17
  const made = svgElement("g", { class: "tools" })
  made.append(
    tool("wider", right - 68, y, 30, `Width ${now.width}: drag to either side, or keys [ and ]`),
    tool("fewer", right - 34, y, 20, `${stage.replace("stage", "Stage ")}: one block fewer, of ${now.blocks}`),
    tool("more", right - 10, y, 20, `${stage.replace("stage", "Stage ")}: one block more than ${now.blocks}`))
  return made
}

function tool(name, x, y, width, label) {
  const made = svgElement("g", { class: `tool ${name}`, "data-tool": name, role: "button", "aria-label": label, transform: `translate(${x} ${y})` })
  made.append(
    svgElement("rect", { x: -width / 2, y: -11, width, height: 22, rx: 7 }),
    svgElement("path", { d: ICONS[name] }))
  return made
}

// What can be hit with a pointer: a wide invisible stroke over an arc, or the room of a closed card's arcs
function addReach(node, stage) {
  const arcs = [...node.querySelectorAll(":scope > .s")], isCard = node.hasAttribute("aria-expanded")
  if (!arcs.length) return
  const box = name => +node.querySelector(".b").getAttribute(name)
  const room = { x: box("x") + box("width"), y: box("y"), width: REACH, height: box("height") }
  for (const reach of isCard ? [svgElement("rect", room)] : arcs.map(arc => arc.cloneNode())) {
    reach.setAttribute("class", "reach tool")
    reach.dataset.tool = "shortcut"
    reach.setAttribute("aria-label", `Shortcut: ${stage.shortcut}; a click makes it: ${stage.next}`)
    node.append(reach)
  }
}

function svgElement(tag, attributes) {
  const made = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  return made
}

function useTool(view, { dataset }, direction) {
  const stage = stageOf(view.roving)
  const act = { fewer: () => addBlocks(view, stage, -1), more: () => addBlocks(view, stage, 1), shortcut: () => cycle(view, stage, direction) }
  act[dataset.tool]?.()
}

function editOf(view, id, key) {
  const stage = stageOf(id)
  if (!view.data.stages[stage]) return null
  return {
    "+": () => addBlocks(view, stage, 1),
    "=": () => addBlocks(view, stage, 1),
    "-": () => addBlocks(view, stage, -1),
    "]": () => setWidth(view, stage, widthFrom(view, stage, 1)),
    "[": () => setWidth(view, stage, widthFrom(view, stage, -1)),
    s: () => cycle(view, stage, 1),
    S: () => cycle(view, stage, -1),
  }[key]
}

function addBlocks(view, stage, step) {
  const blocks = stateOf(view, stage).blocks + step
  if (blocks < 1) return
  view.pending[stage] = { ...view.pending[stage], blocks, at: Date.now() }
  view.send("edit", { action: "set", where: `${stage}.num_blocks`, value: String(blocks) })
}

function setWidth(view, stage, width) {
  if (width === stateOf(view, stage).width) return
  view.pending[stage] = { ...view.pending[stage], width, at: Date.now() }
  view.send("edit", { action: "set", where: `${stage}.width`, value: String(width) })
}

function cycle(view, stage, step) {
  view.cycled = { stage, before: view.data.stages[stage].shortcut }
  view.send("edit", { action: "cycle", where: `${stage}.shortcut`, value: String(step), stamp: Date.now() })
}

function tellShortcut(view) { // it may look the same where no shape changes
  const { stage, before } = view.cycled, now = view.data.stages[stage]?.shortcut
  if (!now || now === before) return
  view.cycled = null
  if (!view.pointer) return
  view.tip.replaceChildren(element("b", "", `${stage.replace("stage", "Stage ")}: ${now}`))
  view.tip.classList.add("on")
  place(view)
  view.timer = setTimeout(() => hide(view), TOLD)
}

function widthFrom(view, stage, steps) {
  const { width } = stateOf(view, stage), { widths } = view.data
  const above = widths.findIndex(w => w > width), here = above < 0 ? widths.length : above
  const place = steps > 0 ? here + steps - 1 : here + steps - (widths[here - 1] === width ? 1 : 0)
  return steps ? widths[Math.max(0, Math.min(widths.length - 1, place))] : width
}

const isGrip = event => Boolean(event.target.closest?.(".tool.wider"))

function grab(view, event) {
  const node = nodeAt(event)
  view.moved = true // no click follows
  view.grip = { stage: node.dataset.id, from: event.clientX }
  view.pane.setPointerCapture(event.pointerId)
  hide(view)
}

function pull(view, event) {
  view.pointer = event
  view.grip.width = widthFrom(view, view.grip.stage, Math.round((event.clientX - view.grip.from) / PER_STEP))
  view.tip.replaceChildren(element("b", "", `Width ${stateOf(view, view.grip.stage).width} → ${view.grip.width}`))
  view.tip.classList.add("on")
  place(view)
}

function release(view, isMeant) {
  const { stage, width } = view.grip
  view.grip = null
  hide(view)
  if (isMeant && width) setWidth(view, stage, width)
}
