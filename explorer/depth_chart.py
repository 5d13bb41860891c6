"""The hero: depth against log10 norm for both nets, and each net's depth x step map below.

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
from plotly.colors import sequential

from explorer import theme
from explorer.curve import Curve, depth_of, on_main_path, thinned
from explorer.plotting import SMALL, TITLE, across, axis, down, numbered, text_at, title_at, titled
from resnet_core.graph import LayerGraph
from resnet_core.probes import PROBES
from resnet_core.spec import in_words

MAX_STEPS = 240  # shown by the maps and the slider, however long the run
#: log10 of a norm goes to the browser as a 16-bit count of 1/SCALE decades
SCALE, ZERO, MISSING = 500, -32768, 32767
#: of the height of the figure: the depth chart, then one map per net
CHART, MAPS = (0.46, 0.95), ((0.24, 0.38), (0.0, 0.14))
ZEROS = "exactly 0 (numbers below 1.2·10<sup>−38</sup> are flushed to 0)"


@dataclass(frozen=True)
class DepthView:
    """The figure, and what the browser's step slider needs to fill it in."""

    figure: go.Figure
    scrub: dict


@dataclass(frozen=True)
class Decades:
    """What there is to show, as log10 of the norm."""

    low: float  # of all finite norms that are not zero
    high: float
    common: tuple[float, float]  # 1st and 99th percentile: the range of the maps' colours
    zeros: bool  # whether some norm is exactly 0
    broken: bool  # whether some norm is not finite

    @property
    def edge(self) -> float:
        return max(1.0, 0.08 * (self.high - self.low))

    @property
    def floor(self) -> float:
        """Where exact zeros are drawn."""
        return self.low - self.edge

    @property
    def ceiling(self) -> float:
        """Where what is not finite is drawn."""
        return self.high + self.edge

    @property
    def range(self) -> list[float]:
        low = self.floor - self.edge / 2 if self.zeros else self.low - 0.25
        return [low, self.ceiling + self.edge / 2 if self.broken else self.high + 0.25]


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
    decades = decades_of(curves, probe)
    steps = max((c.records.steps for c in curves), key=len, default=np.empty(0, int))
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
        parts.append(part | encoded(curve, probe, rows, columns))
    layout = laid_out(curves, probe, decades, scale, maps)
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
        "floor": decades.floor,
        "ceiling": decades.ceiling,
        "cursors": list(range(first, len(layout["shapes"]))),
        "scale": SCALE,
        "zero": ZERO,
        "missing": MISSING,
    }
    return DepthView(go.Figure({"data": traces, "layout": layout}), scrub)


def decades_of(curves: Sequence[Curve], probe: str) -> Decades:
    shown = [c.records.per_op[probe].ravel() for c in curves if probe in c.records.per_op]
    values = np.concatenate(shown) if shown else np.empty(0, np.float32)
    finite = values[np.isfinite(values) & (values > 0)].astype(np.float64)
    logs = np.log10(finite) if finite.size else np.array([-3.0, 1.0])
    low, high = math.floor(logs.min() * 2) / 2, math.ceil(logs.max() * 2) / 2
    start, end = np.percentile(logs, [1, 99])
    common = float(start), float(max(end, start + 0.5))
    return Decades(low, high, common, bool((values == 0).any()), bool((~np.isfinite(values)).any()))


def encoded(curve: Curve, probe: str, rows: np.ndarray, columns: list[int]) -> dict:
    """The norms at these steps and places, for the browser."""
    values = curve.records.per_op.get(probe, np.empty((0, 0), np.float32))
    counts = log10_counts(values[np.ix_(rows[rows < len(values)], columns)])
    text = base64.b64encode(counts.tobytes()).decode()
    return {"width": max(1, len(columns)), "values": text}


def log10_counts(values: np.ndarray) -> np.ndarray:
    """float32 norms -> int16 counts of 1/SCALE decades, with marks for exact zeros and for NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(values.astype(np.float64))
    counts = np.where(np.isfinite(logs), np.round(logs * SCALE), 0)
    counts = np.where(values == 0, ZERO, counts)
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
        "hovertemplate": "%{customdata[1]}<br>norm %{text}<extra>%{fullData.name}</extra>",
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
        "hovertemplate": "depth %{x}, step %{y}<br>norm %{text}<extra></extra>",
    }


def laid_out(
    curves: Sequence[Curve], probe: str, decades: Decades, scale: float, maps: bool
) -> dict:
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
        | {"domain": list(CHART if maps else (0, CHART[1])), "range": decades.range}
        | ticks(decades),
        "shapes": lines,
        "annotations": [
            title_at(1.0, f"‖{row.symbol}‖ {row.where}", scale) | {"xshift": -50 * scale},
            *names,
        ],
    }
    if decades.zeros:
        layout["shapes"].append(across(decades.floor, "muted", "dot"))
        layout["annotations"].append(text_at(decades.floor, ZEROS, scale))
    if maps:
        layout |= map_axes(curves, scale)
        layout["annotations"] += [
            title_at(top, f"{curve.role}: the norm at every step", scale, SMALL)
            for curve, (_, top) in zip(curves, MAPS)
        ]
        layout["coloraxis"] = colours(decades, scale)
    return layout


def map_axes(curves: Sequence[Curve], scale: float) -> dict:
    return {
        numbered("yaxis", number): axis(scale)
        | {"domain": list(domain), "nticks": 3, "showgrid": False, "title": titled("step", scale)}
        for number, (_, domain) in enumerate(zip(curves, MAPS), start=2)
    }


def ticks(decades: Decades) -> dict:
    """Whole decades, and the places of what a log axis cannot show."""
    values, texts = powers(decades.low, decades.high, at_most=7)
    if decades.zeros:
        values, texts = [*values, decades.floor], [*texts, "0"]
    if decades.broken:
        values, texts = [*values, decades.ceiling], [*texts, "not finite"]
    return {"tickvals": values, "ticktext": texts}


def powers(low: float, high: float, at_most: int) -> tuple[list[float], list[str]]:
    """(values, texts) of whole decades between `low` and `high`."""
    every = max(1, math.ceil((high - low) / (at_most - 1)))
    values = [v for v in range(math.ceil(low), math.floor(high) + 1) if v % every == 0]
    return values, [f"10<sup>{v}</sup>".replace("-", "−") for v in values]


def colours(decades: Decades, scale: float) -> dict:
    """One scale for the maps of both nets. Exact zeros are black, below every norm."""
    low, high = decades.common
    scale_of = [[i / (len(VIRIDIS) - 1), colour] for i, colour in enumerate(VIRIDIS)]
    if decades.zeros:
        share = (low - decades.floor) / (high - decades.floor)
        inner = [[share + (1 - share) * at, colour] for at, colour in scale_of]
        scale_of = [[0, "#000000"], [share, "#000000"], *inner]
        low = decades.floor
    values, texts = powers(low, high, at_most=4)
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


VIRIDIS = sequential.Viridis
assert not {*VIRIDIS} & {light for light, _ in theme.COLOURS.values()}  # the browser swaps those
