"""How x is brought to the shape of F(x) before the addition (He et al. 2015, sec. 3.3).

To add one: write a module or a `make` function here, and a row in SHORTCUTS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn
from torch.nn import functional as F

from .layers import conv
from .spec import SpecError


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


def no_shortcut(in_channels, out_channels, stride, norm):
    return None


def zero_pad_where_needed(in_channels, out_channels, stride, norm):
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    return ZeroPad(in_channels, out_channels, stride)


def projection_where_needed(in_channels, out_channels, stride, norm):
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    return Projection(in_channels, out_channels, stride, norm)


def only_widens(in_channels, out_channels):
    """Zeros can be added, not taken away: F.pad would crop without a word."""
    if out_channels < in_channels:
        raise SpecError(
            "shortcut",
            f"zero-padding (A) can only add channels, not go from {in_channels} to {out_channels}",
            f"Use shortcut B, or a width that puts out at least {in_channels} channels",
        )


def any_channels(in_channels, out_channels):
    """A projection reaches every shape, and no shortcut needs none."""


@dataclass(frozen=True)
class Shortcut:
    """A row of SHORTCUTS."""

    title: str
    what: str  # one sentence for menus and help
    make: Callable  # (in_channels, out_channels, stride, norm) -> module; None in a plain net
    check: Callable = any_channels  # (in_channels, out_channels): SpecError if it cannot be built


SHORTCUTS = {
    "none": Shortcut("none (plain)", "No shortcut: y = relu(F(x)).", no_shortcut),
    "A": Shortcut(
        "A: identity",
        "Identity; subsampled and zero-padded where the shape changes. No parameters.",
        zero_pad_where_needed,
        only_widens,
    ),
    "B": Shortcut(
        "B: projection",
        "Identity; a strided 1×1 convolution where the shape changes.",
        projection_where_needed,
    ),
    "C": Shortcut("C: all projected", "A 1×1 convolution in every block.", Projection),
}
