"""Quantities that a picture can be coloured by: what a layer has, and what a card of layers has.

All are positive and span decades, so that their scales are logarithmic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from resnet_core.geometry import receptive_fields
from resnet_core.graph import LayerGraph
from resnet_core.memory import memory_by_layer
from resnet_core.units import memory

from .outline import openable, outline, walk
from .view import View

if TYPE_CHECKING:
    from resnet_core.runs.run import ModelRecords

BATCH = 64  # images, where nobody says how many
Spans = dict[str, tuple[int, int]]  # id -> first and one past the last of its ops


@dataclass(frozen=True)
class Quantity:
    """A row of QUANTITIES."""

    title: str
    unit: str
    card: str  # how a card combines what it holds, in words
    blank: str  # what a box without a colour says
    combine: Callable  # (columns [rows, places], first, end) -> [rows, cards]
    text: Callable[[float], str]  # a value with its unit
    tick: Callable[[float], str]  # a round value, short
    base: int = 10  # ticks are powers of it
    #: (graph, batch size) -> path -> value of a layer; None: it is measured in a run, by the probe
    #: of the same key
    of_layers: Callable[[LayerGraph, int], dict[str, float | None]] | None = None

    @property
    def is_measured(self) -> bool:
        return self.of_layers is None


@dataclass(frozen=True)
class Readings:
    """What is known of the boxes that have a value: one row, or one for each step of a run."""

    ids: tuple[str, ...]
    rows: np.ndarray  # float64 [rows, ids]


def values(
    graph: LayerGraph,
    key: str,
    records: ModelRecords | None = None,
    step: int | None = None,
    *,
    batch_size: int = BATCH,
    folds: bool = False,
) -> dict[str, float | None]:
    """Id -> value for every box and card that a picture of the net can show; None for no value.

    Measured ones are those of `records` at `step`, or at the last one before it; by default at
    the newest. They can be 0, and not finite. With `folds` a convolution has what is folded in.
    """
    where = spans(graph, folds)
    found: dict[str, float | None] = dict.fromkeys(where)
    if not QUANTITIES[key].is_measured:
        read = static(graph, key, where, batch_size)
    elif records is None or not len(steps := records.steps_of(key)):
        return found
    else:
        end = len(steps) if step is None else int(np.searchsorted(steps, step, "right"))
        read = measured(key, records, np.array([max(1, end) - 1]), where)
    return found | dict(zip(read.ids, read.rows[0].tolist(), strict=True))


def static(graph: LayerGraph, key: str, where: Spans, batch_size: int = BATCH) -> Readings:
    """One row: what follows from the graph alone; `where` are its spans."""
    of_layers = QUANTITIES[key].of_layers(graph, batch_size)
    columns = np.array([list(of_layers.values())], float)  # None becomes NaN
    read = _gathered(where, key, list(of_layers), columns)
    known = ~np.isnan(read.rows[0])
    ids = tuple(id for id, is_known in zip(read.ids, known, strict=True) if is_known)
    return Readings(ids, read.rows[:, known])


def measured(key: str, records: ModelRecords, rows: np.ndarray, where: Spans) -> Readings:
    """These rows of what a run has recorded; nothing if it has not recorded the quantity."""
    labels = records.labels.get(key, ())
    columns = records.per_op[key][rows] if labels else np.empty((len(rows), 0))
    return _gathered(where, key, list(labels), columns.astype(float))


def spans(graph: LayerGraph, folds: bool = False) -> Spans:
    """Id -> first and one past the last of its ops, for all that any opening of a picture shows.

    In order of execution, each card before what it holds.
    """
    cards = openable(graph)["layers"]
    found: Spans = {}
    for place, op in enumerate(graph.ops):
        for id in accumulate(op.path.split("."), "{}.{}".format):
            if id in cards or id == op.path:
                found[id] = found.get(id, (place, 0))[0], place + 1
    for run in (id for id in cards if ".." in id):
        first, _, last = run.partition("..")
        found[run] = found[first][0], found[f"{first.rpartition('.')[0]}.{last}"][1]
    if folds:
        nodes = [node for node in walk(outline(graph, cards, View(folds=True))) if node.folded]
        joined = {n.id: (found[n.ops[0].path][0], found[n.ops[-1].path][1]) for n in nodes}
        found |= joined
    return dict(sorted(found.items(), key=lambda span: (span[1][0], -span[1][1])))


def _gathered(where: Spans, key: str, labels: list[str], columns: np.ndarray) -> Readings:
    """Each id's value from those of the places inside it: of the layers in a card, then its own."""
    after = len(where) + 1  # more than there are ops

    def order(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Sorts spans by their end, what is inside before what is around it."""
        return end * after - start

    known = np.array([i for i, path in enumerate(labels) if path in where], int)
    places = np.array([where[labels[i]] for i in known], int).reshape(-1, 2)
    orders = order(places[:, 0], places[:, 1])
    sorting = np.argsort(orders)
    start, end = np.array(list(where.values())).T
    first = np.searchsorted(orders[sorting], order(0, start), "right")
    last = np.searchsorted(orders[sorting], order(start, end), "right")
    holds = first < last
    ids = tuple(id for id, any_inside in zip(where, holds, strict=True) if any_inside)
    columns = columns[:, known[sorting]]
    return Readings(ids, QUANTITIES[key].combine(columns, first[holds], last[holds]))


def total(columns: np.ndarray, first: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Summed anew for each card: differences of running sums would drown what is small."""
    padded = np.pad(columns, ((0, 0), (0, 1)))  # so that a card may end at the last place
    return np.add.reduceat(padded, np.column_stack([first, end]).ravel(), axis=1)[:, ::2]


def norm(columns: np.ndarray, first: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Of all that is inside, taken as one vector."""
    return np.sqrt(total(columns**2, first, end))


def quadratic_mean(columns: np.ndarray, first: np.ndarray, end: np.ndarray) -> np.ndarray:
    return norm(columns, first, end) / np.sqrt(end - first)


def at_first(columns: np.ndarray, first: np.ndarray, end: np.ndarray) -> np.ndarray:
    return columns[:, first]


def at_last(columns: np.ndarray, first: np.ndarray, end: np.ndarray) -> np.ndarray:
    return columns[:, end - 1]


def _fields(graph: LayerGraph, batch_size: int) -> dict[str, int | None]:
    fields = receptive_fields(graph)
    return {op.path: (f := fields[op.path]) and f.size for op in graph.ops if op.inputs}


def _memory(graph: LayerGraph, batch_size: int) -> dict[str, int]:
    return {path: n for path, n in memory_by_layer(graph, batch_size).items() if n}


def short(value: float) -> str:
    """A round number with a unit prefix: "500", "20 k", "1 M"."""
    for size, prefix in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{prefix}"
    return f"{value:.3g}"


def power(value: float) -> str:
    """A round number, as a power of ten where it is far from one: "0.02", "10⁻⁷"."""
    if 0.01 <= value < 10_000:
        return f"{float(f'{value:.3g}'):g}"  # 1000, not 1e+03
    digit, _, exponent = f"{value:.0e}".partition("e")
    raised = str(int(exponent)).translate(RAISED)
    return f"10{raised}" if digit == "1" else f"{digit}·10{raised}"


def measured_text(value: float) -> str:
    """Two digits, as the charts say it."""
    if value == 0:
        return "exactly 0"
    return f"{value:.2g}" if np.isfinite(value) else "not finite"


RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MEASURED = {"text": measured_text, "tick": power}

#: key -> quantity; those that a run measures have the key of their probe
QUANTITIES = {
    "params": Quantity(
        title="Parameters",
        unit="trainable values",
        card="the sum of what it holds",
        blank="no parameters",
        combine=total,
        text=lambda value: f"{value:,.0f} parameters",
        tick=short,
        of_layers=lambda graph, batch: {op.path: op.params for op in graph.ops if op.params},
    ),
    "macs": Quantity(
        title="MACs",
        unit="multiply-accumulates, one image",
        card="the sum of what it holds",
        blank="no MACs",
        combine=total,
        text=lambda value: f"{value:,.0f} MACs",
        tick=short,
        of_layers=lambda graph, batch: {op.path: op.macs for op in graph.ops if op.macs},
    ),
    "memory": Quantity(
        title="Training memory",
        unit="weights, gradients, momentum and kept outputs of a batch, float32",
        card="the sum of what it holds",
        blank="nothing is kept",
        combine=total,
        text=memory,
        tick=memory,
        base=2,
        of_layers=_memory,
    ),
    "field": Quantity(
        title="Receptive field",
        unit="pixels along one side",
        card="that of its output",
        blank="sees the whole map",
        combine=at_last,
        text=lambda value: f"{value:,.0f}×{value:,.0f} pixels",
        tick=short,
        of_layers=_fields,
    ),
    "input_grad": Quantity(
        title="Gradient at block inputs",
        unit="‖∂L/∂x‖ [nats]",
        card="that of its first block",
        blank="not measured here",
        combine=at_first,
        **_MEASURED,
    ),
    "weight_grad": Quantity(
        title="Gradient of weights",
        unit="‖∂L/∂W‖ [nats]",
        card="the norm of all its weights' gradients",
        blank="no such weights",
        combine=norm,
        **_MEASURED,
    ),
    "act_rms": Quantity(
        title="Activations",
        unit="root mean square of what a layer puts out",
        card="that of its output",
        blank="not measured here",
        combine=at_last,
        **_MEASURED,
    ),
    "update_ratio": Quantity(
        title="Update to weight",
        unit="‖ΔW‖ / ‖W‖ of one step",
        card="the quadratic mean over its layers",
        blank="no such weights",
        combine=quadratic_mean,
        **_MEASURED,
    ),
}
