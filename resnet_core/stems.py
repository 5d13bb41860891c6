"""Stems: the convolutions before the first stage, and the pool behind them.

To add one: a function that lists its convolutions, and a row in STEMS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from .blocks import Conv
from .layers import Blur, WholePool, conv


def one_3x3(width):
    """3x3 conv at full resolution. He et al. 2015, sec. 4.2."""
    return (Conv(3, width),)


def one_7x7(width):
    """7x7 conv, stride 2. He et al. 2015, table 1."""
    return (Conv(7, width, 2),)


def three_3x3(width):
    """Three 3x3 convs, the first strided. He et al. 2019 (bag of tricks), fig. 2 (b): ResNet-C."""
    return Conv(3, half(width), 2), Conv(3, half(width)), Conv(3, width)


def three_tiered(width):
    """Three 3x3 convs that widen step by step: 24, 32, 64. ResNet-T of Wightman's timm."""
    return Conv(3, max(1, 3 * half(width) // 4), 2), Conv(3, half(width)), Conv(3, width)


def half(width):
    return max(1, width // 2)


class Stem(nn.Sequential):
    """Convolutions, each with norm and activation; in pre-activation nets the last has none."""

    def __init__(self, in_channels, convs, norm, act, last_norm, last_act):
        super().__init__()
        for number, (kernel, channels, stride, _) in enumerate(convs, start=1):
            suffix = "" if len(convs) == 1 else str(number)
            is_last = number == len(convs)
            self.add_module(f"conv{suffix}", conv(in_channels, channels, kernel, stride))
            if last_norm or not is_last:
                self.add_module(f"norm{suffix}", norm(channels))
            if last_act or not is_last:
                self.add_module(f"act{suffix}", act())
            in_channels = channels


@dataclass(frozen=True)
class StemKind:
    """A row of STEMS."""

    title: str
    what: str
    convs: Callable  # (width) -> the convolutions; the first one strides


@dataclass(frozen=True)
class Pool:
    """A row of POOLS: what follows the stem's convolutions."""

    title: str
    what: str
    stride: int
    layers: dict  # key of ANTIALIAS -> (name, make(channels, stride), stride) of each module


def max_pool(channels, stride):
    return nn.MaxPool2d(3, stride, 1)


STEMS = {
    "3x3": StemKind("3×3", "One 3×3 convolution at full size. He et al. 2015, sec. 4.2.", one_3x3),
    "7x7": StemKind("7×7, stride 2", "He et al. 2015, table 1.", one_7x7),
    "deep": StemKind("deep 3×3", "Three 3×3 convolutions: ResNet-C. He et al. 2019.", three_3x3),
    "deep-tiered": StemKind(
        "deep tiered", "Three 3×3 that widen step by step: ResNet-T.", three_tiered
    ),
}


POOLS = {
    "none": Pool(
        "no pool",
        "The first stage sees what the convolutions put out.",
        1,
        {"none": (), "avg": (), "blur": ()},
    ),
    "max": Pool(
        "max-pool",
        "3×3, stride 2; averaged or blurred with that striding. He et al. 2015, table 1.",
        2,
        {
            "none": (("pool", max_pool, 2),),
            "avg": (("pool", WholePool, 2),),
            "blur": (("pool", max_pool, 1), ("blur", Blur, 2)),
        },
    ),
}
