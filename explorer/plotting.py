"""Parts that all figures share: axes, lines across a chart, texts in it. Plain plotly dicts."""

from __future__ import annotations

from explorer import theme

#: sizes at scale 1, in pixels
TITLE, TICK, SMALL = 13, 12, 11


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


def text_at(y: float, text: str, scale: float, xref: str = "x domain", yref: str = "y") -> dict:
    """A text inside a chart, from its left edge, over the line at `y`."""
    place = {"x": 0.01, "y": y, "xref": xref, "yref": yref}
    return {"text": text, **place, **_plain(scale, SMALL)}


def _plain(scale: float, size: int) -> dict:
    font = {"size": round(size * scale), "color": theme.light("muted")}
    return {"font": font, "xanchor": "left", "yanchor": "bottom", "showarrow": False}


def across(y: float, token: str, dash: str, xref: str = "x domain", yref: str = "y") -> dict:
    """A level line from side to side."""
    line = {"color": theme.light(token), "width": 1.5, "dash": dash}
    ends = {"xref": xref, "yref": yref, "x0": 0, "x1": 1, "y0": y, "y1": y}
    return {"type": "line", "line": line, **ends}


def down(x: float, token: str, width: float, dash: str, charts: int) -> list[dict]:
    """A line at `x` through each of the charts that share the axis, not through their titles."""
    line = {"color": theme.light(token), "width": width, "dash": dash}
    ends = {"xref": "x", "x0": x, "x1": x, "y0": 0, "y1": 1}
    names = [numbered("y", number) for number in range(1, charts + 1)]
    return [{"type": "line", "line": line, "yref": f"{y} domain", **ends} for y in names]


def numbered(name: str, number: int) -> str:
    """How plotly counts axes: "y", "y2", "y3"."""
    return name if number == 1 else f"{name}{number}"
