"""What training tells, step by step. It needs no torch: any trainer can give these."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: keys of the probes that are cheap enough for every step of a short run; see rhythm.py
AT_EVERY_STEP = ("input_grad", "weight_grad")


@dataclass(frozen=True)
class Record:
    """What one model showed at one step, taken before the update: gradients fit the loss."""

    model: int  # 0 = the net, 1 = its twin
    step: int
    #: "loss" [nats] and "accuracy" [0..1] of the batch, "lr" of the update that follows,
    #: "grad_norm" [nats]: the L2 norm of the whole gradient, before it is clipped
    scalars: dict[str, float]
    per_op: dict[str, np.ndarray]  # probe -> float32 per place; not every probe at every step
    batch_crc: int = 0  # CRC-32 of the batch's indices: equal in both twins at each step

    @property
    def is_finite(self) -> bool:
        """Loss and gradients; a ratio may well be one to 0."""
        values = [np.asarray(list(self.scalars.values()))]
        values += [self.per_op[key] for key in AT_EVERY_STEP if key in self.per_op]
        return all(np.isfinite(v).all() for v in values)


@dataclass(frozen=True)
class Diverged:
    """A net whose numbers stopped being finite: a result, not a failure."""

    model: int
    step: int
    path: str  # the first op with a non-finite value
    what: str  # "output", "gradient" or "loss"
    cause: str = ""  # the likely cause, one sentence; see causes.py
