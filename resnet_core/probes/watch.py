"""What the hooks of all probes share: the net, its optimizer, and whether to look now."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from resnet_core.optimizers import SGD, AdamW


@dataclass
class Watch:
    """A net in training, as its probes see it."""

    module: nn.Module
    optimizer: SGD | AdamW
    lr: float = 0.0  # of the update that is about to be made
    looks: bool = False  # not while held-out images pass
    looks_closely: bool = False  # whether the dear probes look, too
    grad_norms: torch.Tensor | None = None  # of each parameter's gradient, before it is clipped
