"""Charts of a run, or of runs that belong together, as a browser takes them. Pure: no streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import plotly.graph_objects as go
from plotly.io.json import to_json_plotly

from explorer import depth_chart, depth_profile, learning_chart
from explorer.curve import Curve
from explorer.depth_chart import Drawing
from explorer.plotting import View
from explorer.rate_line import Rate

#: runs that are shown together: what tells each from the others, and its nets
Runs = Sequence[tuple[str, Sequence[Curve]]]


@dataclass(frozen=True)
class Drawn:
    """The figures of a run at one moment."""

    depth: str  # JSON: plotly's, and the layout in a narrow column
    scrub: dict  # what the step slider needs
    learning: str


def one_run(
    curves: Sequence[Curve], probe: str, total: int, how: Drawing, rate: Rate | None = None
) -> Drawn:
    return _drawn(
        depth_chart.draw(depth_profile.alone(curves, probe), probe, total, how),
        learning_chart.draw(learning_chart.alone(curves), how.scale, rate),
    )


def band(runs: Runs, probe: str, total: int, how: Drawing, rate: Rate | None = None) -> Drawn:
    """Several seeds of one run."""
    return _drawn(
        depth_chart.draw(depth_profile.together(runs, probe), probe, total, how),
        learning_chart.draw(learning_chart.together(runs), how.scale, rate),
    )


def board(runs: Runs, probe: str, total: int, how: Drawing, rate: Rate | None = None) -> Drawn:
    """Runs side by side on one scale; the rate is the same for all, and is left out."""
    return _drawn(
        depth_chart.draw(depth_profile.side_by_side(runs, probe), probe, total, how),
        learning_chart.draw(learning_chart.side_by_side(runs), how.scale),
    )


def _drawn(depth: depth_chart.DepthView, learning: View) -> Drawn:
    return Drawn(
        as_json(depth.plain, depth.narrow), depth.scrub, as_json(learning.plain, learning.narrow)
    )


def as_json(figure: dict | go.Figure, narrow: dict | None = None) -> str:
    """What components.figure takes.

    A plain figure is not checked again, word for word: viewers of a run wait for it.
    """
    if isinstance(figure, go.Figure):
        figure = figure.to_plotly_json()
    layout = {"template": template()} | figure["layout"]
    sent = {"data": figure["data"], "layout": layout} | ({"narrow": narrow} if narrow else {})
    return to_json_plotly(sent)


@lru_cache(maxsize=1)
def template() -> dict:
    """The look that plotly gives to every figure; a wide one, of which we use little."""
    return go.Figure().layout.template.to_plotly_json()
