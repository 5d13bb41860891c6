"""Which layers may be seen as one, as in textbooks: a convolution, its norm, its activation."""

from __future__ import annotations

from collections import Counter
from itertools import takewhile

from resnet_core.graph import Op

#: what a convolution is shown with
JOINED = ("norm", "act")


def joined(ops: tuple[Op, ...]) -> list[tuple[Op, ...]]:
    """`ops` in order, each convolution together with the norms and activations that belong to it.

    Those behind a convolution, or those before it in a block that begins with them (He et al.
    2016, fig. 4 (d) and (e)); never across a place where the path forks.
    """
    first = [op.kind for op in takewhile(lambda op: op.kind in JOINED, ops)]
    parts: list[tuple[Op, ...]] = []
    for run in _runs(ops):
        places = [i for i, op in enumerate(run) if op.kind == "conv"]
        if not places:
            parts += [(op,) for op in run]
            continue
        starts = [_start(run, place, first) for place in places]
        parts += [(op,) for op in run[: starts[0]]]
        parts += [run[a:b] for a, b in zip(starts, [*starts[1:], len(run)], strict=True)]
    return parts


def _start(run: tuple[Op, ...], place: int, first: list[str]) -> int:
    """Where the layers begin that belong to the convolution at `place`."""
    start = place - len(first)
    fits = start >= 0 and [op.kind for op in run[start:place]] == first
    return start if fits else place


def _runs(ops: tuple[Op, ...]) -> list[tuple[Op, ...]]:
    """Convolutions, norms and activations in a row, without a fork between them; others alone."""
    taken = Counter(path for op in ops for path in op.inputs)
    runs: list[tuple[Op, ...]] = []
    for op in ops:
        before = runs[-1][-1] if runs else op
        follows = op.inputs == (before.path,) and taken[before.path] == 1
        if follows and {before.kind, op.kind} <= {"conv", *JOINED}:
            runs[-1] = (*runs[-1], op)
        else:
            runs.append((op,))
    return runs
