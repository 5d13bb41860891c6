"""Parts that all figures share: axes, lines across a chart, texts in it. Plain plotly dicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import plotly.graph_objects as go

from explorer import theme

#: sizes at scale 1, in pixels
TITLE, TICK, SMALL = 13, 12, 11


@dataclass(frozen=True, kw_only=True)
class View:
    """A figure, and the layout that it has in a narrow column, if that is another."""

    plain: dict  # "data" and "layout", as plotly.js takes them
    narrow: dict | None = None

    @property
    def figure(self) -> go.Figure:
        """Every word of it checked, which takes most of the time that drawing would."""
        return go.Figure(self.plain)


def axis(scale: float) -> dict:
    grid = {"gridcolor": theme.light("grid"), "zeroline": False}
    return {**grid, "tickfont": {"size": round(TICK * scale)}}


def titled(text: str, scale: float) -> dict:
    font = {"size": round(TITLE * scale), "color": theme.light("muted")}
    return {"text": text, "standoff": 5, "font": font}


def title_at(y: float, text: str, scale: float, size: int = TITLE, x: float = 0) -> dict:
    """A text over a chart: `x` and `y` are shares of the figure."""
    place = {"x": x, "y": y, "xref": "paper", "yref": "paper"}
    return {"text": text, **place, **_plain(scale, size)}


def text_at(y: float, text: str, scale: float, number: int = 1, side: str = "left") -> dict:
    """A text inside a chart, at one of its sides, over the line at `y`."""
    x = {"left": 0.01, "right": 0.99}[side]
    place = {
        "x": x,
        "y": y,
        "xref": f"{numbered('x', number)} domain",
        "yref": numbered("y", number),
    }
    return {"text": text, **place, **_plain(scale, SMALL), "xanchor": side}


def _plain(scale: float, size: int) -> dict:
    font = {"size": round(size * scale), "color": theme.light("muted")}
    return {"font": font, "xanchor": "left", "yanchor": "bottom", "showarrow": False}


def across(y: float, token: str, dash: str, number: int = 1, along: int | None = None) -> dict:
    """A level line from side to side of the chart with these axes; `along` if its x is another."""
    line = {"color": theme.light(token), "width": 1.5, "dash": dash}
    x = numbered("x", number if along is None else along)
    ends = {
        "xref": f"{x} domain",
        "yref": numbered("y", number),
        "x0": 0,
        "x1": 1,
        "y0": y,
        "y1": y,
    }
    return {"type": "line", "line": line, **ends}


def down(
    x: float, token: str, width: float, dash: str, axes: Iterable[tuple[int, int]]
) -> list[dict]:
    """A line at `x` through each chart, given by its axes (x, y); not through their titles."""
    line = {"color": theme.light(token), "width": width, "dash": dash}
    ends = {"type": "line", "line": line, "x0": x, "x1": x, "y0": 0, "y1": 1}
    return [
        {**ends, "xref": numbered("x", nx), "yref": f"{numbered('y', ny)} domain"}
        for nx, ny in axes
    ]


def numbered(name: str, number: int) -> str:
    """How plotly counts axes: "y", "y2", "y3"."""
    return name if number == 1 else f"{name}{number}"


def grid(
    count: int, columns: int, over: float, gap: float, between: float = 0.05
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Domains ((x0, x1), (y0, y1)) of charts in rows of `columns`, the first on top.

    `over` is the share of the height that is kept free above each chart for its titles, `gap` the
    share between rows for the numbers of an axis, `between` that between columns.
    """
    rows = -(-count // columns)
    wide, high = (1 - between * (columns - 1)) / columns, (1 - gap * (rows - 1)) / rows
    domains = []
    for n in range(count):
        left, bottom = (n % columns) * (wide + between), (rows - 1 - n // columns) * (high + gap)
        domains.append(((left, left + wide), (bottom, bottom + high - over)))
    return domains


def literal(text: str) -> str:
    """Text as it is, where plotly would read tags (links among them) and entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def faded(colour: str) -> str:
    """A band's: the browser finds the colour in it when it swaps it for that of a dark page."""
    return f"{colour}33"
