"""RunConfig -> Records: the training loop that the worker, the tests and the benchmarks all use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from .spec import NetSpec


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything a run depends on: equal configs give equal records, on CPU bit for bit.

    `seconds` asks for a time budget; the worker turns it into `steps` before step 0 and stores that.
    """

    net: NetSpec  # as it is trained: its head has the classes of the data set
    dataset: str = "digits"  # key of data.DATASETS
    steps: int = 120
    seconds: int | None = None
    batch_size: int = 64
    lr: float = 0.02
    momentum: float = 0.9
    weight_decay: float = 1e-4
    seed: int = 0
    device: str = "cpu"  # "cpu", "cuda:0", "mps"

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "net": json.loads(self.net.to_json())})


@dataclass(frozen=True)
class Record:
    """What one model showed at one step, taken before the update: gradients fit the loss."""

    model: int  # 0 = the net, 1 = its twin
    step: int
    scalars: dict[str, float]  # "loss" [nats], "accuracy" [0..1] of the batch
    per_op: dict[str, np.ndarray]  # float32: "input_grad" per block, "weight_grad" per layer


@dataclass(frozen=True)
class Diverged:
    """A net whose numbers stopped being finite: a result, not a failure."""

    model: int
    step: int
    path: str  # the first op with a non-finite value
    what: str  # "output", "gradient" or "loss"


def train(config: RunConfig, model: int) -> Iterator[Record | Diverged]:
    raise NotImplementedError
