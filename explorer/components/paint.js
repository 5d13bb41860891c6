// A legend, and the colours of all diagrams on the page; see paint.py for what it sends them.
const STATES = new WeakMap() // root -> {data, nets, listen}

export default function ({ data, parentElement }) {
  if (typeof data !== "object" || !data?.nets) return
  const root = parentElement.querySelector(".root")
  let state = STATES.get(root)
  if (!state) {
    STATES.set(root, (state = { listen: () => show(root, state) }))
    document.addEventListener("rx-step", state.listen)
  }
  state.data = data
  state.nets = Object.fromEntries(Object.entries(data.nets).map(([role, net]) => [role, decoded(net)]))
  show(root, state)
  return () => {
    document.removeEventListener("rx-step", state.listen)
    STATES.delete(root)
    // another legend may have taken over already
    if (window.rxPaint === state.detail) broadcast(null)
  }
}

function broadcast(detail) {
  window.rxPaint = detail
  document.dispatchEvent(new CustomEvent("rx-paint", { detail }))
}

function decoded(net) {
  const bytes = Uint8Array.from(atob(net.values), c => c.charCodeAt(0))
  return { ...net, table: new Float32Array(bytes.buffer) }
}

function show(root, state) {
  const { data } = state
  const detail = { title: data.title, nets: {}, texts: {} }
  let shown = -1
  for (const [role, net] of Object.entries(state.nets)) {
    const row = rowOf(net), width = net.ids.length
    const values = net.table.subarray(row * width, (row + 1) * width)
    detail.nets[role] = Object.fromEntries(net.ids.map((id, i) => [id, colour(values[i], data)]))
    const texts = data.texts?.[role] ?? Array.from(values, text)
    detail.texts[role] = Object.fromEntries(net.ids.map((id, i) => [id, texts[i]]))
    shown = Math.max(shown, net.steps[row] ?? -1)
  }
  state.detail = detail
  legend(root, data, shown)
  broadcast(detail)
}

// The last row at or before the slider's step; without a slider the newest
function rowOf({ steps }) {
  if (window.rxStep === undefined) return Math.max(0, steps.length - 1)
  return Math.max(0, steps.findLastIndex(step => step <= window.rxStep))
}

function colour(value, data) {
  if (value === 0) return data.zeros
  if (!Number.isFinite(value)) return data.broken
  const place = (Math.log10(value) - data.low) / (data.high - data.low)
  const last = data.shades.length - 1
  return data.shades[Math.min(last, Math.max(0, Math.floor(place * data.shades.length)))]
}

function text(value) {
  if (value === 0) return "exactly 0"
  return Number.isFinite(value) ? Number(value.toPrecision(2)).toString() : "not finite"
}

function legend(root, data, step) {
  const [title, unit, output] = root.querySelector(".head").children
  title.textContent = data.title
  unit.textContent = data.unit
  unit.title = `${data.unit}. Of a card: ${data.card}.`
  output.textContent = step >= 0 ? `step ${step}` : ""
  root.querySelector(".bar").style.background = `linear-gradient(to right, ${data.shades.join(", ")})`
  root.querySelector(".ticks").replaceChildren(...data.ticks.map(([place, word]) => {
    const mark = element("span", word)
    mark.style.left = `${100 * place}%`
    mark.className = place < 0.06 ? "first" : place > 0.94 ? "last" : ""
    return mark
  }))
  root.querySelector(".notes").replaceChildren(...data.notes.map(([paint, word]) => {
    const sample = element("i")
    sample.style.background = paint
    return element("span", sample, word)
  }))
}

function element(tag, ...children) {
  const made = document.createElement(tag)
  made.append(...children)
  return made
}
