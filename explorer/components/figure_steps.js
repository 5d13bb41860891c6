// The step slider of a figure: any step drawn in the browser, and all of them played.

// base64 -> rows of numbers, or of log10 of them: 16-bit counts of 1/scale, with marks for exact zero and for not a number.
function decode(text, width, scrub) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const raw = new Int16Array(bytes.buffer);
  const rows = [];
  for (let start = 0; start + width <= raw.length; start += width) {
    rows.push(Array.from(raw.subarray(start, start + width), (v) =>
      v === scrub.zero ? -Infinity : v === scrub.missing ? NaN : v / scrub.scale));
  }
  return rows;
}

// A value as the number that a reader wants: 0.23, 4.1e-7, exactly 0.
const said = (log) => (v) => (v === -Infinity ? "exactly 0" : Number.isFinite(v) ? Number((log ? 10 ** v : v).toPrecision(log ? 2 : 3)).toString() : "not finite");
const finite = (v) => (Number.isFinite(v) ? v : null);

// The figure with the slider's step drawn in: lines and bands of that step, marks, maps, cursors.
function atStep(figure, scrub, parts, index) {
  const text = said(scrub.log);
  const placed = (v) => (Number.isFinite(v) ? v : v === -Infinity ? scrub.floor : scrub.ceiling);
  scrub.parts.forEach((part, i) => {
    const at = (rows) => rows?.[Math.min(index, rows.length - 1)] ?? [];
    const row = at(parts[i].rows), low = at(parts[i].low), high = at(parts[i].high);
    const line = figure.data[part.line], marks = figure.data[part.marks];
    line.y = row.map(finite);
    line.text = marks.text = row.map((v, n) => (low.length ? ranged(v, low[n], high[n], scrub.log, text) : text(v)));
    marks.y = row.map((v, n) => (!Number.isFinite(v) ? placed(v)
      : Number.isNaN(high[n]) ? scrub.ceiling : low[n] === -Infinity ? scrub.floor : null));
    if (part.fill !== null) {
      const known = row.map((_, n) => n).filter((n) => !Number.isNaN(low[n]));
      const there = known.map((n) => line.x[n]);
      figure.data[part.fill].x = [...there, ...there.toReversed()];
      figure.data[part.fill].y = [...known.map((n) => placed(high[n])), ...known.toReversed().map((n) => placed(low[n]))];
    }
    if (part.map === null) return;
    Object.assign(figure.data[part.map], { z: parts[i].z, text: parts[i].texts });
  });
  for (const shape of scrub.cursors) Object.assign(figure.layout.shapes[shape], { y0: scrub.steps[index], y1: scrub.steps[index] });
}

// Several seeds at one place: their middle, and from where to where they go.
function ranged(value, low, high, log, text) {
  const middle = !log ? "mean" : low === -Infinity ? "median" : "geometric mean";
  return Number.isFinite(value) || value === -Infinity ? `${middle} ${text(value)}<br>${text(low)} to ${text(high)}` : text(value);
}

// The step that is shown, for all who follow the slider; undefined when there is none any more.
function tell(step) {
  if (window.rxStep === step) return;
  window.rxStep = step;
  document.dispatchEvent(new CustomEvent("rx-step"));
}

const PARTS = `
  <button type="button" class="play"></button>
  <output></output>
  <input type="range" min="0" aria-label="step shown in the depth chart" title="arrows: one step; space: play">
  <button type="button" class="newest" title="follow the newest step">newest</button>`;

function slider(root, state) {
  const box = root.querySelector(".scrub");
  const { scrub } = state.data;
  if (!scrub || scrub.steps.length === 0) return box.replaceChildren();
  if (!box.firstChild) {
    box.innerHTML = PARTS;
    const input = box.querySelector("input");
    input.oninput = () => { stop(state); show(state, Number(input.value)); };
    input.onchange = () => left(state); // when it is let go
    input.onkeydown = (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      toggle(state);
    };
    box.querySelector(".play").onclick = () => toggle(state);
    box.querySelector(".newest").onclick = () => { stop(state); show(state, Infinity); left(state); };
  }
  const [play, output, input, newest] = box.children;
  input.max = scrub.steps.length - 1;
  input.value = state.index;
  const notes = [scrub.notes[state.index], ...behind(state)].filter(Boolean).map((note) => ` · ${note}`).join("");
  output.textContent = `step ${scrub.steps[state.index]}, last is ${scrub.total}${notes}`;
  input.setAttribute("aria-valuetext", output.textContent);
  newest.setAttribute("aria-pressed", state.follow);
  play.textContent = state.playing ? "❚❚" : "▶";
  play.title = state.playing ? "pause here" : "play the steps, the first 20 slowly";
  play.setAttribute("aria-label", play.title);
}

// Nets that have not come to the step, or ended before it: what is drawn of them is their last.
function behind(state) {
  const { scrub } = state.data;
  const late = scrub.parts.map((part, i) => [state.figure.data[part.line].name, state.parts[i].rows.length - 1]);
  return [...new Set(late.filter(([, row]) => row < state.index && row >= 0).map(([net, row]) => `${net}: step ${scrub.steps[row]}, its last`))];
}

function show(state, index) {
  const last = state.data.scrub.steps.length - 1;
  state.index = Math.min(index, last);
  state.follow = state.index >= last;
  state.redraw();
}

// Where the slider was left, for the server.
function left(state) {
  state.report("step", state.follow ? -1 : state.data.scrub.steps[state.index]);
}

const FIRST = 20; // steps: most of the story is there
const PACE = { first: 350, rest: 6000, least: 30, most: 120 }; // ms: a step of the first, all others, one of these
const CALM = { first: 900, rest: 9000, least: 900, most: 900 }; // for who asked for less motion: few pictures, slowly

function stop(state) {
  clearTimeout(state.playing);
  state.playing = undefined;
}

function toggle(state) {
  if (state.playing) {
    stop(state);
    left(state);
    return state.redraw();
  }
  if (state.index >= state.data.scrub.steps.length - 1) show(state, 0);
  advance(state, matchMedia("(prefers-reduced-motion: reduce)").matches ? CALM : PACE);
  state.redraw();
}

// The next picture in time: a machine that is too slow for all of them leaves some out.
function advance(state, pace) {
  const { steps } = state.data.scrub;
  const many = Math.max(1, steps.length - 1 - Math.min(FIRST, state.index));
  const wait = steps[state.index] < FIRST ? pace.first : Math.min(pace.most, Math.max(pace.least, pace.rest / many));
  const begun = performance.now();
  state.playing = setTimeout(() => {
    const late = (performance.now() - begun) / wait;
    const stride = pace === CALM && steps[state.index] >= FIRST ? Math.ceil((many * wait) / pace.rest) : 1;
    const last = state.data.scrub.steps.length - 1;
    const next = Math.min(last, state.index + (steps[state.index] < FIRST ? 1 : Math.max(stride, Math.round(late))));
    if (next < last) advance(Object.assign(state, { index: next }), pace);
    else stop(state);
    show(state, next);
    if (!state.playing) left(state);
  }, wait);
}
