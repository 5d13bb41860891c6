"""Records of a run -> plotly figures. Pure: no streamlit; in the colours of the light theme."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from explorer import theme
from resnet_core.graph import LayerGraph
from resnet_core.probes import PROBES, Probe
from resnet_core.runs.run import ModelRecords

MAX_STEPS = 240  # shown by the heat maps and the slider, however long the run
ALL_OF_FIRST = 20  # steps that are never thinned: most of the story is there
MAX_POINTS = 600  # of a loss curve
#: log10 of a norm goes to the browser as a 16-bit count of 1/SCALE decades
SCALE, ZERO, MISSING = 500, -32768, 32767
SMOOTHING = 0.85  # share of the past in the smoothed loss


@dataclass(frozen=True)
class Curve:
    """One net of a run: who it is, and what it showed."""

    role: str  # "residual" or "plain": key of theme.COLOURS
    graph: LayerGraph
    records: ModelRecords

    @property
    def colour(self) -> str:
        return theme.light(self.role)


def role_of(graph: LayerGraph) -> str:
    return "plain" if graph.net.is_plain else "residual"


def thinned(length: int, limit: int) -> np.ndarray:
    """Indices of about `limit` rows: all of the first, then evenly spaced, then the last."""
    if length <= limit:
        return np.arange(length)
    every = math.ceil((length - ALL_OF_FIRST) / (limit - ALL_OF_FIRST))
    later = np.arange(ALL_OF_FIRST, length, every)
    return np.unique(np.r_[np.arange(ALL_OF_FIRST), later, length - 1])


def depth_of(graph: LayerGraph, label: str) -> int | None:
    """1 for the stem's conv, `graph.depth` for the head; a block sits at its first layer.

    None for layers that are not on the main path: projections.
    """
    for depth, op in enumerate(graph.main_layers, start=1):
        if op.path == label or op.path.startswith(f"{label}."):
            return depth
    return None


def on_main_path(curve: Curve, probe: str) -> tuple[list[int], list[str], list[int]]:
    """(columns of the record, their paths, their depths) of what a depth chart shows."""
    depths = {op.path: d for d, op in enumerate(curve.graph.main_layers, start=1)}
    for path, depth in reversed(list(depths.items())):
        depths[path.rpartition(".")[0]] = depth  # a block sits at its first layer
    labels = curve.records.labels.get(probe, ())
    kept = [(i, path, depths[path]) for i, path in enumerate(labels) if path in depths]
    return tuple(map(list, zip(*kept))) if kept else ([], [], [])


def log10_counts(values: np.ndarray) -> np.ndarray:
    """float32 norms -> int16 counts of 1/SCALE decades, with marks for exact zeros and for NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(values.astype(np.float64))
    counts = np.where(np.isfinite(logs), np.round(logs * SCALE), 0)
    counts = np.where(values == 0, ZERO, counts)
    return np.where(~np.isfinite(values), MISSING, counts).astype("<i2")


def log_range(curves: list[Curve], probe: str) -> tuple[float, float]:
    """Lowest and highest decade that any net showed at any step."""
    shown = [c.records.per_op[probe] for c in curves if probe in c.records.per_op]
    positive = [v[np.isfinite(v) & (v > 0)] for v in shown]
    values = np.concatenate(positive) if positive else np.empty(0)
    if values.size == 0:
        return -3.0, 1.0
    low, high = np.log10(values.min()), np.log10(values.max())
    return math.floor(low * 2) / 2, math.ceil(high * 2) / 2


def decades(low: float, high: float, at_most: int = 7) -> dict:
    """Ticks of a log10 axis at whole decades."""
    every = max(1, math.ceil((high - low) / (at_most - 1)))
    values = [v for v in range(math.ceil(low), math.floor(high) + 1) if v % every == 0]
    return {"tickvals": values, "ticktext": [f"10<sup>{v}</sup>".replace("-", "−") for v in values]}


def with_tick(ticks: dict, value: float, text: str) -> dict:
    return {"tickvals": [*ticks["tickvals"], value], "ticktext": [*ticks["ticktext"], text]}


@dataclass(frozen=True)
class DepthView:
    """The figure and what the browser's step slider needs to redraw it."""

    figure: go.Figure
    scrub: dict


def depth_view(
    curves: list[Curve],
    probe_key: str,
    total: int,
    selected: str | None,
    *,
    scale: float = 1.0,
    maps: bool = True,
) -> DepthView:
    """The hero: depth against log10 norm for both nets, and each net's depth x step map below.

    x is shared: conv and linear layers from the input. Exact zeros sit on a marked floor. Lines
    and maps come empty: the browser fills them in from `scrub`, so that the slider needs no server.
    """
    low, high = log_range(curves, probe_key)
    recorded = [c.records.per_op.get(probe_key, np.ones(1)) for c in curves]
    zeros = any((values == 0).any() for values in recorded)
    broken = any((~np.isfinite(values)).any() for values in recorded)
    edge = max(1.0, 0.08 * (high - low))
    floor, ceiling = low - edge, high + edge
    bounds = (
        floor - edge / 2 if zeros else low - 0.25,
        ceiling + edge / 2 if broken else high + 0.25,
    )
    steps = max((c.records.steps for c in curves), key=len, default=np.empty(0, int))
    rows = thinned(len(steps), MAX_STEPS)
    traces, parts, paths = [], [], {}
    for curve in curves:
        columns, names, depths = on_main_path(curve, probe_key)
        part = {"line": len(traces), "marks": len(traces) + 1, "map": None}
        traces += [depth_line(curve, depths, names, scale), marks(curve, depths, names)]
        if maps:
            part["map"] = len(traces)
            traces.append(depth_map(len(parts) + 2, depths, steps[rows]))
            paths[len(traces) - 1] = names
        values = curve.records.per_op.get(probe_key, np.empty((0, 0), np.float32))
        counts = log10_counts(values[np.ix_(rows[rows < len(values)], columns)])
        encoded = base64.b64encode(counts.tobytes()).decode()
        parts.append({**part, "width": max(1, len(columns)), "values": encoded})
    ticks = decades(low, high)
    if zeros:
        ticks = with_tick(ticks, floor, "0")
    if broken:
        ticks = with_tick(ticks, ceiling, "not finite")
    layout = depth_layout(curves, PROBES[probe_key], scale, maps)
    layout["yaxis"] |= {"range": list(bounds), **ticks}
    if maps:
        layout["coloraxis"] = colours(low, high, scale)
    graph = curves[0].graph
    lines, names = stage_marks(graph, scale, maps)
    layout["shapes"] += lines
    layout["annotations"] += names
    if zeros:
        layout["shapes"].append(line_shape("x domain", "y", 0, 1, floor, "muted", "dot"))
        note = "exactly 0: below what float32 can hold"
        layout["annotations"].append(text_at(0.01, floor, note, "y", scale))
    if depth := selected and depth_of(graph, selected):
        layout["shapes"] += vertical(depth, "mark", 2, "solid", maps)
    cursors = [
        line_shape("x domain", axis("y", number), 0, 1, 0, "mark", "solid")
        for number in range(2, len(curves) + 2)
        if maps
    ]
    first = len(layout["shapes"])
    layout["shapes"] += cursors
    scrub = {
        "steps": [int(s) for s in steps[rows]],
        "total": total,
        "parts": parts,
        "paths": {str(k): v for k, v in paths.items()},
        "floor": floor,
        "ceiling": ceiling,
        "cursors": list(range(first, first + len(cursors))),
        "scale": SCALE,
        "zero": ZERO,
        "missing": MISSING,
    }
    return DepthView(go.Figure({"data": traces, "layout": layout}), scrub)


def axis(letter: str, number: int) -> str:
    return letter if number == 1 else f"{letter}{number}"


def depth_line(curve: Curve, depths: list[int], paths: list[str], scale: float) -> dict:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": theme.NAMES[curve.role],
        "x": depths,
        "y": [],
        "customdata": paths,
        "line": {"color": curve.colour, "width": 2.5 * scale, "dash": theme.DASHES[curve.role]},
        "marker": {"size": 6 * scale, "color": curve.colour},
        "hovertemplate": "%{customdata}<br>10<sup>%{y:.2f}</sup><extra>%{fullData.name}</extra>",
    }


def marks(curve: Curve, depths: list[int], paths: list[str]) -> dict:
    """For what a log axis has no place: exact zeros below, what is not finite above."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": depths,
        "y": [],
        "customdata": paths,
        "showlegend": False,
        "marker": {"size": 9, "symbol": "x-thin", "line": {"width": 2, "color": curve.colour}},
        "hovertemplate": "%{customdata}<br>%{text}<extra></extra>",
    }


def depth_map(number: int, depths: list[int], steps: np.ndarray) -> dict:
    return {
        "type": "heatmap",
        "x": depths,
        "y": steps.tolist(),
        "z": [],
        "xaxis": "x",
        "yaxis": axis("y", number),
        "coloraxis": "coloraxis",
        "hovertemplate": "depth %{x}, step %{y}<br>10<sup>%{z:.2f}</sup><extra></extra>",
    }


#: of the height of the figure: the depth chart, then one map per net
CHART, MAPS = (0.46, 0.95), ((0.24, 0.38), (0.0, 0.14))


def depth_layout(curves: list[Curve], probe: Probe, scale: float, maps: bool) -> dict:
    graph = curves[0].graph
    chart = CHART if maps else (0, CHART[1])
    size = round(13 * scale)
    plain_axis = {
        "gridcolor": theme.light("grid"),
        "zeroline": False,
        "tickfont": {"size": round(12 * scale)},
    }
    layout = {
        "height": round((430 if maps else 300) * scale),
        "margin": {"l": 58 * scale, "r": 14, "t": 24 * scale, "b": 42 * scale},
        "font": {"size": size},
        "uirevision": probe.symbol,
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom"},
        "xaxis": {
            **plain_axis,
            "range": [0, graph.depth + 1],
            "anchor": axis("y", len(curves) + 1) if maps else "y",
            "title": titled("depth: conv and linear layers from the input", size),
        },
        "yaxis": {**plain_axis, "domain": list(chart)},
        "shapes": [],
        "annotations": [title_at(1.0, f"‖{probe.symbol}‖ {probe.where}", size)],
    }
    for number, (curve, domain) in enumerate(zip(curves, MAPS if maps else ()), start=2):
        layout[axis("yaxis", number)] = {
            **plain_axis,
            "domain": list(domain),
            "nticks": 3,
            "title": titled("step", round(12 * scale)),
            "showgrid": False,
        }
        note = f"{theme.NAMES[curve.role]} · colour: the same norm"
        layout["annotations"].append(title_at(domain[1], note, round(12 * scale)))
    return layout


def colours(low: float, high: float, scale: float) -> dict:
    """One scale for the maps of both nets: the range of the chart above them."""
    bar = {"len": 0.42, "y": 0.19, "thickness": 10, "outlinewidth": 0}
    ticks = {"tickfont": {"size": round(11 * scale)}, **decades(low, high, at_most=4)}
    return {"colorscale": "Viridis", "cmin": low, "cmax": high, "colorbar": bar | ticks}


def titled(text: str, size: int) -> dict:
    return {"text": text, "standoff": 5, "font": {"size": size, "color": theme.light("muted")}}


def title_at(y: float, text: str, size: int) -> dict:
    return {
        "text": text,
        "x": 0,
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": size, "color": theme.light("muted")},
    }


def text_at(x: float, y: float, text: str, yref: str, scale: float) -> dict:
    place = {"x": x, "xref": "x domain", "y": y, "yref": yref}
    look = {"xanchor": "left", "yanchor": "bottom", "showarrow": False}
    return {
        "text": text,
        "font": {"size": round(11 * scale), "color": theme.light("muted")},
        **place,
        **look,
    }


def line_shape(xref: str, yref: str, x0: float, x1: float, y: float, token: str, dash: str) -> dict:
    line = {"color": theme.light(token), "width": 1.5, "dash": dash}
    return {
        "type": "line",
        "xref": xref,
        "yref": yref,
        "x0": x0,
        "x1": x1,
        "y0": y,
        "y1": y,
        "line": line,
    }


def vertical(x: float, token: str, width: float, dash: str, maps: bool) -> list[dict]:
    """A line through the chart and each map, not through their titles."""
    line = {"color": theme.light(token), "width": width, "dash": dash}
    place = {"xref": "x", "x0": x, "x1": x, "y0": 0, "y1": 1}
    refs = ("y domain", "y2 domain", "y3 domain") if maps else ("y domain",)
    return [{"type": "line", "layer": "above", "line": line, "yref": r, **place} for r in refs]


def stage_marks(graph: LayerGraph, scale: float, maps: bool) -> tuple[list[dict], list[dict]]:
    """(lines between stages, their names): tensor shapes change there, and so do norms."""
    firsts = [depth_of(graph, f"stage{n}") for n in range(1, len(graph.net.stages) + 1)]
    lines = [
        line for depth in firsts[1:] for line in vertical(depth - 0.5, "muted", 1, "dot", maps)
    ]
    names = []
    for number, (start, end) in enumerate(zip(firsts, [*firsts[1:], graph.depth]), start=1):
        name = title_at(CHART[1], f"stage {number}", round(11 * scale))
        names.append({**name, "xref": "x", "x": (start + end - 1) / 2, "xanchor": "center"})
    return lines, names


def learning_figure(curves: list[Curve], classes: int, scale: float) -> go.Figure:
    """Loss and accuracy of each net's own batches, raw and smoothed, against steps."""
    size = round(13 * scale)
    traces = []
    for curve in curves:
        for metric, suffix in (("loss", ""), ("accuracy", "2")):
            traces += smoothed_pair(curve, metric, suffix)
    ticks = {"size": round(12 * scale)}
    common = {"gridcolor": theme.light("grid"), "zeroline": False, "tickfont": ticks}
    layout = {
        "height": round(200 * scale),
        "margin": {"l": 48 * scale, "r": 14, "t": 24 * scale, "b": 40 * scale},
        "font": {"size": size},
        "uirevision": "learning",
        "showlegend": False,
        "xaxis": {**common, "domain": [0, 0.45], "title": titled("step", size)},
        "xaxis2": {**common, "domain": [0.56, 1], "title": titled("step", size)},
        "yaxis": {**common, "type": "log", "nticks": 5, "exponentformat": "power"},
        "yaxis2": {**common, "anchor": "x2", "range": [0, 1.03], "tickformat": ".0%"},
        "shapes": [
            line_shape("x domain", "y", 0, 1, math.log(classes), "muted", "dot"),
            line_shape("x2 domain", "y2", 0, 1, 1 / classes, "muted", "dot"),
        ],
        "annotations": [
            title_at(1.0, f"loss [nats] · dotted: chance, ln {classes}", size),
            {**title_at(1.0, "accuracy of the batch", size), "x": 0.56},
        ],
    }
    return go.Figure({"data": traces, "layout": layout})


def smoothed_pair(curve: Curve, metric: str, suffix: str) -> list[dict]:
    """The raw points, faint, and an exponential mean of them."""
    values = curve.records.scalars.get(metric, np.empty(0, np.float32))
    rows = thinned(len(values), MAX_POINTS)
    common = {
        "type": "scatter",
        "mode": "lines",
        "x": curve.records.steps[rows].tolist(),
        "xaxis": f"x{suffix}",
        "yaxis": f"y{suffix}",
        "name": theme.NAMES[curve.role],
    }
    faint = {"color": curve.colour, "width": 1}
    bold = {"color": curve.colour, "width": 2.5, "dash": theme.DASHES[curve.role]}
    return [
        {**common, "y": listed(values[rows]), "line": faint, "opacity": 0.35, "hoverinfo": "skip"},
        {**common, "y": listed(smoothed(values)[rows]), "line": bold},
    ]


def smoothed(values: np.ndarray) -> np.ndarray:
    """Exponential mean, bias corrected at the start; a gap stays a gap."""
    out, mean, weight = np.full(len(values), np.nan), 0.0, 0.0
    for i, value in enumerate(values):
        if np.isfinite(value):
            mean = SMOOTHING * mean + (1 - SMOOTHING) * float(value)
            weight = SMOOTHING * weight + (1 - SMOOTHING)
            out[i] = mean / weight
    return out


def listed(values: np.ndarray) -> list[float | None]:
    """JSON has no NaN: gaps become null."""
    return [float(f"{v:.5g}") if np.isfinite(v) else None for v in values]
