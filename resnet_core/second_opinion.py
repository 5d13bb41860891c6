"""torchinfo's summary of a net, on the meta device: a second count, by other rules than ours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
import torchinfo

from .graph import MODULES, trace
from .net import build
from .spec import NetSpec, SpecError


@dataclass(frozen=True)
class Summary:
    """What torchinfo says of one example."""

    params: int
    mult_adds: int  # with biases and norm layers, unlike our MACs
    text: str


MAX_OPS = 8000  # a ResNet-1202 has fewer, and takes 2 s in which nobody else can trace


@lru_cache(maxsize=16)
def summary(net: NetSpec) -> Summary:
    """Takes tens of milliseconds for a ResNet-50, 1.7 s for a ResNet-1202: call it when asked.

    Raises SpecError for a net that would take a minute.
    """
    if len(trace(net).ops) > MAX_OPS:
        raise SpecError(
            "torchinfo",
            f"a net of {len(trace(net).ops):,} layers and additions would take too long",
            f"Look at one of at most {MAX_OPS:,}",
        )
    with MODULES, torch.device("meta"):
        module = build(net)
        statistics = torchinfo.summary(
            module,
            input_size=(1, *net.input_shape),
            col_names=("output_size", "num_params", "mult_adds"),
            depth=4,
            device="meta",
            verbose=0,
        )
    return Summary(statistics.total_params, statistics.total_mult_adds, str(statistics))
