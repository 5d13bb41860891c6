// A button that opens a searchable list; Python is told the key of what was chosen.
const LATEST = new WeakMap(); // root -> what the listeners, added once, need of the newest render

function element(tag, attributes, ...children) {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  const [button, panel, search, list] = ["button", ".panel", "input", "[role=listbox]"].map((s) => root.querySelector(s));
  const now = data.rows.find((row) => row.key === data.chosen);
  button.querySelector("#chosen").textContent = data.name;
  button.querySelector(".family").textContent = data.name.startsWith(now.name) ? now.family : `against ${now.name}`;
  button.title = now.source;
  const before = LATEST.get(root);
  LATEST.set(root, { data, report: setTriggerValue });
  if (before) {
    if (panel.matches(":popover-open")) fill(); // more costs have arrived
    return;
  }

  const options = () => [...list.querySelectorAll("[role=option]")];
  const active = () => list.querySelector(".active");
  function activate(option) {
    active()?.classList.remove("active");
    option?.classList.add("active");
    option?.scrollIntoView({ block: "nearest" });
    search.setAttribute("aria-activedescendant", option?.id ?? "");
  }
  function choose(key) {
    panel.hidePopover();
    button.focus();
    LATEST.get(root).report("chosen", key);
  }
  function draw() {
    const { data: { rows, chosen } } = LATEST.get(root);
    const plain = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, ""); // "pre-act" is "preact"
    const words = search.value.split(/\s+/).map(plain);
    const found = rows.filter((row) => {
      const text = plain(`${row.name} ${row.family} ${row.source} ${row.key}`);
      return words.every((word) => text.includes(word));
    });
    const shown = [];
    found.forEach((row, i) => {
      if (row.family !== found[i - 1]?.family) shown.push(element("div", { className: "group" }, row.family));
      const option = element("div", { id: `preset-${row.key}`, role: "option", title: row.source, className: "option" },
        element("span", {}, row.name), ...[row.depth, row.params, row.macs].map((text) => element("span", { className: "number" }, text)));
      option.ariaSelected = String(row.key === chosen);
      option.onclick = () => choose(row.key);
      option.dataset.key = row.key;
      shown.push(option);
    });
    const head = element("div", { className: "head", ariaHidden: "true" },
      ...["", "depth", "parameters", "MACs"].map((text) => element("span", {}, text)));
    list.replaceChildren(...(shown.length ? [head, ...shown] : [element("div", { className: "none" }, "No preset is called so.")]));
    activate(search.value ? options()[0] : list.querySelector("[aria-selected=true]"));
  }

  function fill() { // the rows stay where they are: a click may be half done
    for (const { key, depth, params, macs } of LATEST.get(root).data.rows) {
      const cells = list.querySelectorAll(`[id="preset-${key}"] > .number`);
      cells.forEach((cell, i) => { cell.textContent = [depth, params, macs][i]; });
    }
    askForCosts();
  }
  function askForCosts() {
    const { data: { rows }, report } = LATEST.get(root);
    if (rows.some((row) => row.macs === "…")) report("awaited", true);
  }

  button.onclick = () => {
    const box = button.getBoundingClientRect();
    Object.assign(panel.style, { left: `${box.left}px`, top: `${box.bottom + 4}px`, maxHeight: `${Math.max(240, innerHeight - box.bottom - 20)}px` });
    panel.style.width = `${Math.min(Math.max(box.width, 470), innerWidth - box.left - 12)}px`;
    panel.togglePopover();
  };
  panel.ontoggle = (event) => {
    button.ariaExpanded = String(event.newState === "open");
    if (event.newState !== "open") return;
    search.value = "";
    draw();
    search.focus();
    askForCosts();
  };
  search.oninput = draw;
  search.onkeydown = (event) => {
    const all = options(), at = all.indexOf(active());
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 8, PageUp: at - 8 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      activate(all[Math.min(Math.max(to, 0), all.length - 1)]);
    } else if (event.key === "Enter" && at >= 0) {
      event.preventDefault(); // else the button, focused again, is pressed by it
      choose(all[at].dataset.key);
    } else if (event.key === "Escape") {
      event.preventDefault(); // else a search field would only clear itself
      panel.hidePopover();
      button.focus();
    }
    event.stopPropagation(); // typing is not a shortcut of the page
  };
}
