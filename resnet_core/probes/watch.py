"""A net as the probes of a step see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn

from resnet_core.optimizers import SGD, AdamW


@dataclass
class Watch:
    """One forward pass of a net, and what the instruments need that hang in it."""

    net: nn.Module | Callable  # (images [B, C, H, W]) -> logits [B, classes]; a module if watched
    optimizer: SGD | AdamW
    instruments: list = field(default_factory=list)
    lr: float = 0.0  # of the update that is about to be made
    grad_norms: torch.Tensor | None = None  # of each parameter's gradient, before it is clipped

    def readings(self) -> list[torch.Tensor]:
        """A vector of each instrument, on the device."""
        return [instrument.readings() for instrument in self.instruments]
