"""What the shortcuts of a stage pass on of a gradient by themselves, from the records alone."""

from __future__ import annotations

import numpy as np

from resnet_core.spec import NetSpec

from .outcome import Outcome

SAME = 0.01  # of 1: what float32 and bfloat16 make of an identity
#: keys of shortcuts.SHORTCUTS that are x as it is wherever the shape stays
IDENTITIES = ("identity", "A", "B", "D")


def direct_way(net: NetSpec, seen: Outcome) -> float | None:
    """Product over stage 1 of |gradient by the shortcut| / |gradient at the block's output|.

    At the first step that was recorded; the output is the next block's input. None if stage 1 has
    no identities in a row, or if that was not measured.
    """
    last = net.stages[0].num_blocks - 1
    if last < 1 or net.stages[0].shortcut not in IDENTITIES:
        return None
    if seen.grad_skip is None or not len(seen.grad_skip) or not len(seen.input_grad):
        return None
    by_skip = np.asarray(seen.grad_skip[0][:last], dtype=np.float64)
    behind = np.asarray(seen.input_grad[0][1 : last + 1], dtype=np.float64)
    if not (behind > 0).all() or not np.isfinite(by_skip).all() or not np.isfinite(behind).all():
        return None
    return float(np.prod(by_skip / behind))
