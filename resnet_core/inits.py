"""How the weights of a net are drawn at step 0.

What exists only because of the shortcuts (F starting at zero) is done in residual blocks alone: a
plain net that starts so would be dead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from .blocks import Block
from .layers import ScalarScale


def kaiming(module: nn.Module) -> None:
    """He et al. 2015b, eq. 14: normal, fan-out, gain of ReLU, on convs; linear stays as it is."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


def as_pytorch_does(module: nn.Module) -> None:
    """Leave what the layers' own constructors set: uniform, about 0.4 of Kaiming's deviation."""


def nothing_more(module: nn.Module) -> None:
    """No change after the draw."""


@torch.no_grad()
def zero_last(module: nn.Module) -> None:
    """F(x) = 0: gamma of the norm that F ends in, or the weights of the conv that it ends in.

    Goyal et al. 2017, sec. 5.1. An inner norm would not do: behind a ReLU at 0 nothing learns.
    """
    scaling = (nn.Conv2d, nn.BatchNorm2d, nn.GroupNorm, ScalarScale)
    for block in residual_blocks(module):
        [layer for layer in block.residual if isinstance(layer, scaling)][-1].weight.zero_()


@torch.no_grad()
def fixup(module: nn.Module) -> None:
    """Zhang et al. 2019, sec. 3: m convs of F scaled by L^(-1 / (2m - 2)), the last one zero.

    L is the number of residual blocks. The classifier starts at zero.
    """
    blocks = residual_blocks(module)
    for block in blocks:
        *convs, last = convs_of(block)
        for layer in convs:
            layer.weight.mul_(len(blocks) ** (-1 / (2 * len(convs))))
        last.weight.zero_()
    if blocks:
        module.head.fc.weight.zero_()
        module.head.fc.bias.zero_()


def residual_blocks(module: nn.Module) -> list[Block]:
    """The blocks of a net that have a shortcut."""
    return [m for m in module.modules() if isinstance(m, Block) and m.shortcut is not None]


def convs_of(block: Block) -> list[nn.Conv2d]:
    """The convolutions of F, without those of its attention."""
    return [layer for layer in block.residual if isinstance(layer, nn.Conv2d)]


@dataclass(frozen=True)
class Init:
    """A row of INITS: a random draw, and what is then set in residual blocks."""

    title: str
    what: str  # one sentence for menus and help
    draw: Callable  # (module) -> None, in place: the same rule for a net and its twin
    finish: Callable = nothing_more  # (module) -> None, in place, no chance involved


INITS = {
    "kaiming": Init("Kaiming", "Normal, fan-out, gain of ReLU: keeps the signal's size.", kaiming),
    "pytorch": Init("PyTorch", "Uniform, smaller: without a norm it fades.", as_pytorch_does),
    "zero": Init("zero-init", "Kaiming, and F(x) = 0 in each residual block.", kaiming, zero_last),
    "fixup": Init(
        "Fixup", "For nets without a norm: F scaled down with depth, and 0.", kaiming, fixup
    ),
}
