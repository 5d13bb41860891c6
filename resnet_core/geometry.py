"""What a graph implies beyond its counts: which pixels an op sees, and how large the maps are."""

from __future__ import annotations

from dataclasses import dataclass

from .graph import LayerGraph, Op


@dataclass(frozen=True)
class Field:
    """The receptive field of an op, in pixels of the input; rows and columns are alike.

    Output (i, j) sees rows first + i * stride ... last + i * stride, and columns likewise; what
    lies outside the input is padding. Counted through convolutions and pools alone.
    """

    first: int
    last: int
    stride: int  # effective: product of the strides so far
    beyond: bool = False  # whether group norm or attention before it looks at the whole map, too

    @property
    def size(self) -> int:
        """Pixels along one side."""
        return self.last - self.first + 1

    @property
    def offset(self) -> float:
        """Centre of what output (0, 0) sees: 0 is the centre of the first pixel."""
        return (self.first + self.last) / 2

    def through(self, window: tuple[int, int, int]) -> Field:
        """The field behind a layer with that kernel, stride and padding."""
        kernel, stride, padding = window
        first = self.first - padding * self.stride
        last = self.last + (kernel - 1 - padding) * self.stride
        return Field(first, last, self.stride * stride, self.beyond)


def receptive_fields(graph: LayerGraph) -> dict[str, Field | None]:
    """Path -> field. None for ops that see the whole map: global pools and what follows them."""
    fields: dict[str, Field | None] = {}
    for op in graph.ops:
        arms = [fields[i] for i in op.inputs]
        seen = [field for field in arms if field]
        if not op.inputs:
            fields[op.path] = Field(0, 0, 1)
        elif sees_whole_map(op) or not seen:
            fields[op.path] = None
        else:
            beyond = any(f.beyond for f in seen) or None in arms or is_group_norm(op)
            first, last = min(f.first for f in seen), max(f.last for f in seen)
            fields[op.path] = Field(first, last, seen[0].stride, beyond).through(op.window)
    return fields


def visible(graph: LayerGraph, path: str, index: int, axis: int) -> tuple[int, int] | None:
    """First and last pixel of the input that output `index` of an op sees; None as above.

    Along one axis (0: rows, 1: columns), as far as the input reaches: borders cut the field at
    every layer, so that it can be smaller than the part of `Field` that lies inside.
    """
    fields = receptive_fields(graph)
    if fields[path] is None:
        return None
    seen = {path: (index, index)}
    for op in reversed(graph.ops):
        if op.path not in seen or not op.inputs:
            continue
        low, high = seen.pop(op.path)
        kernel, stride, padding = op.window
        low, high = low * stride - padding, high * stride - padding + kernel - 1
        for i in op.inputs:
            if fields[i]:
                size = graph.by_path[i].shape[1 + axis]
                now = max(low, 0), min(high, size - 1)
                before = seen.get(i, now)
                seen[i] = min(now[0], before[0]), max(now[1], before[1])
    return seen[graph.ops[0].path]


def sees_whole_map(op: Op) -> bool:
    """A global pool: the only pool that has no window."""
    return op.kind == "pool" and op.window == (1, 1, 0)


def is_group_norm(op: Op) -> bool:
    return op.layer == "GroupNorm"


@dataclass(frozen=True)
class FeatureMap:
    """What a stage hands on, for one example."""

    place: str  # "input", "stem", "stage1", ...
    channels: int
    height: int
    width: int

    @property
    def values(self) -> int:
        return self.channels * self.height * self.width


def feature_maps(graph: LayerGraph) -> tuple[FeatureMap, ...]:
    """The map behind the input, the stem and each stage, as far as the graph goes."""
    last = {op.path.partition(".")[0]: op.shape for op in graph.ops}
    return tuple(FeatureMap(place, *shape) for place, shape in last.items() if len(shape) == 3)


def last_field(graph: LayerGraph) -> Field:
    """The receptive field of the last stage's output, which the head then averages."""
    return [field for field in receptive_fields(graph).values() if field][-1]
