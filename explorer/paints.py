"""What the browser needs to colour the pictures of both twins by one quantity. Pure.

For a run it gets the values of many steps, so that the picture follows the step slider without
the server.
"""

from __future__ import annotations

import base64
import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from explorer.curve import ALL_OF_FIRST, Curve, thinned
from resnet_core.graph import trace, trace_to_mismatch
from resnet_core.picture import colours, painting
from resnet_core.picture.quantities import QUANTITIES, Readings, Spans, measured, spans, static
from resnet_core.spec import NetSpec
from resnet_core.twins import twin_of

MAX_STEPS, MAX_VALUES = 60, 40_000  # of a run, that the picture can show


@lru_cache(maxsize=32)
def of_net(net: NetSpec, key: str, batch_size: int, folds: bool) -> dict:
    """A quantity that follows from the net and its twin alone; hover cards tell exact numbers."""
    read, text = read_net(net, key, batch_size, folds), QUANTITIES[key].text
    texts = {role: [text(value) for value in part.rows[0].tolist()] for role, part in read.items()}
    return _payload(key, read, {role: [] for role in read}) | {"texts": texts}


def of_run(curves: Sequence[Curve], key: str, folds: bool) -> dict:
    """A quantity that a run has measured, at some of its steps."""
    return _payload(key, *read_run(curves, key, folds))


def read_net(net: NetSpec, key: str, batch_size: int, folds: bool) -> dict[str, Readings]:
    """Role -> one row of values: of the net, and of its twin if it can be built."""
    graph = trace_to_mismatch(net)
    graphs = [graph] if graph.broken else [graph, trace(twin_of(net))]
    return {g.net.role: static(g, key, spans(g, folds), batch_size) for g in graphs}


def read_run(
    curves: Sequence[Curve], key: str, folds: bool
) -> tuple[dict[str, Readings], dict[str, list[int]]]:
    """Role -> a row of values for each of some steps, the newest last; role -> those steps."""
    read, steps = {}, {}
    for curve in curves:
        every = curve.records.steps_of(key)
        where = _spans(curve.graph.net, folds)
        rows = thinned(len(every), steps_for(len(curve.graph.ops)))
        read[curve.role] = measured(key, curve.records, rows, where)
        steps[curve.role] = every[rows].tolist()
    return read, steps


def row_at(steps: Sequence[int], step: int | None) -> int:
    """The last row at or before a step, as paint.js finds it; None is the newest."""
    return -1 if step is None else max(bisect_right(steps, step) - 1, 0)


def steps_for(ops: int) -> int:
    """How many steps are sent of a net with that many ops; more than curve.ALL_OF_FIRST."""
    return max(ALL_OF_FIRST + 4, min(MAX_STEPS, MAX_VALUES // ops))


@lru_cache(maxsize=16)  # asked for at every look at a run in progress
def _spans(net: NetSpec, folds: bool) -> Spans:
    return spans(trace(net), folds)


def _payload(key: str, read: dict[str, Readings], steps: dict[str, list[int]]) -> dict:
    """Everything but the texts of single boxes; `read` and `steps` have a part for each role."""
    quantity = QUANTITIES[key]
    scale = colours.scale_of(key, [part.rows for part in read.values()])
    both = zip(painting.notes(scale, False), painting.notes(scale, True), strict=True)
    notes = [(in_both(light, dark), meaning) for (light, meaning), (dark, _) in both]
    return {
        "title": quantity.title,
        "unit": quantity.unit,
        "card": quantity.card,
        "ticks": scale.ticks,
        "notes": notes,
        "low": math.log10(scale.low),
        "high": math.log10(scale.high),
        "shades": SHADES,
        "zeros": ZEROS,
        "broken": BROKEN,
        "nets": {
            role: {"ids": part.ids, "steps": steps[role], "values": encoded(part.rows)}
            for role, part in read.items()
        },
    }


def encoded(rows: np.ndarray) -> str:
    """float32, little-endian, row by row."""
    return base64.b64encode(rows.astype("<f4").tobytes()).decode()


def in_both(light: str, dark: str) -> str:
    """A CSS colour that follows the theme."""
    return f"light-dark({light}, {dark})"


SHADES = [in_both(*pair) for pair in zip(colours.shades(False), colours.shades(True), strict=True)]
ZEROS = in_both(colours.ZERO[False], colours.ZERO[True])
BROKEN = in_both(colours.BROKEN[False], colours.BROKEN[True])
