// Draws the form from `data` and reports each edit once; Python decides what becomes of it.
const LATEST = new WeakMap(); // root -> {drawn: data as text, report: the newest setTriggerValue, opened: keys of folds}

function element(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  const drawn = JSON.stringify(data);
  const before = LATEST.get(root);
  const opened = before?.opened ?? new Set();
  LATEST.set(root, { drawn, report: setTriggerValue, opened });
  if (before?.drawn === drawn) return; // a rerun must not take away what is being typed
  const send = (action, where, value = "") =>
    LATEST.get(root).report("edit", { action, where, value: String(value) });

  function typing(event, value) { // while something is typed, Ctrl+Z undoes that and not the net
    if ((event.ctrlKey || event.metaKey) && event.target.value !== String(value)) event.stopPropagation();
  }

  function number({ where, value, step, least, help, name }) {
    const input = element("input", {
      type: "text", inputMode: "numeric", value, autocomplete: "off", "aria-label": name, title: help,
    });
    const set = (text) => text !== String(value) && send("set", where, text);
    const move = (direction) => {
      const now = Number.parseInt(input.value, 10) || 0;
      const next = direction > 0 ? Math.floor(now / step) * step + step : Math.ceil(now / step) * step - step;
      input.value = Math.max(least, next);
      set(input.value);
    };
    input.classList.toggle("long", String(value).length > 3);
    input.onchange = () => set(input.value.trim());
    input.onkeydown = (event) => {
      typing(event, value);
      const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!direction) return;
      event.preventDefault();
      move(direction);
    };
    const button = (text, direction, word) => element("button", {
      type: "button", tabIndex: -1, onclick: () => move(direction), "aria-label": `${word}: ${name}`,
    }, text);
    return [button("−", -1, "less"), input, button("+", 1, "more")];
  }

  function text({ where, value, help, name }) {
    const input = element("input", { type: "text", value, autocomplete: "off", "aria-label": name, title: help });
    input.onchange = () => input.value.trim() !== String(value) && send("set", where, input.value.trim());
    input.onkeydown = (event) => typing(event, value);
    return [input];
  }

  function menu({ where, value, options, help, name, short }) {
    const known = options.some(([key]) => key === value) ? options : [...options, [value, value, value]];
    const select = element("select", { "aria-label": name, title: help },
      ...known.map(([key, title]) => element("option", { value: key, selected: key === value }, title)));
    select.onchange = () => send("set", where, select.value);
    if (short) { // closed, the menu shows its keys; open, what they mean
      const texts = (part) => [...select.options].forEach((option, i) => { option.text = known[i][part]; });
      select.onpointerdown = select.onfocus = () => texts(1);
      select.onblur = () => texts(2);
      texts(2);
    }
    return [select];
  }

  function cell(field) {
    const box = element("div", { className: data.marked === field.where ? "cell wrong" : "cell" },
      ...(field.options ? menu : field.is_text ? text : number)(field));
    box.dataset.cell = field.where;
    return box;
  }

  function tools(stage) {
    const button = (text, action, label, disabled) => element("button", {
      type: "button", title: label, "aria-label": label, disabled, onclick: () => send(action, stage.where),
    }, text);
    return element("td", { className: "tools" },
      button("+", "add", `add a stage below stage ${stage.number}`, false),
      button("×", "remove", `remove stage ${stage.number}`, data.stages.length < 2));
  }

  // what few nets need is folded away, but never while it says something
  function fold(key, isSpecial, part, label, ...face) {
    const show = () => {
      const open = isSpecial || opened.has(key);
      part.hidden = !open;
      button.ariaExpanded = String(open);
    };
    const button = element("button", { type: "button", className: "fold", "aria-label": label, title: label, disabled: isSpecial,
      onclick: () => { if (!opened.delete(key)) opened.add(key); show(); } }, ...face);
    show();
    return button;
  }

  const focused = root.getRootNode().activeElement?.closest?.("[data-cell]")?.dataset.cell;
  const labelled = (field) => element("label", { title: field.help },
    element("span", {}, field.title), cell(field));
  const fields = (some, className) => element("div", { className }, ...some.map(labelled));
  const rare = fields(data.fields.filter((field) => field.more), "fields rare");
  const head = element("tr", {}, element("th", { className: "name", "aria-label": "number" }, ""),
    ...data.columns.map((column) => element("th", { scope: "col", title: column.help, style: `width:${column.width}` }, column.title)),
    element("th", { className: "tools", "aria-label": "add or remove" }));
  const rows = data.stages.flatMap((stage) => {
    const selected = data.selected === stage.where ? "selected" : "";
    const more = element("tr", { className: "more" },
      element("td", { colSpan: stage.cells.length + 2 }, fields(stage.more, "fields")));
    const number = fold(stage.where, stage.is_special, more, `stage ${stage.number}: F, groups, attention`, String(stage.number));
    return [element("tr", { className: selected }, element("td", { className: "name" }, number),
      ...stage.cells.map((field) => element("td", {}, cell(field))), tools(stage)), more];
  });
  root.replaceChildren(
    fields(data.fields.filter((field) => !field.more), "fields"),
    fold("rare", data.is_special, rare, "show or hide these fields", "Order, activation, striding, stochastic depth"), rare,
    element("table", { "aria-label": "stages" }, element("thead", {}, head), element("tbody", {}, ...rows)));
  if (focused) root.querySelector(`[data-cell="${focused}"] :is(input, select)`)?.focus({ preventScroll: true });
}
