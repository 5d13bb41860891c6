"""The layout of the depth chart: axes and titles, stages, and the least that a precision can hold.

Alone over the maps of its nets, or several side by side on one scale. Pure: no streamlit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.curve import depth_of
from explorer.depth_map import layout_of_maps
from explorer.depth_profile import Panel
from explorer.floor_marks import floor_marks
from explorer.plotting import (
    SMALL,
    TITLE,
    axis,
    down,
    grid,
    literal,
    numbered,
    title_at,
    titled,
)
from explorer.span import Span, ticks
from resnet_core.graph import LayerGraph
from resnet_core.precisions import PRECISIONS
from resnet_core.probes import PROBES

#: of the height of a figure with maps: the depth chart
CHART = 0.46, 0.95
#: pixels at scale 1: with maps, without, of a chart among others; room for titles over a chart
HEIGHT, LOW_HEIGHT, PANEL_HEIGHT, OVER_ONE, OVER = 430, 300, 238, 16, 42


@dataclass(frozen=True)
class Drawing:
    """How a figure is to be drawn."""

    selected: str | None = None  # path of the part to mark
    scale: float = 1.0  # of type and lines
    maps: bool = True  # for a chart that is alone
    precision: str = "float32"  # key of PRECISIONS: what the run computed in ...
    device: str = "cpu"  # ... and where


DRAWING = Drawing()


def common_layout(probe: str, how: Drawing) -> dict:
    scale, row, bits = how.scale, PROBES[probe], PRECISIONS[how.precision].short
    # short, since the legend stands beside it; the menu has its name
    quantity = f"{row.symbol} [{row.unit}]" if row.unit else row.symbol
    texts = [title_at(1.0, quantity, scale) | {"xshift": -50 * scale}]
    if bits:  # a line of its own above the legend
        texts.append(title_at(1.0, bits, scale) | {"xshift": -50 * scale, "yshift": 18 * scale})
    return {
        "margin": {"l": 58 * scale, "r": 14, "t": (42 if bits else 24) * scale, "b": 42 * scale},
        "font": {"size": round(TITLE * scale)},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom"},
        "shapes": [],
        "annotations": texts,
    }


def with_maps_below(
    panels: Sequence[Panel], probe: str, total: int, span: Span, how: Drawing
) -> dict:
    """The layout of a single chart over the maps of its nets."""
    profiles = panels[0].profiles
    layout = common_layout(probe, how) | {"height": round(HEIGHT * how.scale)}
    place(layout, panels, [((0, 1), CHART)], span, how, charts=1 + len(profiles))
    axes, titles = layout_of_maps(profiles, probe, total, span, how.scale)
    layout["annotations"] += titles
    return layout | axes | {"uirevision": PROBES[probe].symbol}


def arranged(panels: Sequence[Panel], probe: str, columns: int, span: Span, how: Drawing) -> dict:
    """The layout of charts alone, in so many columns."""
    rows, alone = -(-len(panels) // columns), len(panels) == 1
    height = (LOW_HEIGHT if alone else PANEL_HEIGHT * rows + 40) * how.scale
    inner = height - 66 * how.scale  # without the margins
    over, gap = (OVER_ONE if alone else OVER) * how.scale / inner, 24 * how.scale / inner
    layout = common_layout(probe, how) | {"height": round(height)}
    place(layout, panels, grid(len(panels), columns, over, gap), span, how)
    return layout | {"uirevision": f"{PROBES[probe].symbol} {columns} of {len(panels)}"}


def place(layout, panels, domains, span: Span, how: Drawing, charts: int = 0) -> None:
    """Adds to the layout the axes of the panels at their `domains`, ((x0, x1), (y0, y1))."""
    lowest = min(y for _, (y, _) in domains)
    for number, (panel, (across_x, up)) in enumerate(zip(panels, domains), start=1):
        graph = panel.profiles[0].curve.graph
        axes = [(1, n) for n in range(1, charts + 1)] or [(number, number)]
        x = {"domain": list(across_x), "range": [0, graph.depth + 1]}
        x["anchor"] = numbered("y", charts or number)
        if up[0] == lowest or charts:
            text = "depth: conv and linear layers from the input"
            x["title"] = titled(text if across_x[1] - across_x[0] > 0.6 else "depth", how.scale)
        y = {"domain": list(up), "range": span.range, "anchor": numbered("x", number)} | ticks(span)
        if number > 1:
            y |= {"matches": "y"}
        if across_x[0] > 0:
            y |= {"showticklabels": False}
        layout[numbered("xaxis", number)] = axis(how.scale) | x
        layout[numbered("yaxis", number)] = axis(how.scale) | y
        stages, names = stage_marks(graph, how.scale, axes, up[1])
        shapes, texts = floor_marks(span, how.scale, number, how.device)
        layout["shapes"] += [*stages, *shapes]
        layout["annotations"] += [*names, *texts]
        if panel.title:
            title = title_at(
                up[1], f"<b>{literal(panel.title)}</b>", how.scale, SMALL + 1, across_x[0]
            )
            layout["annotations"].append(title | {"yshift": 15 * how.scale})
        if depth := how.selected and depth_of(graph, how.selected):
            layout["shapes"] += down(depth, "mark", 2, "solid", axes)


def stage_marks(
    graph: LayerGraph, scale: float, axes: list[tuple[int, int]], top: float
) -> tuple[list[dict], list[dict]]:
    """(lines between stages, their names): tensor shapes change there, and so do norms."""
    firsts = [depth_of(graph, f"stage{n}") for n in range(1, len(graph.net.stages) + 1)]
    lines = [ln for depth in firsts[1:] for ln in down(depth - 0.5, "muted", 1, "dot", axes)]
    names = []
    for number, (start, end) in enumerate(zip(firsts, [*firsts[1:], graph.depth]), start=1):
        name = title_at(top, f"stage {number}", scale, SMALL)
        at = {"xref": numbered("x", axes[0][0]), "x": (start + end - 1) / 2, "xanchor": "center"}
        names.append(name | at)
    return lines, names
