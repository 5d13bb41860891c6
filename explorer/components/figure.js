// Plotly.react on one lasting DOM node; figure_steps.js has the step slider, which needs no round trip.
const STATES = new WeakMap(); // root -> what this chart remembers between calls
const NARROW = 560; // pixels: below, a figure takes the layout that Python made for it
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

const isNarrow = (root) => root.offsetWidth > 0 && root.offsetWidth < NARROW;

// The figure that Python made, in colours and font of the page's theme; kept while none of it changes.
function figureOf(state, root) {
  const { data } = state;
  const dark = isDark(root), narrow = isNarrow(root), style = getComputedStyle(root);
  const [font, ink] = ["--st-font", "--st-text-color"].map((name) => style.getPropertyValue(name));
  const key = [dark, narrow, font, ink].join();
  if (state.text === data.figure && state.look === key) return state.figure;
  let text = data.figure;
  if (dark) for (const [light, other] of Object.values(data.colours)) text = text.replaceAll(light, other);
  const figure = JSON.parse(text);
  if (narrow && figure.narrow) figure.layout = figure.narrow;
  const colour = (token) => data.colours[token][dark ? 1 : 0];
  Object.assign(figure.layout, {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true,
    font: { ...figure.layout.font, family: font, color: ink },
    hoverlabel: { bgcolor: colour("surface"), bordercolor: colour("muted"), font: { color: ink, family: font } },
  });
  return Object.assign(state, { figure, text: data.figure, look: key }).figure;
}

// Parts of what the slider shows, decoded once; the maps get theirs here, lines at each step.
function decodeParts(state) {
  const { scrub } = state.data;
  if (state.decoded === scrub.parts) return;
  const text = said(scrub.log);
  state.parts = scrub.parts.map((part) => {
    const rows = decode(part.values, part.width, scrub);
    const [low, high] = part.band.map((values) => decode(values, part.width, scrub));
    const z = part.map === null ? null : rows.map((row) => row.map((v) => (v === -Infinity ? scrub.floor : finite(v))));
    return { rows, low, high, z, texts: z && rows.map((row) => row.map(text)) };
  });
  state.decoded = scrub.parts;
}

export default function ({ data, parentElement, setTriggerValue }) {
  if (typeof data === "string") throw new Error("figure data is not JSON-safe");
  const root = parentElement.querySelector(".rx-figure");
  const plot = root.querySelector(".plot");
  let state = STATES.get(root);
  if (!state) {
    const left = data.scrub?.steps.indexOf(data.step) ?? -1; // where it stood before it was put here
    STATES.set(root, (state = { follow: left < 0, index: Math.max(0, left) }));
    // plotly itself only listens to the window, and columns change without it
    state.sizes = new ResizeObserver(() => {
      if (!state.drawn || !root.offsetWidth) return;
      if (state.figure?.narrow && state.narrow !== isNarrow(root)) state.redraw();
      else state.drawn.then(() => state.Plotly.Plots.resize(plot));
    });
    state.sizes.observe(root);
  }
  Object.assign(state, { data, report: setTriggerValue });
  plot.setAttribute("role", "img");
  plot.setAttribute("aria-label", data.label);

  state.redraw = () => load(data.plotly).then((Plotly) => {
    state.Plotly = Plotly;
    const { scrub } = state.data;
    const figure = figureOf(state, root);
    if (scrub) {
      const last = scrub.steps.length - 1;
      state.index = Math.max(0, state.follow ? last : Math.min(state.index, last));
      decodeParts(state);
      if (last >= 0) {
        atStep(figure, scrub, state.parts, state.index);
        tell(scrub.steps[state.index]);
      }
    }
    if (STATES.get(root) !== state) return; // taken off the page while the library was on its way
    state.narrow = isNarrow(root);
    // plotly writes into a layout (a resize takes its height away), and this one is used again
    state.drawn = Plotly.react(plot, figure.data, structuredClone(figure.layout), { responsive: true, displaylogo: false, displayModeBar: false });
    slider(root, state);
    if (!state.listening) {
      state.listening = true;
      plot.on("plotly_click", ({ points: [point] }) => {
        const path = point.customdata?.[0] ?? state.data.scrub?.paths?.[point.curveNumber]?.[point.pointIndex?.[1] ?? point.pointIndex];
        if (path) state.report("point", { path, at: Date.now() });
      });
    }
  });
  state.redraw();
  return () => {
    stop(state);
    STATES.delete(root);
    // the same elements may be put back, with another state: what listens for this one goes with it
    root.querySelector(".scrub").replaceChildren();
    plot.removeAllListeners?.("plotly_click");
    state.sizes.disconnect();
    if (state.data.scrub) tell(undefined);
    // plotly goes on with a drawing for a moment, and stumbles over a plot that has been purged
    state.drawn?.finally(() => { if (!STATES.has(root)) state.Plotly.purge(plot); });
  };
}
