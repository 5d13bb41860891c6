// The charts of a report: the quantity that is chosen, and the colours that the system prefers.
const charts = JSON.parse(document.getElementById("data").textContent);
const menu = document.getElementById("quantity");

function show(place, chart) {
  if (!chart) return;
  const { figure, scrub, label } = chart;
  const data = { figure, scrub, label, colours: charts.colours };
  const parentElement = document.getElementById(place);
  // plotly forgets a figure's own height when the window changes
  parentElement.querySelector(".plot").style.height = `${JSON.parse(chart.figure).layout.height}px`;
  window.rxFigure({ data, parentElement, setTriggerValue() {} });
}

function showAll() {
  show("depth", charts.depth[menu.value]);
  document.getElementById("about").textContent = charts.depth[menu.value]?.about ?? "";
  show("learning", charts.learning);
}

menu.onchange = showAll;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showAll);
showAll();
