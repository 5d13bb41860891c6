// Stacks the pieces of a scene, as resnet_core/picture/compose.py does: an item for each card that
// is shown, which keeps its element, so that what moves can be seen to move.
const SVG = "http://www.w3.org/2000/svg"
const TWIN_GAP = 28 // between the drawings of both twins
const HEADING = 26 // above them, for what they are

function stackAll(view) {
  const { scenes, width } = view.data
  const isNamed = scenes.some(scene => scene.heading)
  while (view.roots.length > scenes.length) view.roots.pop().el.remove()
  let height = 0
  scenes.forEach((scene, place) => {
    const root = (view.roots[place] ??= newItem(view.svg))
    root.role = scene.role
    root.el.setAttribute("class", scene.ghost ? "ghost" : "")
    root.el.toggleAttribute("data-twin", place > 0)
    root.el.setAttribute("transform", `translate(${place * (width + TWIN_GAP)} ${isNamed ? HEADING : 0})`)
    write(root.lead, scene.heading ? heading(scene.heading) : "")
    height = Math.max(height, fill(view, scene, root, scene.card) + (isNamed ? HEADING : 0))
  })
  view.size = [scenes.length * (width + TWIN_GAP) - TWIN_GAP, height]
  view.svg.setAttribute("viewBox", `0 0 ${view.size.join(" ")}`)
}

function newItem(parent) {
  const make = className => {
    const made = document.createElementNS(SVG, "g")
    if (className) made.setAttribute("class", className)
    return made
  }
  const item = { el: make(), lead: make(), own: make("own"), tail: make("at"), kids: [] }
  item.el.append(item.lead, item.own, item.tail)
  parent.append(item.el)
  return item
}

function heading(text) {
  const made = document.createElementNS(SVG, "text")
  for (const [name, value] of [["x", 12], ["y", -4], ["class", "u"]]) made.setAttribute(name, value)
  made.textContent = text
  return made.outerHTML
}

const written = new WeakMap() // group -> what is in it

function write(group, svg) {
  if (written.get(group) === svg) return false
  const isFirst = !written.has(group)
  written.set(group, svg)
  group.innerHTML = svg
  return !isFirst
}

// Draws a card and what it shows; its height
function fill(view, scene, item, [states, above, path, number, below, children]) {
  const named = text => text.replaceAll("\ue000", path).replaceAll("\ue001", number)
  const of = scene.states[states]
  const state = of.findLastIndex(([needs]) => needs.every(id => view.opened.has(named(id))))
  const [svg, height] = scene.pieces[of[state][1]]
  if (item.kids.length === 0 || !state) item.own.classList.toggle("new", write(item.own, named(svg)))
  else write(item.own, named(svg))
  const shown = (state && children) || []
  while (item.kids.length > shown.length) item.kids.pop().el.remove()
  let y = height
  shown.forEach((card, place) => {
    const isNew = !item.kids[place]
    const kid = (item.kids[place] ??= newItem(item.el))
    const [room, lead] = scene.edges[card[1]]
    if (isNew) kid.el.setAttribute("class", "at new")
    write(kid.lead, lead)
    y += room
    move(kid, y)
    y += fill(view, scene, kid, card)
  })
  const [room, tail] = shown.length ? scene.edges[below] : [0, ""]
  write(item.tail, tail)
  move({ el: item.tail }, y)
  item.height = y + room
  const frame = shown.length && item.own.querySelector(".b")
  if (frame) frame.style.height = item.height + "px" // as a style, it can be animated
  return item.height
}

function move(item, y) {
  item.y = y
  item.el.style.transform = `translate(0px, ${y}px)`
}

// Ids of the cards that can be opened, for each depth
function levels(view) {
  const found = { net: [], stages: [], blocks: [], layers: [] }
  const [scene] = view.data.scenes
  const walk = ([states, , path, number, , children]) => {
    const named = text => text.replaceAll("\ue000", path).replaceAll("\ue001", number)
    const ids = scene.states[states].flatMap(([needs]) => needs).map(named)
    found.layers.push(...ids)
    if (children) found.blocks.push(...ids)
    if (children && !ids.some(id => id.includes(".."))) found.stages.push(...ids)
    children?.forEach(walk)
  }
  walk(scene.card)
  return found
}

const isLevel = (view, name) => {
  const ids = new Set(view.levels[name])
  const same = ids.size === view.opened.size && [...ids].every(id => view.opened.has(id))
  // where no blocks are folded, stages and blocks are one: the deeper name is said
  return same && !(name === "stages" && isLevel(view, "blocks"))
}

function openLevel(view, name) {
  view.opened = new Set(view.levels[name])
  opened(view)
}
