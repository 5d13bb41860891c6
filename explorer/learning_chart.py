"""Loss and accuracy of each net's own batches, raw and smoothed, against steps. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from explorer.curve import Curve, thinned
from explorer.plotting import TITLE, across, axis, text_at, title_at, titled

MAX_POINTS = 600  # of a curve
SMOOTHING = 0.85  # share of the past in the smoothed curve
ACCURACY_X = 0.56  # where the second chart starts, as a share of the width


def draw(curves: Sequence[Curve], scale: float = 1.0) -> go.Figure:
    classes = curves[0].graph.net.num_classes
    traces = []
    for curve in curves:
        for metric, suffix in (("loss", ""), ("accuracy", "2")):
            traces += smoothed_pair(curve, metric, suffix)
    traces += [mark for curve in curves for mark in broken(curve)]
    steps = {"title": titled("step", scale)}
    layout = {
        "height": round(200 * scale),
        "margin": {"l": 48 * scale, "r": 14, "t": 24 * scale, "b": 40 * scale},
        "font": {"size": round(TITLE * scale)},
        "uirevision": "learning",
        "showlegend": False,
        "xaxis": axis(scale) | steps | {"domain": [0, 0.45]},
        "xaxis2": axis(scale) | steps | {"domain": [ACCURACY_X, 1]},
        "yaxis": axis(scale) | {"type": "log", "dtick": 1, "exponentformat": "power"},
        "yaxis2": axis(scale) | {"anchor": "x2", "range": [0, 1.03], "tickformat": ".0%"},
        "shapes": [
            across(math.log(classes), "muted", "dot"),
            across(1 / classes, "muted", "dot", "x2 domain", "y2"),
        ],
        "annotations": [
            title_at(1.0, "loss of the batch [nats]", scale),
            title_at(1.0, "accuracy of the batch", scale, x=ACCURACY_X),
            text_at(math.log10(math.log(classes)), f"chance: ln {classes}", scale),
        ],
    }
    return go.Figure({"data": traces, "layout": layout})


def smoothed_pair(curve: Curve, metric: str, suffix: str) -> list[dict]:
    """The raw points, faint, and an exponential mean of them."""
    values = curve.records.scalars.get(metric, np.empty(0, np.float32))
    rows = thinned(len(values), MAX_POINTS)
    shown = "%{y:.1%}" if metric == "accuracy" else "%{y:.3g} nats"
    common = {
        "type": "scatter",
        "mode": "lines",
        "x": curve.records.steps[rows].tolist(),
        "xaxis": f"x{suffix}",
        "yaxis": f"y{suffix}",
        "name": curve.role,
        "hovertemplate": f"step %{{x}}<br>{metric}, smoothed {shown}<extra>{curve.role}</extra>",
    }
    faint = {"color": curve.colour, "width": 1}
    bold = {"color": curve.colour, "width": 2.5, "dash": curve.dash}
    return [
        {**common, "y": listed(values[rows]), "line": faint, "opacity": 0.35, "hoverinfo": "skip"}
        | {"hovertemplate": None},
        {**common, "y": listed(smoothed(values)[rows]), "line": bold},
    ]


def broken(curve: Curve) -> list[dict]:
    """A mark at the last finite loss before one that is not: a diverged net is not a gap."""
    losses = curve.records.scalars.get("loss", np.empty(0, np.float32))
    bad = np.flatnonzero(~np.isfinite(losses))
    if bad.size == 0:
        return []
    before = losses[: bad[0]]
    mark = {"symbol": "x-thin", "size": 11, "line": {"width": 3, "color": curve.colour}}
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [int(curve.records.steps[bad[0]])],
            "y": [float(before[-1]) if before.size else 1.0],
            "marker": mark,
            "hovertemplate": f"step %{{x}}<br>loss not finite<extra>{curve.role}</extra>",
        }
    ]


def smoothed(values: np.ndarray) -> np.ndarray:
    """Exponential mean, bias corrected at the start; a gap stays a gap."""
    finite = pd.Series(np.where(np.isfinite(values), values, np.nan), dtype=float)
    means = finite.ewm(alpha=1 - SMOOTHING, adjust=True, ignore_na=True).mean()
    return means.where(finite.notna()).to_numpy()


def listed(values: np.ndarray) -> list[float | None]:
    """JSON has no NaN: gaps become null."""
    return [float(f"{v:.5g}") if np.isfinite(v) else None for v in values]
