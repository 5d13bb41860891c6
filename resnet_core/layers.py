"""The layers that blocks, shortcuts, stems and heads are made of, and the menus to choose them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd, log2

import torch
from torch import nn
from torch.nn import functional as F


def conv(in_channels, out_channels, kernel, stride=1, groups=1):
    """Bias-free conv with 'same' padding: H and W become ceil(H / stride), ceil(W / stride).

    No bias, with or without a norm: so that counts and the gradient identities hold for both.
    """
    return nn.Conv2d(
        in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False
    )


class NoNorm(nn.Identity):
    """Stands where a norm layer would: the net without normalisation keeps its module paths."""

    def __init__(self, channels):
        super().__init__()


class GroupNorm(nn.GroupNorm):
    """32 groups, or as many as divide the channels evenly. Wu and He 2018, sec. 4.1."""

    def __init__(self, channels):
        super().__init__(gcd(32, channels), channels)


class ScalarBias(nn.Module):
    """x + b with one number b, which starts at 0: stands in for a norm in Fixup nets.

    Zhang et al. 2019, sec. 3: a bias before each convolution and before each activation.
    """

    def __init__(self, channels=None):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):  # keeps the shape
        return x + self.bias


class ScalarScale(nn.Module):
    """s x + b with two numbers, which start at 1 and 0: the end of F in Fixup nets."""

    def __init__(self, channels=None):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):  # keeps the shape
        return x * self.weight + self.bias


class Add(nn.Module):
    """The (+) of a residual block, as a module: so that it has a name."""

    def forward(self, out, skip):  # [B, C, H, W] twice -> the same
        return out + skip


class Multiply(nn.Module):
    """x weighted by a gate of the same shape, or of [B, C, 1, 1]."""

    def forward(self, x, gate):  # [B, C, H, W], gate -> [B, C, H, W]
        return x * gate


class OneMinus(nn.Module):
    """1 - g: what a gate leaves for the other arm."""

    def forward(self, gate):  # keeps the shape
        return 1 - gate


class Scale(nn.Module):
    """x times a constant. He et al. 2016, fig. 2 (b)."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):  # keeps the shape
        return x * self.factor


class StochasticDepth(nn.Module):
    """In training, drops F of an example with a chance, and scales up what is kept.

    Huang et al. 2016, sec. 3; per example, and scaled in training instead of in testing.
    """

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x):  # keeps the shape
        if not self.training:
            return x
        kept = torch.rand(x.shape[0], 1, 1, 1, device=x.device) >= self.rate
        return x * (kept / (1 - self.rate)).to(x.dtype)


class SqueezeExcitation(nn.Module):
    """Weighs each channel by what the whole map shows. Hu et al. 2018, sec. 3; reduction 16.

    The reduced channels are a multiple of 8, as everybody's weights have them.
    """

    def __init__(self, channels, reduction=16):
        super().__init__()
        reduced = max(8, (channels // reduction + 4) // 8 * 8)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, reduced, 1)
        self.act = nn.ReLU()
        self.expand = nn.Conv2d(reduced, channels, 1)
        self.sigmoid = nn.Sigmoid()
        self.weigh = Multiply()

    def forward(self, x):  # [B, C, H, W] -> the same
        gate = self.expand(self.act(self.reduce(self.pool(x))))
        return self.weigh(x, self.sigmoid(gate))


class ChannelConv(nn.Conv1d):
    """A 1D convolution along the channels of a [B, C, 1, 1] map."""

    def __init__(self, kernel):
        super().__init__(1, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x):  # [B, C, 1, 1] -> the same
        return super().forward(x.flatten(2).transpose(1, 2)).transpose(1, 2).unsqueeze(3)


class EfficientChannelAttention(nn.Module):
    """Weighs each channel by its neighbours' means. Wang et al. 2020, sec. 3.2.3, eq. 12."""

    def __init__(self, channels):
        super().__init__()
        nearest = int(abs(log2(channels) + 1) / 2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv = ChannelConv(max(nearest | 1, 3))  # odd
        self.sigmoid = nn.Sigmoid()
        self.weigh = Multiply()

    def forward(self, x):  # [B, C, H, W] -> the same
        return self.weigh(x, self.sigmoid(self.conv(self.pool(x))))


class AveragePool(nn.AvgPool2d):
    """Means of stride x stride pixels; the last window takes what an odd size leaves for it."""

    def __init__(self, channels, stride):
        super().__init__(stride, stride, ceil_mode=True, count_include_pad=False)


class WholePool(nn.AvgPool2d):
    """Means of whole windows alone: the row that an odd size leaves over is not seen.

    Stands for the stem's max-pool in averaged nets, as in Wightman's timm (resnetaa50).
    """

    def __init__(self, channels, stride):
        super().__init__(stride)


class Blur(nn.Module):
    """Strided [1 2 1] x [1 2 1] / 16 of each channel, mirrored border. Zhang 2019, sec. 3."""

    def __init__(self, channels, stride):
        super().__init__()
        self.channels, self.stride = channels, stride
        row = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("kernel", (row[:, None] * row).repeat(channels, 1, 1, 1), False)

    def forward(self, x):  # [B, C, H, W] -> [B, C, H/stride, W/stride]
        x = F.pad(x, (1, 1, 1, 1), mode="reflect")
        return F.conv2d(x, self.kernel, stride=self.stride, groups=self.channels)


@dataclass(frozen=True)
class Kit:
    """What a net's blocks, shortcuts and stem are made of, beside convolutions."""

    norm: Callable = nn.BatchNorm2d  # (channels) -> the module after a conv
    act: Callable = nn.ReLU  # () -> the module between two convs
    before: Callable | None = None  # () -> a module before each conv
    last_norm: Callable | None = None  # (channels) -> the norm at the end of F, if it is another
    pool: Callable | None = None  # (channels, stride) -> what subsamples; None: the conv strides
    attention: Callable | None = None  # (channels) -> module at the end of F
    drop: float = 0  # chance that F is dropped


@dataclass(frozen=True)
class Norm:
    """A row of NORMS."""

    title: str
    what: str  # one sentence for menus and help
    make: Callable  # (channels) -> the module after each conv
    before: Callable | None = None  # see Kit
    last: Callable | None = None


@dataclass(frozen=True)
class Activation:
    """A row of ACTIVATIONS."""

    title: str
    what: str
    make: Callable  # () -> module


@dataclass(frozen=True)
class Attention:
    """A row of ATTENTIONS."""

    title: str
    what: str
    make: Callable | None  # (channels) -> module at the end of F


@dataclass(frozen=True)
class AntiAlias:
    """A row of ANTIALIAS: what subsamples in F instead of the conv's stride."""

    title: str
    what: str
    make: Callable | None  # (channels, stride) -> module


NORMS = {
    "batch": Norm("batch", "Ioffe and Szegedy 2015.", nn.BatchNorm2d),
    "group": Norm("group", "32 groups of channels, no batch. Wu and He 2018.", GroupNorm),
    "none": Norm("none", "No normalisation at all.", NoNorm),
    "fixup": Norm(
        "Fixup scalars",
        "Single numbers instead of a norm; belongs with Fixup's init. Zhang et al. 2019.",
        ScalarBias,
        before=ScalarBias,
        last=ScalarScale,
    ),
}
ACTIVATIONS = {
    "relu": Activation("ReLU", "max(0, x). Nair and Hinton 2010.", nn.ReLU),
    "silu": Activation("SiLU", "x · sigmoid(x). Elfwing et al. 2017.", nn.SiLU),
    "gelu": Activation("GELU", "x times its normal quantile. Hendrycks and Gimpel 2016.", nn.GELU),
}
ATTENTIONS = {
    "none": Attention("none", "Channels keep their weight.", None),
    "se": Attention(
        "SE", "Squeeze and excitation, reduction 16. Hu et al. 2018.", SqueezeExcitation
    ),
    "eca": Attention(
        "ECA", "A 1D convolution over channel means. Wang et al. 2020.", EfficientChannelAttention
    ),
}
ANTIALIAS = {
    "none": AntiAlias("strided", "The convolution strides, as in He et al. 2015.", None),
    "avg": AntiAlias("average", "Convolve at full size, then average.", AveragePool),
    "blur": AntiAlias("blur", "Convolve at full size, then blur and subsample. Zhang 2019.", Blur),
}
