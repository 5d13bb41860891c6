// Plotly.react on one lasting DOM node; a step slider that needs no round trip.
const STATES = new WeakMap(); // root -> what this chart remembers between calls
let library;

function load(path) {
  library ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly);
    const script = document.createElement("script");
    script.src = new URL(path, document.baseURI).href;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error(`cannot load ${path}`));
    document.head.append(script);
  });
  return library;
}

function isDark(element) {
  const [r, g, b] = getComputedStyle(element.closest(".stApp") ?? document.body)
    .backgroundColor.match(/\d+/g)?.map(Number) ?? [255, 255, 255];
  return 0.3 * r + 0.59 * g + 0.11 * b < 128;
}

// Colours and font of the page's theme into the figure that Python made.
function themed(data, root) {
  const dark = isDark(root);
  const colour = (token) => data.colours[token][dark ? 1 : 0];
  let text = data.figure;
  if (dark) for (const [light, other] of Object.values(data.colours)) text = text.replaceAll(light, other);
  const figure = JSON.parse(text);
  const style = getComputedStyle(root);
  Object.assign(figure.layout, {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true,
    font: { ...figure.layout.font, family: style.getPropertyValue("--st-font"), color: style.getPropertyValue("--st-text-color") },
    hoverlabel: { bgcolor: colour("surface"), bordercolor: colour("muted"), font: { color: style.getPropertyValue("--st-text-color"), family: style.getPropertyValue("--st-font") } },
  });
  return figure;
}

// base64 -> rows of numbers, or of log10 of them: 16-bit counts of 1/scale, with marks for exact zero and for not a number.
function decode(part, scrub) {
  const bytes = Uint8Array.from(atob(part.values), (c) => c.charCodeAt(0));
  const raw = new Int16Array(bytes.buffer);
  const rows = [];
  for (let start = 0; start + part.width <= raw.length; start += part.width) {
    rows.push(Array.from(raw.subarray(start, start + part.width), (v) =>
      v === scrub.zero ? -Infinity : v === scrub.missing ? NaN : v / scrub.scale));
  }
  return rows;
}

// A value as the number that a reader wants: 0.23, 4.1e-7, exactly 0.
const said = (log) => (v) => (v === -Infinity ? "exactly 0" : Number.isFinite(v) ? Number((log ? 10 ** v : v).toPrecision(log ? 2 : 3)).toString() : "not finite");
const finite = (v) => (Number.isFinite(v) ? v : null);

// The figure with the slider's step drawn in: lines of that step, zero marks, heat maps, cursors.
function atStep(figure, scrub, parts, index) {
  const text = said(scrub.log);
  scrub.parts.forEach((part, i) => {
    const row = parts[i][Math.min(index, parts[i].length - 1)] ?? [];
    figure.data[part.line].y = row.map(finite);
    figure.data[part.line].text = row.map(text);
    figure.data[part.marks].y = row.map((v) => (Number.isFinite(v) ? null : v === -Infinity ? scrub.floor : scrub.ceiling));
    figure.data[part.marks].text = row.map(text);
    if (part.map === null) return;
    figure.data[part.map].z = parts[i].map((values) => values.map((v) => (v === -Infinity ? scrub.floor : finite(v))));
    figure.data[part.map].text = parts[i].map((values) => values.map(text));
  });
  for (const shape of scrub.cursors) Object.assign(figure.layout.shapes[shape], { y0: scrub.steps[index], y1: scrub.steps[index] });
}

// The step that is shown, for all who follow the slider; undefined when there is none any more.
function tell(step) {
  if (window.rxStep === step) return;
  window.rxStep = step;
  document.dispatchEvent(new CustomEvent("rx-step"));
}

function slider(root, state, redraw) {
  const box = root.querySelector(".scrub");
  const { scrub } = state.data;
  if (!scrub || scrub.steps.length === 0) return box.replaceChildren();
  if (!box.firstChild) {
    box.innerHTML = '<output></output><input type="range" min="0" aria-label="step shown in the depth chart"><button type="button" title="follow the newest step">newest</button>';
    box.querySelector("input").oninput = (event) => {
      const last = state.data.scrub.steps.length - 1;
      state.index = Number(event.target.value);
      state.follow = state.index >= last;
      redraw();
    };
    const tell = () => state.report("step", state.follow ? -1 : state.data.scrub.steps[state.index]);
    box.querySelector("input").onchange = tell; // when it is let go
    box.querySelector("button").onclick = () => { state.follow = true; redraw(); tell(); };
  }
  const [output, input, button] = box.children;
  input.max = scrub.steps.length - 1;
  input.value = state.index;
  output.textContent = `step ${scrub.steps[state.index]}, last is ${scrub.total}`;
  input.setAttribute("aria-valuetext", output.textContent);
  button.setAttribute("aria-pressed", state.follow);
}

export default function ({ data, parentElement, setTriggerValue }) {
  if (typeof data === "string") throw new Error("figure data is not JSON-safe");
  const root = parentElement.querySelector(".rx-figure");
  const plot = root.querySelector(".plot");
  let state = STATES.get(root);
  if (!state) {
    STATES.set(root, (state = { follow: true, index: 0 }));
    // plotly itself only listens to the window, and columns change without it
    state.sizes = new ResizeObserver(() => state.drawn?.then(() => root.offsetWidth && state.Plotly.Plots.resize(plot)));
    state.sizes.observe(root);
  }
  Object.assign(state, { data, report: setTriggerValue });
  plot.setAttribute("role", "img");
  plot.setAttribute("aria-label", data.label);

  const redraw = () => load(data.plotly).then((Plotly) => {
    state.Plotly = Plotly;
    const now = state.data;
    const figure = themed(now, root);
    if (now.scrub) {
      const last = now.scrub.steps.length - 1;
      state.index = Math.max(0, state.follow ? last : Math.min(state.index, last));
      if (state.decoded !== now.scrub.parts) {
        state.parts = now.scrub.parts.map((part) => decode(part, now.scrub));
        state.decoded = now.scrub.parts;
      }
      if (last >= 0) {
        atStep(figure, now.scrub, state.parts, state.index);
        tell(now.scrub.steps[state.index]);
      }
    }
    if (STATES.get(root) !== state) return; // taken off the page while the library was on its way
    state.drawn = Plotly.react(plot, figure.data, figure.layout, { responsive: true, displaylogo: false, displayModeBar: false });
    slider(root, state, redraw);
    if (!state.listening) {
      state.listening = true;
      plot.on("plotly_click", ({ points: [point] }) => {
        const path = point.customdata?.[0] ?? state.data.scrub?.paths?.[point.curveNumber]?.[point.pointIndex?.[1] ?? point.pointIndex];
        if (path) state.report("point", { path, at: Date.now() });
      });
    }
  });
  redraw();
  return () => {
    STATES.delete(root);
    state.sizes.disconnect();
    if (state.data.scrub) tell(undefined);
    // plotly goes on with a drawing for a moment, and stumbles over a plot that has been purged
    state.drawn?.finally(() => { if (!STATES.has(root)) state.Plotly.purge(plot); });
  };
}
