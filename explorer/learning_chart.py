"""Loss and accuracy of each net's own batches, raw and smoothed, against steps. Pure.

Of several seeds: the mean of their smoothed curves, and a band from the lowest to the highest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.curve import Curve
from explorer.learning_lines import broken, of_net, values_of
from explorer.plotting import (
    SMALL,
    TITLE,
    View,
    across,
    axis,
    down,
    grid,
    literal,
    numbered,
    text_at,
    title_at,
    titled,
)
from explorer.rate_line import Rate

#: pixels at scale 1: the figure of one run, the learning rate below it, one chart of a board
HEIGHT, RATE_HEIGHT, PANEL_HEIGHT = 200, 56, 150


@dataclass(frozen=True)
class LearningPanel:
    """What shares a pair of charts: the seeds of each net, one for most runs."""

    title: str  # "" for one that is alone
    nets: Sequence[Sequence[Curve]]


def alone(curves: Sequence[Curve]) -> list[LearningPanel]:
    return side_by_side([("", curves)])


def side_by_side(runs: Sequence[tuple[str, Sequence[Curve]]]) -> list[LearningPanel]:
    return [LearningPanel(label, [[curve] for curve in curves]) for label, curves in runs]


def together(runs: Sequence[tuple[str, Sequence[Curve]]]) -> list[LearningPanel]:
    every = [curve for _, curves in runs for curve in curves]
    nets = [[c for c in every if c.role == role] for role in ("residual", "plain")]
    return [LearningPanel("", [seeds for seeds in nets if seeds])]


def draw(panels: Sequence[LearningPanel], scale: float = 1.0, rate: Rate | None = None) -> View:
    """`rate` is drawn below a single run if it changes."""
    classes = panels[0].nets[0][0].graph.net.num_classes
    traces = []
    for place, panel in enumerate(panels):
        for metric, number in zip(("loss", "accuracy"), axes_of(place)):
            for seeds in panel.nets:
                traces += of_net(seeds, metric, number)
        traces += [m for seeds in panel.nets for c in seeds for m in broken(c, axes_of(place)[0])]
    if len(panels) == 1:
        layout, narrow = of_one(classes, scale, rate), None
        traces += [rate.trace(scale)] if rate else []
    else:
        layout, narrow = board(panels, scale, across_page=True), board(panels, scale, False)
    ticks = loss_ticks(panels)
    for one in filter(None, (layout, narrow)):
        for place in range(len(panels)):
            one[numbered("yaxis", axes_of(place)[0])] |= ticks
    return View(plain={"data": traces, "layout": layout}, narrow=narrow)


def loss_ticks(panels: Sequence[LearningPanel]) -> dict:
    """A number for each decade, or for some; where there are few decades, at 1, 2 and 5.

    Losses that do not change get a range around them, since they have none of their own.
    """
    every = [values_of(c, "loss") for panel in panels for seeds in panel.nets for c in seeds]
    losses = np.concatenate(every)
    losses = losses[np.isfinite(losses) & (losses > 0)]
    low, high = np.log10([losses.min(), losses.max()]) if losses.size else (0, 1)
    chance = math.log10(math.log(panels[0].nets[0][0].graph.net.num_classes))
    low, high = min(low, chance), max(high, chance)  # the line of chance is in the range as well
    if high - low < 0.001:
        ends = low - 0.1, high + 0.1
        values = [float(f"{10**at:.3g}") for at in (low - 0.08, (low + high) / 2, high + 0.08)]
        return {"range": list(ends), "tickvals": values, "ticktext": [f"{v:g}" for v in values]}
    if high - low > 2:
        every = math.ceil((high - low) / 5)
        powers = range(math.ceil(low / every), math.floor(high / every) + 1)
        texts = [f"10<sup>{every * n}</sup>".replace("-", "−") for n in powers]
        return {"tickvals": [10.0 ** (every * n) for n in powers], "ticktext": texts}
    if high - low < 0.5:  # plotly may put a single number there, or none
        middle = 10 ** ((low + high) / 2)
        digits = max(0, 2 - math.floor(math.log10(max(high - low, 1e-4) * middle) + 1))
        values = sorted({round(10**at, digits) for at in (low, (low + high) / 2, high)})
        return {"tickvals": values, "ticktext": [f"{value:g}" for value in values]}
    decades = range(math.floor(low), math.ceil(high) + 1)
    values = [n * 10.0**d for d in decades for n in (1, 2, 5)]
    return {"tickvals": values, "ticktext": [f"{value:g}" for value in values]}


def axes_of(place: int) -> tuple[int, int]:
    """Numbers of the axes of a panel's loss and of its accuracy."""
    return 2 * place + 1, 2 * place + 2


def common_layout(scale: float) -> dict:
    return {
        "margin": {"l": 48 * scale, "r": 14, "t": 24 * scale, "b": 40 * scale},
        "font": {"size": round(TITLE * scale)},
        "showlegend": False,
        "shapes": [],
        "annotations": [],
    }


def of_one(classes: int, scale: float, rate: Rate | None) -> dict:
    """Loss and accuracy side by side, and the learning rate below the loss if it changes."""
    height = HEIGHT + (RATE_HEIGHT if rate else 0)
    low = (RATE_HEIGHT + 12) / (height - 64) if rate else 0.0
    layout = common_layout(scale) | {"height": round(height * scale), "uirevision": "learning"}
    for number, domain, metric in (
        (1, ((0, 0.45), (low, 1)), "loss"),
        (2, ((0.56, 1), (0, 1)), "accuracy"),
    ):
        add_chart(layout, number, domain, metric, classes, scale)
        layout["annotations"].append(title_at(1.0, TITLES[metric], scale, x=domain[0][0]))
    if rate:
        rate.add_to(layout, 3, scale)
        layout["xaxis"]["anchor"] = "y3"
        for step, _ in rate.changes:
            layout["shapes"] += down(step, "mark", 1.5, "dot", [(1, 1), (2, 2), (1, 3)])
    return layout


def board(panels: Sequence[LearningPanel], scale: float, across_page: bool) -> dict:
    """Losses over accuracies, a column for each panel; or a row for each panel."""
    classes, count = panels[0].nets[0][0].graph.net.num_classes, len(panels)
    rows, columns = (2, count) if across_page else (count, 2)
    height = round((PANEL_HEIGHT * rows + 40) * scale)
    inner = height - 64 * scale
    between = 0.05 if across_page else 0.14  # numbers of an axis stand there
    places = grid(rows * columns, columns, 20 * scale / inner, 16 * scale / inner, between)
    layout = common_layout(scale) | {"height": height, "uirevision": "learning board"}
    for place, panel in enumerate(panels):
        for row, (metric, number) in enumerate(zip(("loss", "accuracy"), axes_of(place))):
            cell = row * columns + place if across_page else place * columns + row
            (left, right), up = places[cell]
            add_chart(layout, number, ((left, right), up), metric, classes, scale)
            if place:
                layout[numbered("yaxis", number)] |= {"matches": numbered("y", 1 + row)}
            if across_page and place:
                layout[numbered("yaxis", number)] |= {"showticklabels": False}
            if up[0] > 0:
                layout[numbered("xaxis", number)] |= {"title": None, "showticklabels": False}
            text = f"<b>{literal(panel.title)}</b>: {SHORT[metric]}"
            layout["annotations"].append(title_at(up[1], text, scale, SMALL + 1, left))
    return layout


def add_chart(layout: dict, number: int, domains, metric: str, classes: int, scale: float) -> None:
    """Axes at `domains`, ((x0, x1), (y0, y1)), and the line of guessing among all classes."""
    x, y = numbered("x", number), numbered("y", number)
    layout[numbered("xaxis", number)] = axis(scale) | {
        "domain": list(domains[0]),
        "anchor": y,
        "title": titled("step", scale),
    }
    chance = math.log(classes) if metric == "loss" else 1 / classes
    layout[numbered("yaxis", number)] = (
        axis(scale) | SCALES[metric] | {"domain": list(domains[1]), "anchor": x}
    )
    layout["shapes"].append(across(chance, "muted", "dot", number))
    if metric == "loss":
        said = text_at(math.log10(chance), f"chance: ln {classes}", scale, number, "right")
        layout["annotations"].append(said)


TITLES = {
    "loss": "loss of the batch [nats]",
    "accuracy": "accuracy of the batch",
}
SHORT = {"loss": "loss [nats]", "accuracy": "accuracy"}
SCALES = {
    "loss": {"type": "log"},
    "accuracy": {"range": [0, 1.03], "tickformat": ".0%"},
}
