"""What training tells, step by step. It needs no torch: any trainer can give these."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Record:
    """What one model showed at one step, taken before the update: gradients fit the loss."""

    model: int  # 0 = the net, 1 = its twin
    step: int
    scalars: dict[str, float]  # "loss" [nats], "accuracy" [0..1] of the batch
    per_op: dict[str, np.ndarray]  # float32: "input_grad" per block, "weight_grad" per layer
    batch_crc: int = 0  # CRC-32 of the batch's indices: equal in both twins at each step

    @property
    def is_finite(self) -> bool:
        values = [np.asarray(list(self.scalars.values())), *self.per_op.values()]
        return all(np.isfinite(v).all() for v in values)


@dataclass(frozen=True)
class Diverged:
    """A net whose numbers stopped being finite: a result, not a failure."""

    model: int
    step: int
    path: str  # the first op with a non-finite value
    what: str  # "output", "gradient" or "loss"
