"""The traces of a net in a learning chart: raw points, their smoothed mean, a band of seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from explorer.curve import Curve, thinned
from explorer.plotting import faded, numbered

MAX_POINTS = 400  # of a curve
MAX_FAINT = 120  # of the raw points of one seed among several
SMOOTHING = 0.85  # share of the past in the smoothed curve


def of_net(seeds: Sequence[Curve], metric: str, number: int) -> list[dict]:
    """The raw points, faint; an exponential mean of them; and the band of several seeds."""
    first = max(seeds, key=lambda curve: len(curve.records.steps))
    common = {
        "type": "scatter",
        "mode": "lines",
        "xaxis": numbered("x", number),
        "yaxis": numbered("y", number),
        "name": first.role,
    }
    raw = common | {"line": {"color": first.colour, "width": 1}, "hoverinfo": "skip"}
    raw["opacity"] = 0.35 if len(seeds) == 1 else 0.15
    traces = []
    for curve in seeds:
        values = values_of(curve, metric)
        rows = thinned(len(values), MAX_POINTS if len(seeds) == 1 else MAX_FAINT)
        traces.append(raw | {"x": steps_of(curve, rows), "y": listed(values[rows])})
    rows = thinned(len(values_of(first, metric)), MAX_POINTS)
    smooth = np.full((len(seeds), len(rows)), np.nan)
    for line, curve in zip(smooth, seeds):
        values = smoothed(values_of(curve, metric))
        has = rows[rows < len(values)]
        line[: len(has)] = values[has]
    steps, (low, mean, high) = steps_of(first, rows), spread(smooth)
    shown = "%{y:.1%}" if metric == "accuracy" else "%{y:.3g} nats"
    what = f"{metric}, smoothed {shown}"
    bold = {"color": first.colour, "width": 2.5, "dash": first.dash}
    line = common | {"x": steps, "y": listed(mean), "line": bold}
    if len(seeds) > 1:
        what += "<br>%{text}"
        line["text"] = ranges(low, high, np.isfinite(smooth).sum(axis=0), metric)
        traces.append(common | band(steps, low, high, first))
    extra = f"mean of {len(seeds)} seeds, {first.role}" if len(seeds) > 1 else first.role
    line["hovertemplate"] = f"step %{{x}}<br>{what}<extra>{extra}</extra>"
    return [*traces, line]


def values_of(curve: Curve, metric: str) -> np.ndarray:
    return curve.records.scalars.get(metric, np.empty(0, np.float32))


def steps_of(curve: Curve, rows: np.ndarray) -> list[int]:
    return curve.records.steps[rows].tolist()


def spread(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """[seeds, steps] -> (lowest, mean, highest) of the seeds that have a finite number."""
    finite = np.isfinite(lines)
    count = finite.sum(axis=0)
    low = np.where(finite, lines, np.inf).min(axis=0)
    high = np.where(finite, lines, -np.inf).max(axis=0)
    mean = np.where(finite, lines, 0).sum(axis=0) / np.maximum(count, 1)
    return tuple(np.where(count, values, np.nan) for values in (low, mean, high))


def band(steps: list[int], low: np.ndarray, high: np.ndarray, curve: Curve) -> dict:
    """A closed outline, which has no place for gaps."""
    known = np.flatnonzero(np.isfinite(low))
    there = [steps[i] for i in known]
    return {
        "x": [*there, *reversed(there)],
        "y": [*listed(high[known]), *reversed(listed(low[known]))],
        "fill": "toself",
        "fillcolor": faded(curve.colour),
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def ranges(low: np.ndarray, high: np.ndarray, count: np.ndarray, metric: str) -> list[str]:
    shown = "{:.0%} to {:.0%}" if metric == "accuracy" else "{:.3g} to {:.3g}"
    return [f"{shown.format(a, b)} over {n} seeds" for a, b, n in zip(low, high, count)]


def broken(curve: Curve, number: int) -> list[dict]:
    """A mark at the last finite loss before one that is not: a diverged net is not a gap."""
    losses = values_of(curve, "loss")
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
            "xaxis": numbered("x", number),
            "yaxis": numbered("y", number),
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
    return [float(f"{v:.4g}") if np.isfinite(v) else None for v in values.tolist()]
