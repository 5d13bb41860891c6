"""The hero: depth against a probe's numbers for both nets, and each net's depth x step map below.

x is shared: conv and linear layers from the input. Lines and maps are made empty; the browser
fills them in from `scrub`, so that the step slider needs no server. Pure: no streamlit.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from explorer import theme
from explorer.curve import Curve, depth_of, on_main_path, thinned
from explorer.plotting import SMALL, TITLE, across, axis, down, numbered, text_at, title_at, titled
from resnet_core.graph import LayerGraph
from resnet_core.probes import PROBES, Probe, labels
from resnet_core.record import AT_EVERY_STEP
from resnet_core.spec import in_words

MAX_STEPS = 240  # shown by the maps and the slider, however long the run
#: log10 of a norm goes to the browser as a 16-bit count of 1/SCALE decades, a share as that of
#: 1/FINEST or, where the parts cancel and shares are large, of coarser steps; two counts are marks
SCALE, FINEST, ZERO, MISSING, LARGEST = 500, 10_000, -32768, 32767, 32_000
#: of the height of the figure: the depth chart, then one map per net
CHART, MAPS = (0.46, 0.95), ((0.24, 0.38), (0.0, 0.14))
ZEROS = "exactly 0 (numbers below 1.2·10<sup>−38</sup> are flushed to 0)"


@dataclass(frozen=True)
class DepthView:
    """The figure, and what the browser's step slider needs to fill it in."""

    figure: go.Figure
    scrub: dict


@dataclass(frozen=True)
class Span:
    """What there is to show: numbers as they are, or as log10."""

    is_log: bool
    low: float  # of all that has a place on the axis
    high: float
    common: tuple[float, float]  # 1st and 99th percentile: the range of the maps' colours
    zeros: bool  # whether some norm is exactly 0, which a log axis has no place for
    broken: bool  # whether some number is not finite

    @property
    def edge(self) -> float:
        return max(1.0 if self.is_log else 0.08, 0.08 * (self.high - self.low))

    @property
    def floor(self) -> float:
        """Where exact zeros are drawn on a log axis."""
        return self.low - self.edge

    @property
    def ceiling(self) -> float:
        """Where what is not finite is drawn."""
        return self.high + self.edge

    @property
    def range(self) -> list[float]:
        rim = 0.25 if self.is_log else 0.04 * (self.high - self.low)
        low = self.floor - self.edge / 2 if self.zeros else self.low - rim
        return [low, self.ceiling + self.edge / 2 if self.broken else self.high + rim]

    @property
    def scale(self) -> float:
        """Counts for 1 on the way to the browser."""
        size = max(abs(self.low), abs(self.high))
        return SCALE if self.is_log else min(FINEST, LARGEST / size)


def draw(
    curves: Sequence[Curve],
    probe: str,
    total: int,
    selected: str | None,
    *,
    scale: float = 1.0,
    maps: bool = True,
) -> DepthView:
    """`total` is the last step of the run, `selected` the path of the part to mark."""
    span = span_of(curves, probe)
    steps = max((c.records.steps_of(probe) for c in curves), key=len, default=np.empty(0, int))
    rows = thinned(len(steps), MAX_STEPS)
    traces, parts, paths = [], [], {}
    for curve in curves:
        columns, names, places = on_main_path(curve, probe)
        part = {"line": len(traces), "marks": len(traces) + 1, "map": None}
        traces += [depth_line(curve, places, names, scale), marks(curve, places, names)]
        if maps:
            part["map"] = len(traces)
            traces.append(depth_map(len(parts) + 2, places, steps[rows]))
            paths[str(len(traces) - 1)] = names
        parts.append(part | encoded(curve, probe, rows, columns, span))
    layout = laid_out(curves, probe, span, scale, maps)
    if depth := selected and depth_of(curves[0].graph, selected):
        layout["shapes"] += down(depth, "mark", 2, "solid", 3 if maps else 1)
    cursors = [across(0, "mark", "solid", yref=numbered("y", 2 + n)) for n in range(len(parts))]
    first = len(layout["shapes"])
    layout["shapes"] += cursors if maps else []
    scrub = {
        "steps": steps[rows].tolist(),
        "total": total,
        "parts": parts,
        "paths": paths,
        "floor": span.floor,
        "ceiling": span.ceiling,
        "cursors": list(range(first, len(layout["shapes"]))),
        "scale": span.scale,
        "log": span.is_log,
        "zero": ZERO,
        "missing": MISSING,
    }
    return DepthView(go.Figure({"data": traces, "layout": layout}), scrub)


def span_of(curves: Sequence[Curve], probe: str) -> Span:
    is_log = PROBES[probe].is_log
    shown = [values.ravel() for c in curves if (values := values_of(c, probe)) is not None]
    values = np.concatenate(shown) if shown else np.empty(0, np.float32)
    finite = values[np.isfinite(values)].astype(np.float64)
    broken = finite.size < values.size
    if not is_log:
        low, high = min(0.0, finite.min(initial=0)), max(1.0, finite.max(initial=1))
        start, end = np.percentile(finite, [1, 99]) if finite.size else (0.0, 1.0)
        common = float(start), float(max(end, start + 0.05))
        return Span(False, float(low), float(high), common, zeros=False, broken=broken)
    logs = np.log10(finite[finite > 0]) if (finite > 0).any() else np.array([-3.0, 1.0])
    low, high = math.floor(logs.min() * 2) / 2, math.ceil(logs.max() * 2) / 2
    start, end = np.percentile(logs, [1, 99])
    common = float(start), float(max(end, start + 0.5))
    return Span(True, low, high, common, zeros=bool((values == 0).any()), broken=broken)


def values_of(curve: Curve, probe: str) -> np.ndarray | None:
    """What the chart shows of the records: [rows, places]; None if they have nothing of it."""
    if probe not in curve.records.per_op:
        return None
    columns, _, _ = on_main_path(curve, probe)
    return curve.records.per_op[probe][:, columns]


def encoded(curve: Curve, probe: str, rows: np.ndarray, columns: list[int], span: Span) -> dict:
    """The numbers at these steps and places, for the browser."""
    values = values_of(curve, probe)
    values = np.empty((0, 0), np.float32) if values is None else values[rows[rows < len(values)]]
    text = base64.b64encode(counts(values, span).tobytes()).decode()
    return {"width": max(1, len(columns)), "values": text}


def counts(values: np.ndarray, span: Span) -> np.ndarray:
    """float32 -> int16 counts of 1/span.scale, with marks for a log axis' zeros and for NaN."""
    numbers = values.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        numbers = np.log10(numbers) if span.is_log else numbers
    counts = np.where(np.isfinite(numbers), np.round(numbers * span.scale), 0)
    counts = np.where((values == 0) & span.is_log, ZERO, counts)
    return np.where(~np.isfinite(values), MISSING, counts).astype("<i2")


def described(paths: list[str]) -> list[list[str]]:
    """customdata of points: the path for a click, and its words for a reader."""
    return [[path, in_words(path)] for path in paths]


def depth_line(curve: Curve, places: list[int], paths: list[str], scale: float) -> dict:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": curve.role,
        "x": places,
        "y": [],
        "customdata": described(paths),
        "line": {"color": curve.colour, "width": 2.5 * scale, "dash": curve.dash},
        "marker": {"size": 6 * scale, "color": curve.colour},
        "hovertemplate": "%{customdata[1]}<br>%{text}<extra>%{fullData.name}</extra>",
    }


def marks(curve: Curve, places: list[int], paths: list[str]) -> dict:
    """For what a log axis has no place: exact zeros below, what is not finite above."""
    line = {"width": 2, "color": curve.colour}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": places,
        "y": [],
        "customdata": described(paths),
        "showlegend": False,
        "marker": {"size": 9, "symbol": "x-thin", "line": line},
        "hovertemplate": "%{customdata[1]}<br>%{text}<extra></extra>",
    }


def depth_map(number: int, places: list[int], steps: np.ndarray) -> dict:
    return {
        "type": "heatmap",
        "x": places,
        "y": steps.tolist(),
        "z": [],
        "xaxis": "x",
        "yaxis": numbered("y", number),
        "coloraxis": "coloraxis",
        "hovertemplate": "depth %{x}, step %{y}<br>%{text}<extra></extra>",
    }


def laid_out(curves: Sequence[Curve], probe: str, span: Span, scale: float, maps: bool) -> dict:
    row, graph = PROBES[probe], curves[0].graph
    lines, names = stage_marks(graph, scale, charts=3 if maps else 1)
    layout = {
        "height": round((430 if maps else 300) * scale),
        "margin": {"l": 58 * scale, "r": 14, "t": 24 * scale, "b": 42 * scale},
        "font": {"size": round(TITLE * scale)},
        "uirevision": row.symbol,
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom"},
        "xaxis": axis(scale)
        | {"range": [0, graph.depth + 1], "anchor": numbered("y", 3 if maps else 1)}
        | {"title": titled("depth: conv and linear layers from the input", scale)},
        "yaxis": axis(scale)
        | {"domain": list(CHART if maps else (0, CHART[1])), "range": span.range}
        | ticks(span),
        "shapes": lines,
        "annotations": [
            title_at(1.0, titled_quantity(row), scale) | {"xshift": -50 * scale},
            *names,
        ],
    }
    if span.zeros:
        layout["shapes"].append(across(span.floor, "muted", "dot"))
        layout["annotations"].append(text_at(span.floor, ZEROS, scale))
    if maps:
        layout |= map_axes(curves, probe, scale)
        layout["annotations"] += [
            title_at(top, f"{curve.role}: {over_steps(curve, probe)}", scale, SMALL)
            for curve, (_, top) in zip(curves, MAPS)
        ]
        layout["coloraxis"] = colours(span, scale)
    return layout


def titled_quantity(row: Probe) -> str:
    """Short, since the legend stands beside it; the menu has its name."""
    return f"{row.symbol} [{row.unit}]" if row.unit else row.symbol


def over_steps(curve: Curve, probe: str) -> str:
    """What the map of a net shows, or why it shows nothing."""
    if probe in curve.records.per_op:
        return "every step" if probe in AT_EVERY_STEP else "the first steps, then every 4th"
    if not labels(curve.graph.net)[probe]:
        return f"nothing to measure, it has no {PROBES[probe].needs}"
    return "not recorded in this run"


def map_axes(curves: Sequence[Curve], probe: str, scale: float) -> dict:
    last = max((int(s[-1]) for c in curves if len(s := c.records.steps_of(probe))), default=0)
    common = {"range": [-0.5, last + 0.5], "nticks": 3, "showgrid": False}
    return {
        numbered("yaxis", number): axis(scale)
        | {"domain": list(domain), "title": titled("step", scale)}
        | common
        for number, (_, domain) in enumerate(zip(curves, MAPS), start=2)
    }


def ticks(span: Span) -> dict:
    """Where the axis has numbers, and the places of what it cannot show."""
    values, texts = marked(span, span.low, span.high, at_most=7)
    if span.zeros:
        values, texts = [*values, span.floor], [*texts, "0"]
    if span.broken:
        values, texts = [*values, span.ceiling], [*texts, "not finite"]
    return {"tickvals": values, "ticktext": texts}


def marked(span: Span, low: float, high: float, at_most: int) -> tuple[list[float], list[str]]:
    """(values, texts) of decades, or of round numbers, between `low` and `high`."""
    if span.is_log and high - low < 2:  # whole decades would leave one number, or none
        decades = range(math.floor(low), math.ceil(high) + 1)
        numbers = {math.log10(n * 10.0**d): n * 10.0**d for d in decades for n in (1, 2, 5)}
        inside = {at: f"{number:g}" for at, number in numbers.items() if low <= at <= high}
        return list(inside), list(inside.values())
    if span.is_log:
        every = max(1, math.ceil((high - low) / (at_most - 1)))
    else:
        finer = 10.0 ** math.floor(math.log10((high - low) / (at_most - 1)))
        every = next(finer * n for n in (1, 2, 5, 10) if (high - low) / (finer * n) <= at_most - 1)
    places = range(math.ceil(low / every - 1e-9), math.floor(high / every + 1e-9) + 1)
    values = [n * every for n in places]
    shown = (f"10<sup>{v}</sup>" if span.is_log else f"{v:.3g}" for v in values)
    return values, [text.replace("-", "−") for text in shown]


def colours(span: Span, scale: float) -> dict:
    """One scale for the maps of both nets, that of painted pictures; exact zeros apart."""
    low, high = span.common
    scale_of = [[i / (len(theme.SHADES) - 1), light] for i, (light, _) in enumerate(theme.SHADES)]
    if span.zeros:
        share = (low - span.floor) / (high - span.floor)
        inner = [[share + (1 - share) * at, colour] for at, colour in scale_of]
        scale_of = [[0, theme.ZERO[0]], [share, theme.ZERO[0]], *inner]
        low = span.floor
    values, texts = marked(span, low, high, at_most=4)
    bar = {"len": 0.42, "y": 0.19, "thickness": 10, "outlinewidth": 0}
    bar |= {"tickfont": {"size": round(SMALL * scale)}, "tickvals": values, "ticktext": texts}
    return {"colorscale": scale_of, "cmin": low, "cmax": high, "colorbar": bar}


def stage_marks(graph: LayerGraph, scale: float, charts: int) -> tuple[list[dict], list[dict]]:
    """(lines between stages, their names): tensor shapes change there, and so do norms."""
    firsts = [depth_of(graph, f"stage{n}") for n in range(1, len(graph.net.stages) + 1)]
    lines = [ln for depth in firsts[1:] for ln in down(depth - 0.5, "muted", 1, "dot", charts)]
    names = []
    for number, (start, end) in enumerate(zip(firsts, [*firsts[1:], graph.depth]), start=1):
        name = title_at(CHART[1], f"stage {number}", scale, SMALL)
        names.append({**name, "xref": "x", "x": (start + end - 1) / 2, "xanchor": "center"})
    return lines, names
