"""The gradient at step 0 against the depth of the net: a point for each run of a sweep. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from explorer import theme
from explorer.curve import Curve
from explorer.plotting import TITLE, across, axis, literal, text_at, title_at, titled
from explorer.span import Span, ticks

HEIGHT = 320  # pixels at scale 1
BESIDE = 88  # of them are for what the level lines mean


@dataclass(frozen=True)
class Place:
    """One net of a sweep at its first record."""

    run_id: int
    label: str
    depth: int
    first: float  # norm of dL/dx at the first block
    last: float  # at the last

    @property
    def log_ratio(self) -> float:
        """log10 of first / last; -inf if the first is exactly 0, NaN where it is not finite."""
        if self.first == 0 and math.isfinite(self.last):
            return -math.inf
        if not (math.isfinite(self.first) and math.isfinite(self.last)) or self.last == 0:
            return math.nan
        return math.log10(self.first) - math.log10(self.last)

    @property
    def text(self) -> str:
        ratio = f"10<sup>{self.log_ratio:+.1f}</sup>".replace("-", "−")
        if not math.isfinite(self.log_ratio):
            ratio = "exactly 0" if self.log_ratio == -math.inf else "not finite"
        ends = f"first block {self.first:.2g}, last {self.last:.2g} nats"
        return f"{literal(self.label)}<br>{ratio}: {ends}"


@dataclass(frozen=True)
class SweepRun:
    """A run of a sweep; `curves` is empty before its first record."""

    id: int
    label: str
    curves: Sequence[Curve]


def places_of(runs: Sequence[SweepRun], role: str) -> list[Place]:
    found = []
    for run in runs:
        for curve in run.curves:
            norms = curve.records.per_op.get("input_grad", np.empty((0, 0)))
            if curve.role == role and len(norms):
                first, last = float(norms[0, 0]), float(norms[0, -1])
                found.append(Place(run.id, run.label, curve.graph.depth, first, last))
    return sorted(found, key=lambda place: place.depth)


def draw(runs: Sequence[SweepRun], selected: int | None, scale: float = 1.0) -> go.Figure:
    """`selected` is the id of the run to mark. A click's path is the id of a run."""
    nets = {role: places_of(runs, role) for role in ("residual", "plain")}
    span = span_of([place.log_ratio for places in nets.values() for place in places])
    traces = [line(role, places, span, scale) for role, places in nets.items()]
    shapes = [across(0, "muted", "dot")]
    notes = [
        title_at(1.0, "‖∂L/∂x‖ at step 0, first block / last block", scale)
        | {"xshift": -50 * scale},
        beside(0, "as large at<br>both ends", scale),
    ]
    if span.zeros:
        shapes.append(across(span.floor, "muted", "dot"))
        notes.append(beside(span.floor, "exactly 0 at<br>the first block", scale))
    depth = next((p.depth for ps in nets.values() for p in ps if p.run_id == selected), None)
    if depth is not None:
        at = {"x0": depth, "x1": depth, "y0": 0, "y1": 1, "yref": "y domain"}
        shapes.append({"type": "line", "line": {"color": theme.light("mark"), "width": 2}, **at})
    depths = sorted({place.depth for places in nets.values() for place in places})
    layout = {
        "height": round(HEIGHT * scale),
        "margin": {"l": 58 * scale, "r": BESIDE * scale, "t": 24 * scale, "b": 42 * scale},
        "font": {"size": round(TITLE * scale)},
        "uirevision": "sweep",
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom"},
        "xaxis": axis(scale)
        | {"tickvals": depths, "title": titled("depth of the net: conv and linear layers", scale)},
        "yaxis": axis(scale) | {"range": span.range} | ticks(span),
        "shapes": shapes,
        "annotations": notes,
    }
    return go.Figure({"data": traces, "layout": layout})


def beside(y: float, text: str, scale: float) -> dict:
    """Right of the chart, at `y`: in it a text could lie on a point."""
    return text_at(y, text, scale, side="right") | {
        "x": 1,
        "xanchor": "left",
        "yanchor": "middle",
        "align": "left",
        "xshift": 5,
    }


def span_of(ratios: Sequence[float]) -> Span:
    """At least two decades, with 1 among them."""
    finite = [0.0, *(ratio for ratio in ratios if math.isfinite(ratio))]
    low, high = math.floor(min(finite)) - 0.5, math.ceil(max(finite)) + 0.5
    high += 0.06 * (high - low)  # points are not to touch the title
    broken = any(math.isnan(ratio) for ratio in ratios)
    return Span(True, low, high, (low, high), zeros=-math.inf in ratios, broken=broken)


def line(role: str, places: Sequence[Place], span: Span, scale: float) -> dict:
    colour = theme.light(role)
    logs = [place.log_ratio for place in places]
    off = [not math.isfinite(y) for y in logs]  # no place on a log axis: a cross at its edge
    edge = {-math.inf: span.floor}
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": role,
        "x": [place.depth for place in places],
        "y": [edge.get(y, span.ceiling) if o else y for y, o in zip(logs, off)],
        "text": [place.text for place in places],
        "customdata": [[str(place.run_id)] for place in places],
        "line": {"color": colour, "width": 2.5 * scale, "dash": theme.DASHES[role]},
        "marker": {
            "size": [(13 if o else 9) * scale for o in off],
            "symbol": ["x-thin" if o else "circle" for o in off],
            "color": colour,
            "opacity": 1,
            "line": {"color": colour, "width": [3 if o else 0 for o in off]},
        },
        "hovertemplate": "%{text}<extra>%{fullData.name}</extra>",
    }
