"""What is measured in a net while it trains: norms and ratios, one number per place and step.

A number is taken where its tensor is and read once per step. To add a probe: an instrument with
the two methods that table.Probe names, and a row in PROBES.
"""

from __future__ import annotations

from functools import lru_cache

import torch

from resnet_core.net import build
from resnet_core.spec import NetSpec

from .norms import l2_norm, scaled_norm
from .table import PROBES, Probe, all_paths, watched
from .watch import Watch

__all__ = [
    "PROBES",
    "Probe",
    "Watch",
    "l2_norm",
    "labels",
    "scaled_norm",
    "watched",
]


@lru_cache(maxsize=64)
def labels(net: NetSpec) -> dict[str, list[str]]:
    """probe -> the paths that its values belong to, on the main path in order of execution."""
    with torch.device("meta"):
        return all_paths(build(net))
