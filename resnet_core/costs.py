"""What each layer is called, what it costs, what window it has, and what autograd keeps of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from torch import nn

from .layers import (
    Add,
    AveragePool,
    Blur,
    ChannelConv,
    GroupNorm,
    Multiply,
    OneMinus,
    ScalarBias,
    ScalarScale,
    Scale,
    StochasticDepth,
    WholePool,
)
from .shortcuts import ZeroPad


@dataclass(frozen=True)
class Kept:
    """What autograd keeps of one op in training, beside parameters. Tensors are shared by ops."""

    inputs: bool = False  # the tensors that go in
    output: bool = False  # the tensor that comes out
    values: int = 0  # of a tensor of its own, one example, in the precision of what comes in
    bytes: int = 0  # of a tensor of its own, one example, whatever the precision
    bytes_once: int = 0  # the same for the whole batch


NOTHING_KEPT = Kept()


def conv_macs(layer: nn.Conv2d, shape: tuple[int, ...]) -> int:
    return prod(shape) * layer.in_channels // layer.groups * prod(layer.kernel_size)


def linear_macs(layer: nn.Linear, shape: tuple[int, ...]) -> int:
    return layer.in_features * layer.out_features


def channel_conv_macs(layer: ChannelConv, shape: tuple[int, ...]) -> int:
    return shape[0] * layer.kernel_size[0]


def blur_macs(layer: Blur, shape: tuple[int, ...]) -> int:
    """A convolution like any other, though nothing in it is learned."""
    return prod(shape) * 9


def free(layer: nn.Module, shape: tuple[int, ...]) -> int:
    """Biases, norms, activations, pools and adds count nothing."""
    return 0


def window_of(layer) -> tuple[int, int, int]:
    """Kernel, stride and padding; all our layers have the same for height and width."""
    sizes = (layer.kernel_size, layer.stride, layer.padding)
    return tuple(n[0] if isinstance(n, tuple) else n for n in sizes)


def point(layer) -> tuple[int, int, int]:
    return 1, 1, 0


def one_group(layer) -> int:
    return 1


def conv_groups(layer: nn.Conv2d) -> int:
    return layer.groups


def conv_detail(layer: nn.Conv2d) -> str:
    groups = f", {layer.groups} groups" if layer.groups > 1 else ""
    return strided(window_of(layer)) + groups


def strided(window: tuple[int, int, int]) -> str:
    kernel, stride, _ = window
    return f"{kernel}×{kernel}" + (f", stride {stride}" if stride != 1 else "")


def no_detail(layer) -> str:
    return ""


def nothing(layer, in_shape, shape) -> Kept:
    """Sums, means and constants: their derivatives need no value."""
    return NOTHING_KEPT


def its_inputs(layer, in_shape, shape) -> Kept:
    return Kept(inputs=True)


def its_output(layer, in_shape, shape) -> Kept:
    return Kept(output=True)


def batch_norm_keeps(layer, in_shape, shape) -> Kept:
    """x and, for each channel, the batch's mean and deviation."""
    return Kept(inputs=True, bytes_once=2 * 4 * shape[0])


def group_norm_keeps(layer, in_shape, shape) -> Kept:
    """x and, for each group of each example, mean and deviation."""
    return Kept(inputs=True, bytes=2 * 4 * layer.num_groups)


def max_pool_keeps(layer, in_shape, shape) -> Kept:
    """x and where each maximum was, as int64."""
    return Kept(inputs=True, bytes=8 * prod(shape))


def blur_keeps(layer, in_shape, shape) -> Kept:
    """x and the padded x."""
    channels, height, width = in_shape
    return Kept(inputs=True, values=channels * (height + 2) * (width + 2))


def mask_of_values(layer, in_shape, shape) -> Kept:
    """Dropout's factors. A GPU keeps one byte each instead."""
    return Kept(values=prod(shape))


def mask_of_examples(layer, in_shape, shape) -> Kept:
    return Kept(values=1)


@dataclass(frozen=True)
class Layer:
    """A row of LAYERS: how a layer is called and what it costs."""

    kind: str
    macs: Callable = free  # (layer, output shape of one example) -> MACs
    detail: Callable = no_detail  # (layer) -> its own settings in a few characters
    window: Callable = point  # (layer) -> kernel, stride, padding
    keeps_shape: bool = False  # then it need not run: torch's meta kernels take up to 2 ms
    keeps: Callable = nothing  # (layer, shape in, shape out) -> Kept, as autograd does
    groups: Callable = one_group  # (layer) -> groups of channels that it treats apart


AVERAGE = Layer(
    "pool",
    detail=lambda layer: "average " + strided(window_of(layer)),
    window=window_of,
    keeps=its_inputs,
)
#: Every layer that a net may have. MACs as torch.utils.flop_counter counts them (2 FLOPs each).
LAYERS = {
    nn.Conv2d: Layer(
        "conv", conv_macs, conv_detail, window_of, keeps=its_inputs, groups=conv_groups
    ),
    nn.Linear: Layer("linear", linear_macs, keeps=its_inputs),
    nn.BatchNorm2d: Layer(
        "norm", detail=lambda layer: "batch", keeps_shape=True, keeps=batch_norm_keeps
    ),
    GroupNorm: Layer(
        "norm",
        detail=lambda layer: f"group, {layer.num_groups} groups",
        keeps_shape=True,
        keeps=group_norm_keeps,
        groups=lambda layer: layer.num_groups,
    ),
    ScalarBias: Layer("bias", keeps_shape=True),
    ScalarScale: Layer("scale", detail=lambda layer: "s·x + b", keeps_shape=True, keeps=its_inputs),
    nn.ReLU: Layer("act", detail=lambda layer: "ReLU", keeps_shape=True, keeps=its_output),
    nn.SiLU: Layer("act", detail=lambda layer: "SiLU", keeps_shape=True, keeps=its_inputs),
    nn.GELU: Layer("act", detail=lambda layer: "GELU", keeps_shape=True, keeps=its_inputs),
    nn.Sigmoid: Layer("act", detail=lambda layer: "sigmoid", keeps_shape=True, keeps=its_output),
    nn.MaxPool2d: Layer(
        "pool",
        detail=lambda layer: "max " + strided(window_of(layer)),
        window=window_of,
        keeps=max_pool_keeps,
    ),
    AveragePool: AVERAGE,
    WholePool: AVERAGE,
    Blur: Layer(
        "pool",
        blur_macs,
        lambda layer: "blur " + strided((3, layer.stride, 1)),
        lambda layer: (3, layer.stride, 1),
        keeps=blur_keeps,
    ),
    nn.AdaptiveAvgPool2d: Layer("pool", detail=lambda layer: "global average"),
    nn.Flatten: Layer("flatten"),
    nn.Identity: Layer("identity", keeps_shape=True),
    ZeroPad: Layer(
        "zeropad",
        detail=lambda layer: f"stride {layer.stride}, +{layer.missing} zeros",
        window=lambda layer: (1, layer.stride, 0),
    ),
    ChannelConv: Layer(
        "conv",
        channel_conv_macs,
        lambda layer: f"{layer.kernel_size[0]} channels",
        keeps=its_inputs,
    ),
    Add: Layer("add", keeps_shape=True),
    Multiply: Layer("multiply", keeps_shape=True, keeps=its_inputs),
    OneMinus: Layer("scale", detail=lambda layer: "1 − g", keeps_shape=True),
    Scale: Layer("scale", detail=lambda layer: f"× {layer.factor:g}", keeps_shape=True),
    nn.Dropout: Layer(
        "drop", detail=lambda layer: f"dropout {layer.p:g}", keeps_shape=True, keeps=mask_of_values
    ),
    StochasticDepth: Layer(
        "drop", detail=lambda layer: "stochastic depth", keeps_shape=True, keeps=mask_of_examples
    ),
}
