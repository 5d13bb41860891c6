// Pan, zoom, fit, and the small map of a tall picture.
const LARGEST_FIT = 1.45, SMALLEST = 0.2, LARGEST = 4, DRAG = 4
const LEAST_HEIGHT = 420 // px, that the picture has in a window that is higher
const STACKED = 1180 // px of the window's width, as in page.css
const TALL = 2.2 // times the window's height: then there is a map

function listenForMoves(view) {
  const { pane, map, root } = view
  pane.onwheel = event => {
    if (!event.ctrlKey && !event.metaKey) return // a plain wheel scrolls
    event.preventDefault()
    zoom(view, view.scale * Math.exp(-event.deltaY * 0.002), event.clientX, event.clientY)
  }
  pane.onpointerdown = event => {
    if (event.button === 0) press(view)
    view.moved = false
    view.from = event.button || event.pointerType !== "mouse" || isGrip(event) ? null : event
    view.start = [pane.scrollLeft, pane.scrollTop]
    if (isGrip(event)) grab(view, event)
  }
  pane.onpointermove = event => {
    if (view.grip) pull(view, event)
    else if (view.from) drag(view, event)
    else hover(view, event)
  }
  pane.onpointerup = pane.onpointercancel = event => {
    if (view.grip) release(view, event.type === "pointerup")
    view.from = null
    pane.classList.remove("drag")
  }
  pane.onscroll = () => {
    hide(view)
    lookOnMap(view)
  }
  const buttons = { out: () => zoomBy(view, 0.8), in: () => zoomBy(view, 1.25), fit: () => fit(view), whole: () => whole(view) }
  for (const button of root.querySelectorAll(".zoom button")) button.onclick = buttons[button.name]
  const scrollTo = event => {
    if (!(event.buttons & 1)) return
    const box = map.getBoundingClientRect()
    pane.scrollTop = ((event.clientY - box.top) / box.height) * pane.scrollHeight - pane.clientHeight / 2
  }
  map.onpointerdown = event => {
    map.setPointerCapture(event.pointerId)
    scrollTo(event)
  }
  map.onpointermove = scrollTo
}

function press(view) {
  const ended = new AbortController()
  const letGo = () => {
    ended.abort()
    view.pressed = false
    setTimeout(() => { // once the click has been answered
      if (view.late && !view.pressed) show(view, view.late)
    })
  }
  view.pressed = true
  const ends = ["pointerup", "pointercancel", "contextmenu", "blur"] // a menu may swallow the first
  for (const name of ends) addEventListener(name, letGo, { signal: ended.signal })
}

function grow(view) { // down to the window's edge; where columns are stacked, a part of the window
  const { innerWidth: width, innerHeight: height } = window
  const top = width > STACKED ? Math.max(0, view.pane.getBoundingClientRect().top) : 0.35 * height
  view.pane.style.maxHeight = `${Math.max(Math.min(LEAST_HEIGHT, 0.8 * height), height - top - 12)}px`
}

function fit(view) { // to the width
  view.fitted = true
  if (!view.size) return
  view.scale = Math.min(LARGEST_FIT, view.pane.clientWidth / view.size[0])
  resize(view)
}

function whole(view) { // all of it
  view.fitted = false
  const { clientWidth: width } = view.pane, height = Number.parseFloat(getComputedStyle(view.pane).maxHeight) || 640
  view.scale = Math.max(SMALLEST, Math.min(LARGEST_FIT, width / view.size[0], height / view.size[1]))
  resize(view)
}

function resize(view) {
  view.svg.style.width = view.size[0] * view.scale + "px"
  view.svg.style.height = view.size[1] * view.scale + "px"
  drawMap(view)
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

function lookAt(view, id) { // scrolls the picture alone, not the page; the words below it, too
  const below = (id && find(view, id)?.getBoundingClientRect().bottom + 70) || 0
  view.pane.scrollTop += Math.max(0, below - view.pane.getBoundingClientRect().bottom)
}

// Cards as small boxes in their true proportion of height, coloured as they are, and the window's frame
function drawMap(view) {
  const [first] = view.roots
  if (!first || !view.size) return
  const scale = view.fitted ? Math.min(LARGEST_FIT, view.root.clientWidth / view.size[0]) : view.scale
  const isTall = view.size[1] * scale > TALL * view.pane.clientHeight // whether there is a map or not
  view.root.classList.toggle("mapped", isTall)
  if (!isTall) return
  const [width, height] = [view.data.width, view.size[1]]
  const marks = []
  const walk = (item, y) => item.kids.forEach(kid => {
    const at = y + kid.y, box = kid.own.querySelector(".b"), node = kid.own.querySelector(".n")
    if (node && box) {
      const colour = node.style.getPropertyValue("--paint")
      const fill = node.classList.contains("painted") ? ` style="fill:${colour}"` : ""
      marks.push(`<rect class="${kid.kids.length ? "frame" : "card"}" x="${box.getAttribute("x")}" y="${at}" width="${box.getAttribute("width")}" height="${kid.height}"${fill}/>`)
    }
    walk(kid, at)
  })
  walk(first, 0)
  view.map.setAttribute("viewBox", `0 0 ${width} ${height}`)
  view.map.innerHTML = marks.join("") + '<rect class="window" x="0" width="' + width + '"/>'
  lookOnMap(view)
}

function lookOnMap(view) {
  const frame = view.map.querySelector(".window"), { pane } = view
  if (!frame) return
  frame.setAttribute("y", (pane.scrollTop / pane.scrollHeight) * view.size[1])
  frame.setAttribute("height", (pane.clientHeight / pane.scrollHeight) * view.size[1])
}
