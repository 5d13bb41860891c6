"""One net of a run as the charts see it: who it is, what it showed, and where its layers lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer import theme
from resnet_core.graph import LayerGraph
from resnet_core.runs.run import ModelRecords

ALL_OF_FIRST = 20  # steps that are never thinned: most of the story is there


@dataclass(frozen=True)
class Curve:
    """`role` is "residual" or "plain": key of theme.COLOURS and theme.DASHES."""

    role: str
    graph: LayerGraph
    records: ModelRecords

    @property
    def colour(self) -> str:
        return theme.light(self.role)

    @property
    def dash(self) -> str:
        return theme.DASHES[self.role]


def curve_of(graph: LayerGraph, records: ModelRecords) -> Curve:
    return Curve(graph.net.role, graph, records)


def have_begun(curves: Sequence[Curve]) -> bool:
    """Whether there is something to show: both nets of a run, and a record of either."""
    return len(curves) == 2 and any(len(curve.records.steps) for curve in curves)


def thinned(length: int, limit: int) -> np.ndarray:
    """Indices of about `limit` rows: all of the first, then evenly spaced, then the last."""
    if length <= limit:
        return np.arange(length)
    every = math.ceil((length - ALL_OF_FIRST) / (limit - ALL_OF_FIRST))
    later = np.arange(ALL_OF_FIRST, length, every)
    return np.unique(np.r_[np.arange(ALL_OF_FIRST), later, length - 1])


def depths(graph: LayerGraph) -> dict[str, int]:
    """path -> depth: 1 for the stem's conv, `graph.depth` for the head.

    A block or a stage sits at its first layer, an activation at the layer before it. Projections
    are not on the main path.
    """
    layers = {op.path: depth for depth, op in enumerate(graph.main_layers, start=1)}
    found, depth = dict(layers), 0
    for op in graph.ops:
        depth = layers.get(op.path, depth)
        if op.kind == "act" and not op.is_beside:
            found[op.path] = depth
    for path, depth in reversed(layers.items()):
        parts = path.split(".")
        found |= {".".join(parts[:n]): depth for n in range(1, len(parts))}
    return found


def depth_of(graph: LayerGraph, path: str) -> int | None:
    """Depth of the main-path layer that `path` is, holds or belongs to; None for a projection."""
    found = depths(graph)
    if "shortcut" in path.split("."):
        return None
    while path and path not in found:
        path = path.rpartition(".")[0]
    return found.get(path)


def on_main_path(curve: Curve, probe: str) -> tuple[list[int], list[str], list[int]]:
    """(columns of the record, their paths, their depths) of what a depth chart shows.

    Where a block and its layers are both measured, the chart shows the layers.
    """
    places = depths(curve.graph)
    labels = curve.records.labels.get(probe, ())
    whole = {path.partition(".residual.")[0] for path in labels if ".residual." in path}
    kept = [
        (i, path, places[path])
        for i, path in enumerate(labels)
        if path in places and path not in whole
    ]
    return tuple(map(list, zip(*kept))) if kept else ([], [], [])
