"""A run as one HTML file that needs nothing else: no server, no network, no program.

It is made of the run alone, whatever the session that asks for it is looking at.

The charts are the app's own, with their step slider: the same JSON, the same script, and
plotly.js once. Names that users gave are shown as they are, never as markup.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from html import escape
from pathlib import Path
from string import Template

from plotly.offline import get_plotlyjs

from explorer import cached, chart_panel, curves_panel, drawn, link, rate_line, theme, verdict_panel
from explorer.components import HERE, source
from explorer.curve import Curve
from explorer.depth_chart import Drawing
from explorer.stage_table import COLUMNS
from resnet_core.experiments import EXPERIMENTS, experiment_of
from resnet_core.graph import LayerGraph, trace
from resnet_core.picture import Frame, framed
from resnet_core.probes import PROBES
from resnet_core.run_files.facts import quantities
from resnet_core.runs.run import ModelRecords, Run
from resnet_core.spec import NetSpec
from resnet_core.twins import pair_of

#: beside this file: the page, its style, and what makes its charts move
PAGE, STYLE, SCRIPT = (Path(__file__).with_name(f"report.{kind}") for kind in ("html", "css", "js"))


def report(run: Run, records: Sequence[ModelRecords]) -> bytes:
    """The page of a run, which may still go on. UTF-8."""
    curves = cached.curves(run.config, records)
    graph = trace(pair_of(run.config)[0])
    shown = [key for key in PROBES if key in quantities(records)]
    begun = len(curves) > 1 and any(len(model.steps) for model in records)
    config = verdict_panel.config_of(run)
    page = Template(PAGE.read_text(encoding="utf-8"))
    return page.substitute(
        title=escape(run.config.net.name),
        about=about(run),
        ended=escape(ended(run)),
        verdict=verdict_of(run, curves) if begun else "<p>Nothing was recorded.</p>",
        quantities="".join(option(key) for key in shown),
        picture=picture(graph),
        counts=escape(counts(graph)),
        stages=stages(run.config.net),
        settings=settings(run),
        proof=escape(curves_panel.matched(run, curves) if begun else run.proof.sentence),
        link=escape(link.query(link.Experiment.of_run(config))),
        spec=escape(json.dumps(json.loads(config.to_json()), indent=1)),
        data=for_script(charts(run, curves, shown) if begun else {"depth": {}}),
        style=style(),
        component=component(),
        script=SCRIPT.read_text(encoding="utf-8"),
        plotly=get_plotlyjs(),
    ).encode()


def about(run: Run) -> str:
    """HTML: whether it is a recording or when it was begun, and the experiment that it is."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started_at or run.queued_at))
    said = [f"Recorded: {run.recorded}" if run.recorded else f"Begun on {when}"]
    if key := experiment_of(run.config, run.series.kind if run.series else None):
        said.append(f"Experiment: {EXPERIMENTS[key].title}. {EXPERIMENTS[key].question}")
    if run.series:
        said.append(f"One of {run.series.size} runs, {run.series.label}: {run.series.title}")
    kind = ' class="recorded"' if run.recorded else ""
    return "".join(f"<p{kind}>{escape(text)}</p>" for text in said)


def charts(run: Run, curves: Sequence[Curve], shown: Sequence[str]) -> dict:
    """What the script draws: the depth chart of every quantity, and how the nets learned."""
    config, total = verdict_panel.config_of(run), chart_panel.last_step(run)
    done = max(len(curve.records.steps) for curve in curves)
    how, depth = Drawing(precision=config.precision, device=config.device), {}
    for key in shown:
        view = drawn.one_run(curves, key, total, how, rate_line.rate_of(config, done))
        row = PROBES[key]
        depth[key] = {
            "figure": view.depth,
            "scrub": view.scrub,
            "label": f"{row.name} against depth, for both nets, with a step slider",
            "about": f"{row.symbol}, {row.name}: {row.what} ({row.source})",
        }
    learning = {"figure": view.learning, "scrub": None, "label": "loss and accuracy against steps"}
    return {"depth": depth, "learning": learning, "colours": theme.PAIRS}


def ended(run: Run) -> str:
    """How it ended, or how far it is."""
    if not run.is_over:
        return f"The run still went on when this was made: step {progress(run):,}."
    return f"{run.sentence} {theme.duration(run.elapsed_s)} of training."


def progress(run: Run) -> int:
    return min((model.steps_done for model in run.models), default=0)


def verdict_of(run: Run, curves: Sequence[Curve]) -> str:
    """HTML: a column of chips for each net, then what the run shows and what it does not.

    As on the page, a run that was to be one step is not asked how it trains.
    """
    found = verdict_panel.of_run(run, curves)
    ends = {c.role: verdict_panel.end_of(run.models, c.records.model) for c in curves}
    trains = verdict_panel.trains(run)
    headline = f'<p class="headline">{escape(found.headline)}</p>' if trains else ""
    chips = verdict_panel.chips(found, ends, trains=trains)
    return chips + headline + verdict_panel.notes(found.notes)


def option(key: str) -> str:
    return f'<option value="{key}">{escape(f"{PROBES[key].symbol} · {PROBES[key].name}")}</option>'


def picture(graph: LayerGraph) -> str:
    """Both nets, in the colours that the reader's system prefers; an image runs no script."""
    dark, light = (
        base64.b64encode(framed(graph, Frame(dark=is_dark, twin="both")).svg.encode()).decode()
        for is_dark in (True, False)
    )
    kind = "data:image/svg+xml;base64,"
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{kind}{dark}">'
        f'<img alt="Picture of both nets" src="{kind}{light}"></picture>'
    )


def counts(graph: LayerGraph) -> str:
    shape = theme.shape(graph.net.input_shape)
    return (
        f"As it was trained: {graph.depth} layers deep, {graph.params:,} parameters, "
        f"{graph.macs:,} MACs per {shape} image."
    )


def stages(net: NetSpec) -> str:
    """HTML: a row for each stage; columns that say something of some stage."""
    rows = [asdict(stage) for stage in net.stages]
    usual = asdict(type(net.stages[0])(num_blocks=1, width=1))
    always = {"num_blocks", "width", "stride", "block", "shortcut"}
    columns = [f for f in COLUMNS if f in always or any(row[f] != usual[f] for row in rows)]
    head = "".join(f"<th>{escape(COLUMNS[field]['title'])}</th>" for field in columns)
    body = "".join(
        f"<tr><td>{number}</td>{''.join(f'<td>{escape(str(row[f]))}</td>' for f in columns)}</tr>"
        for number, row in enumerate(rows, start=1)
    )
    return f"<table><thead><tr><th>stage</th>{head}</tr></thead><tbody>{body}</tbody></table>"


def settings(run: Run) -> str:
    """HTML: every field of the settled config, of the net around its stages, and the machine's."""
    config = asdict(verdict_panel.config_of(run))
    net = config.pop("net")
    machine = (
        {k: v for k, v in asdict(run.resolved).items() if k != "config"} if run.resolved else {}
    )
    told = config | {k: v for k, v in net.items() if k not in ("name", "stages")} | machine
    rows = (
        f"<dt>{escape(name.replace('_', ' '))}</dt><dd>{escape(said(value))}</dd>"
        for name, value in told.items()
        if value not in (None, ())
    )
    return f"<dl>{''.join(rows)}</dl>"


def said(value: object) -> str:
    return "×".join(map(str, value)) if isinstance(value, tuple) else str(value)


@lru_cache(maxsize=1)
def style() -> str:
    colours = "".join(f"--rx-{name}:light-dark({a},{b});" for name, (a, b) in theme.COLOURS.items())
    sheet = STYLE.read_text(encoding="utf-8")
    return f":root{{{colours}}}\n{source('figure.css')}\n{sheet}"


@lru_cache(maxsize=1)
def component() -> str:
    """The component's own script, which no module can be imported from in a single file."""
    parts = "\n".join(source(path.name) for path in sorted(HERE.glob("figure*.js")))
    before, found, after = parts.partition("export default function")
    assert found, "the figure component has another entry"
    return f"{before}window.rxFigure = function{after}"


def for_script(data: dict) -> str:
    """JSON that stands in a script element: nothing in it can end that."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")
