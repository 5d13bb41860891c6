"""A chain of linear layers as one convolution with a bias: the algebra of RepVGG.

Ding et al. 2021, sec. 3.3. Layers are taken as in eval mode: batch norm scales by fixed numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import (
    AveragePool,
    Blur,
    EfficientChannelAttention,
    GroupNorm,
    NoNorm,
    ScalarBias,
    ScalarScale,
    Scale,
    SqueezeExcitation,
    StochasticDepth,
)
from .shortcuts import ZeroPad


@dataclass(frozen=True)
class Folded:
    """kernel * x + bias, zero-padded by half the kernel."""

    kernel: Tensor  # [out, in, k, k]
    bias: Tensor  # [out]
    stride: int = 1

    def __call__(self, x: Tensor) -> Tensor:  # [B, in, H, W] -> [B, out, H/stride, W/stride]
        kernel, bias = self.kernel.to(x.dtype), self.bias.to(x.dtype)
        return F.conv2d(x, kernel, bias, self.stride, kernel.shape[-1] // 2)

    def __add__(self, other: Folded) -> Folded:
        """The sum of both: the smaller kernel gets a border of zeros."""
        assert self.stride == other.stride, "the two arms of a (+) have one shape"
        size = max(self.kernel.shape[-1], other.kernel.shape[-1])
        kernel = widened(self.kernel, size) + widened(other.kernel, size)
        return Folded(kernel, self.bias + other.bias, self.stride)


def identity(channels: int) -> Folded:
    """The convolution that changes nothing: a 1x1 kernel, in float64."""
    eye = torch.eye(channels, dtype=torch.float64)
    return Folded(eye[:, :, None, None], eye.new_zeros(channels))


@torch.no_grad()
def fold(chain: Iterable[nn.Module], folded: Folded) -> Folded:
    """`folded`, then the layers of `chain`, which are in float64. At most one in all convolves.

    A KeyError says that a layer is not linear: ask `obstacle` first.
    """
    for layer in chain:
        folded = FOLDS[type(layer)](layer, folded)
    return folded


def obstacle(chain: Iterable[nn.Module]) -> nn.Module | None:
    """The first layer of `chain` that no convolution can stand for."""
    return next((layer for layer in chain if type(layer) not in FOLDS), None)


def widened(kernel: Tensor, size: int) -> Tensor:
    return F.pad(kernel, ((size - kernel.shape[-1]) // 2,) * 4)


def fold_conv(layer: nn.Conv2d, x: Folded) -> Folded:
    assert x.kernel.shape[-1] == 1, "a chain has one convolution"
    assert layer.groups == 1, "a block of one convolution has no groups"
    kernel = torch.einsum("omhw,mi->oihw", layer.weight, x.kernel[:, :, 0, 0])
    return Folded(kernel, layer.weight.sum((2, 3)) @ x.bias, layer.stride[0])


def fold_zero_pad(layer: ZeroPad, x: Folded) -> Folded:
    kernel = F.pad(x.kernel, (0, 0, 0, 0, 0, 0, 0, layer.missing))
    return Folded(kernel, F.pad(x.bias, (0, layer.missing)), layer.stride)


def fold_batch_norm(layer: nn.BatchNorm2d, x: Folded) -> Folded:
    scale = layer.weight / torch.sqrt(layer.running_var + layer.eps)
    bias = (x.bias - layer.running_mean) * scale + layer.bias
    return replace(x, kernel=x.kernel * scale[:, None, None, None], bias=bias)


def fold_scalar_scale(layer: ScalarScale, x: Folded) -> Folded:
    return replace(x, kernel=x.kernel * layer.weight, bias=x.bias * layer.weight + layer.bias)


def fold_scalar_bias(layer: ScalarBias, x: Folded) -> Folded:
    return replace(x, bias=x.bias + layer.bias)


def fold_scale(layer: Scale, x: Folded) -> Folded:
    return replace(x, kernel=x.kernel * layer.factor, bias=x.bias * layer.factor)


def unchanged(layer: nn.Module, x: Folded) -> Folded:
    return x


#: layer -> fold(layer, what came before as one convolution)
FOLDS = {
    nn.Conv2d: fold_conv,
    ZeroPad: fold_zero_pad,
    nn.BatchNorm2d: fold_batch_norm,
    ScalarScale: fold_scalar_scale,
    ScalarBias: fold_scalar_bias,
    Scale: fold_scale,
    nn.Identity: unchanged,
    NoNorm: unchanged,
    nn.Dropout: unchanged,
    StochasticDepth: unchanged,
}
#: layer -> why no convolution stands for it
OBSTACLES = {
    nn.ReLU: "a ReLU inside F treats positive and negative values differently",
    nn.SiLU: "the SiLU inside F is not linear",
    nn.GELU: "the GELU inside F is not linear",
    GroupNorm: "group norm divides by the deviation of the example itself, in eval mode too",
    SqueezeExcitation: "the attention multiplies F(x) by weights that depend on x",
    EfficientChannelAttention: "the attention multiplies F(x) by weights that depend on x",
    AveragePool: "it averages between the convolution and the (+), or on the way of x",
    Blur: "it blurs between the convolution and the (+), with a mirrored border",
}
