"""The convolution and the norms that blocks, shortcuts and stems share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn


def conv(in_channels, out_channels, kernel, stride=1):
    """Bias-free conv with 'same' padding: H and W become ceil(H / stride), ceil(W / stride).

    No bias, with or without a norm: so that counts and the gradient identities hold for both.
    """
    return nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False)


class NoNorm(nn.Identity):
    """Stands where a norm layer would: the net without normalisation keeps its module paths."""


@dataclass(frozen=True)
class Norm:
    """A row of NORMS."""

    title: str
    make: Callable  # (channels) -> the module after each conv


NORMS = {"batch": Norm("batch", nn.BatchNorm2d), "none": Norm("none", NoNorm)}
