"""How x is brought to the shape of F(x), and how the two are joined (He et al. 2015, sec. 3.3).

To add one: write a module or a `make` function here, and a row in SHORTCUTS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn
from torch.nn import functional as F

from .layers import Add, AveragePool, Multiply, OneMinus, Scale, conv


class ZeroPad(nn.Module):
    """Option A: subsample H and W, fill the missing channels with zeros. No parameters."""

    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        self.stride, self.missing = stride, out_channels - in_channels

    def forward(self, x):  # [B, in, H, W] -> [B, out, H/stride, W/stride]
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.missing))


class Projection(nn.Sequential):
    """Options B and C: strided 1x1 conv and norm."""

    def __init__(self, in_channels, out_channels, stride, norm=nn.BatchNorm2d):
        super().__init__()
        self.conv = conv(in_channels, out_channels, 1, stride)
        self.norm = norm(out_channels)


class PooledProjection(nn.Sequential):
    """Option D: average pool, then 1x1 conv and norm, so that no pixel is skipped.

    He et al. 2019 (bag of tricks), fig. 2 (c).
    """

    def __init__(self, in_channels, out_channels, stride, norm=nn.BatchNorm2d):
        super().__init__()
        if stride > 1:
            self.pool = AveragePool(in_channels, stride)
        self.conv = conv(in_channels, out_channels, 1)
        self.norm = norm(out_channels)


class DropoutShortcut(nn.Sequential):
    """Half of x is dropped in training. He et al. 2016, fig. 2 (f)."""

    def __init__(self, in_channels, out_channels, stride, norm=None):
        super().__init__()
        self.skip = zero_pad_where_needed(in_channels, out_channels, stride, norm)
        self.drop = nn.Dropout(0.5)


class ScaledAdd(nn.Module):
    """F(x) / 2 + x / 2. He et al. 2016, fig. 2 (b), table 1: constant scaling."""

    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        self.scale_F = Scale(0.5)
        self.scale_x = Scale(0.5)
        self.sum = Add()

    def forward(self, out, skip, x):  # [B, out, H', W'] twice, x -> [B, out, H', W']
        return self.sum(self.scale_F(out), self.scale_x(skip))


class ShortcutGate(nn.Module):
    """F(x) + (1 - g(x)) x with g(x) = sigmoid(Wx + b). He et al. 2016, fig. 2 (d).

    b starts at -6, the best of table 1: the shortcut is open, 1 - g = 0.998.
    """

    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        self.gate = gate_conv(in_channels, out_channels, stride)
        self.sigmoid = nn.Sigmoid()
        self.one_minus = OneMinus()
        self.weigh_x = Multiply()
        self.sum = Add()

    def forward(self, out, skip, x):  # [B, out, H', W'] twice, x -> [B, out, H', W']
        gate = self.sigmoid(self.gate(x))
        return self.sum(out, self.weigh_x(skip, self.one_minus(gate)))


class ExclusiveGate(nn.Module):
    """g(x) F(x) + (1 - g(x)) x, as in highway nets. He et al. 2016, fig. 2 (c)."""

    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        self.gate = gate_conv(in_channels, out_channels, stride)
        self.sigmoid = nn.Sigmoid()
        self.weigh_F = Multiply()
        self.one_minus = OneMinus()
        self.weigh_x = Multiply()
        self.sum = Add()

    def forward(self, out, skip, x):  # [B, out, H', W'] twice, x -> [B, out, H', W']
        gate = self.sigmoid(self.gate(x))
        out = self.weigh_F(out, gate)
        return self.sum(out, self.weigh_x(skip, self.one_minus(gate)))


def gate_conv(in_channels, out_channels, stride):
    """1x1 conv with a bias of its own: a gate needs to start open or closed."""
    gate = nn.Conv2d(in_channels, out_channels, 1, stride)
    nn.init.constant_(gate.bias, -6)
    return gate


def no_shortcut(in_channels, out_channels, stride, norm):
    return None


def identity(in_channels, out_channels, stride, norm):
    return nn.Identity()


def zero_pad_where_needed(in_channels, out_channels, stride, norm):
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    return ZeroPad(in_channels, out_channels, stride)


def projection_where_needed(in_channels, out_channels, stride, norm):
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    return Projection(in_channels, out_channels, stride, norm)


def pooled_projection_where_needed(in_channels, out_channels, stride, norm):
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    return PooledProjection(in_channels, out_channels, stride, norm)


def has_projection(shortcut):
    """Whether a shortcut (a module or None) convolves: pre-activation nets feed it otherwise."""
    return isinstance(shortcut, (Projection, PooledProjection))


def plain_add(in_channels, out_channels, stride):
    return Add()


#: what x itself may become on its way to the (+); see resolve.check_arms
KEEPS, WIDENS, ANY = "keeps its shape", "is subsampled and zero-padded", "takes any shape"

NEVER, NEEDED, ALWAYS = "never", "where the shape changes", "in every block"


@dataclass(frozen=True)
class Shortcut:
    """A row of SHORTCUTS."""

    title: str
    what: str  # one sentence for menus and help
    make: Callable  # (in_channels, out_channels, stride, norm) -> module; None in a plain net
    join: Callable = plain_add  # (in_channels, out_channels, stride) -> module, see Block.join
    reach: str = ANY
    every_layer: bool = False  # around each conv of F instead of around F
    sum: str = "{F} + {x}"  # what the (+) puts out; {g} is its gate
    projects: str = NEVER  # when a convolution stands on the way of x
    averages: bool = False  # the weights of F(x) and x in their sum are 1 together


SHORTCUTS = {
    "none": Shortcut("none (plain)", "No shortcut: y = F(x).", no_shortcut, sum="{F}"),
    "identity": Shortcut(
        "identity only", "x as it is, whatever the shape of F(x).", identity, reach=KEEPS
    ),
    "A": Shortcut(
        "A: identity",
        "Identity; subsampled and zero-padded where the shape changes. No parameters.",
        zero_pad_where_needed,
        reach=WIDENS,
    ),
    "B": Shortcut(
        "B: projection",
        "Identity; a strided 1×1 convolution where the shape changes.",
        projection_where_needed,
        projects=NEEDED,
    ),
    "C": Shortcut(
        "C: all projected",
        "A 1×1 convolution in every block (He et al. 2016, fig. 2 (e)).",
        Projection,
        projects=ALWAYS,
    ),
    "D": Shortcut(
        "D: pooled projection",
        "Identity; average pool and 1×1 convolution where the shape changes.",
        pooled_projection_where_needed,
        projects=NEEDED,
    ),
    "scaled": Shortcut(
        "constant scaling",
        "Both arms are halved; A where the shape changes (He et al. 2016, table 1).",
        zero_pad_where_needed,
        ScaledAdd,
        WIDENS,
        sum="{F} / 2 + {x} / 2",
        averages=True,
    ),
    "gated": Shortcut(
        "exclusive gating",
        "A gate, the sigmoid of a 1×1 convolution of x, weighs F(x) against x "
        "(He et al. 2016, table 1).",
        zero_pad_where_needed,
        ExclusiveGate,
        WIDENS,
        sum="{g}·{F} + (1−{g})·{x}",
        averages=True,
    ),
    "gated-x": Shortcut(
        "shortcut-only gating",
        "The same gate weighs x alone (He et al. 2016, table 1).",
        zero_pad_where_needed,
        ShortcutGate,
        WIDENS,
        sum="{F} + (1−{g})·{x}",
    ),
    "dropout": Shortcut(
        "dropout shortcut",
        "Half of x is dropped in training; A where the shape changes (He et al. 2016, table 1).",
        DropoutShortcut,
        reach=WIDENS,
        sum="{F} + dropout({x})",
    ),
    "layer": Shortcut(
        "around every layer",
        "Each convolution of F has its own shortcut, projected where the shape changes.",
        projection_where_needed,
        every_layer=True,
    ),
}
