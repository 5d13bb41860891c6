"""Parameters and MACs of the published families, by arithmetic alone and from their definitions.

Written without a look at resnet_core: what tests compare with, and the floor of bench/trace.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import log2


class Tally:
    """A map of so many channels and pixels, and what it took to get there."""

    def __init__(self, channels: int, height: int, width: int):
        self.channels, self.height, self.width = channels, height, width
        self.params = self.macs = 0

    def shrink(self, stride: int) -> None:
        self.height, self.width = -(-self.height // stride), -(-self.width // stride)

    def conv(self, kernel, out, stride=1, groups=1, norm="after", blur=None):
        """A bias-free convolution, its norm (2 numbers a channel), and what subsamples for it."""
        weights = kernel * kernel * self.channels // groups * out
        norms = {"before": self.channels, "after": out, "none": 0}[norm]
        if not blur:
            self.shrink(stride)
        self.macs += weights * self.height * self.width
        self.params += weights + 2 * norms
        self.channels = out
        if blur and stride > 1:
            self.pool(stride, blur)

    def pool(self, stride, blur=None):
        """A blur is a 3x3 convolution of each channel with nothing to learn."""
        self.shrink(stride)
        if blur == "blur":
            self.macs += 9 * self.channels * self.height * self.width

    def stem_pool(self, blur=None):
        """timm's averaged stem takes whole windows alone; every other pool rounds up."""
        if blur == "avg":
            self.height, self.width = self.height // 2 * 2, self.width // 2 * 2
        self.pool(2, blur)

    def squeeze(self):
        """SE: two linear layers with biases, to a sixteenth (in steps of 8) and back."""
        small = max(8, 8 * int((self.channels / 16 + 4) / 8))
        self.macs += 2 * small * self.channels
        self.params += 2 * small * self.channels + small + self.channels

    def neighbours(self):
        """ECA: one 1D convolution along the channels, its length the odd one near log2(C)/2."""
        length = int((log2(self.channels) + 1) / 2)
        length = max(3, length + 1 - length % 2)
        self.macs += length * self.channels
        self.params += length


def basic(t: Tally, width, stride, norm="after", blur=None):
    t.conv(3, width, stride, norm=norm, blur=blur)
    t.conv(3, width, norm=norm)


def bottleneck(t: Tally, width, stride, norm="after", blur=None, groups=1, base=64, first=False):
    inner = width * base * groups // 64
    t.conv(1, inner, stride if first else 1, norm=norm)
    t.conv(3, inner, 1 if first else stride, groups, norm=norm, blur=blur)
    t.conv(1, 4 * width, norm=norm)


def projection(t: Tally, out, stride, norm, always=False):
    """B, or C if `always`. D costs the same: it pools to the size that the stride would leave."""
    if always or stride > 1 or out != t.channels:
        t.conv(1, out, stride, norm=norm)


def padding(t: Tally, out, stride, norm):
    """A: nothing to learn or to multiply."""


def gate(t: Tally, out, stride, norm):
    """A, and a 1x1 convolution with a bias that weighs it."""
    t.conv(1, out, stride, norm="none")
    t.params += out


def seven(t: Tally, norm, blur):
    t.conv(7, 64, 2, norm=norm)
    t.stem_pool(blur)


def three(t: Tally, norm, blur, widths=(32, 32)):
    t.conv(3, widths[0], 2)
    t.conv(3, widths[1])
    t.conv(3, 64, norm=norm)
    t.stem_pool(blur)


def small(t: Tally, norm, blur):
    t.conv(3, 16, norm=norm)


def count(
    shape: tuple[int, int, int],
    classes: int,
    *,
    blocks: tuple[int, ...],
    F: Callable = basic,
    skip: Callable = projection,
    stem: Callable = seven,
    widths: tuple[int, ...] = (64, 128, 256, 512),
    preact: bool = False,
    attention: Callable | None = None,
    blur: str | None = None,
) -> tuple[int, int]:
    """(parameters, MACs of one example). Pre-activation norms stand before the convolutions."""
    t = Tally(*shape)
    stem(t, "none" if preact else "after", blur)
    norm = "before" if preact else "after"
    for stage, (number, width) in enumerate(zip(blocks, widths)):
        for block in range(number):
            stride = 2 if stage and not block else 1
            arm = Tally(t.channels, t.height, t.width)
            F(t, width, stride, norm=norm, blur=blur)
            if attention:
                attention(t)
            skip(arm, t.channels, stride, "none" if preact else "after")
            t.params, t.macs = t.params + arm.params, t.macs + arm.macs
    if preact:
        t.params += 2 * t.channels
    return t.params + (t.channels + 1) * classes, t.macs + t.channels * classes


def of_cifar(blocks_of_a_stage: int, F=basic, skip=padding, factor=1, **more) -> Callable:
    """The three stages of 16, 32, 64 (times `factor`) channels. He et al. 2015, sec. 4.2."""
    widths = tuple(factor * width for width in (16, 32, 64))
    blocks = (blocks_of_a_stage,) * 3
    return partial(count, blocks=blocks, F=F, skip=skip, stem=small, widths=widths, **more)


def of_imagenet(depth: int, **more) -> Callable:
    """He et al. 2015, table 1. `more` may give F other arguments: groups, base, first."""
    blocks = {
        10: (1, 1, 1, 1),
        14: (1, 1, 1, 1),
        18: (2, 2, 2, 2),
        26: (2, 2, 2, 2),
        34: (3, 4, 6, 3),
        50: (3, 4, 6, 3),
        101: (3, 4, 23, 3),
        152: (3, 8, 36, 3),
        200: (3, 24, 36, 3),
    }[depth]
    of_F = {name: more.pop(name) for name in ("groups", "base", "first") if name in more}
    F = basic if depth in (10, 18, 34) else partial(bottleneck, **of_F)
    return partial(count, blocks=blocks, F=F, **more)
