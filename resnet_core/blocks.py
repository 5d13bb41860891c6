"""Residual blocks. BLOCKS says which convolutions F has, ORDERS where norms and activations stand.

To add a block: a function that lists its convolutions, and a row in BLOCKS. To add an order: a
class with the same arguments, and a row in ORDERS.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from torch import nn

from .layers import Add, StochasticDepth, conv
from .shortcuts import ALWAYS, NEVER, SHORTCUTS, has_projection, projection_where_needed
from .spec import BlockSpec


class Conv(NamedTuple):
    """One convolution of F."""

    kernel: int
    channels: int  # that it puts out
    stride: int = 1
    groups: int = 1


def basic(width, stride):
    """3x3 (strided), 3x3. He et al. 2015, fig. 5 left."""
    return Conv(3, width, stride), Conv(3, width)


def bottleneck(width, stride, cardinality=1, base_width=64):
    """1x1 reduce, 3x3 (strided, grouped), 1x1 expand to 4 x width. He et al. 2015, fig. 5 right.

    The stride is on the 3x3, as in fb.resnet.torch. With a cardinality or another base width the
    3x3 has width x base_width / 64 x cardinality channels: Xie et al. 2017, table 1.
    """
    inner = width * base_width // 64 * cardinality
    return Conv(1, inner), Conv(3, inner, stride, cardinality), Conv(1, 4 * width)


def bottleneck_2015(width, stride, cardinality=1, base_width=64):
    """The bottleneck with its stride on the first 1x1, as He et al. 2015 built it."""
    inner = width * base_width // 64 * cardinality
    return Conv(1, inner, stride), Conv(3, inner, 1, cardinality), Conv(1, 4 * width)


def composed(layers, stride):
    """Convolutions of any (kernel, channels); the first that sees its neighbours is strided."""
    kernels = [kernel for kernel, _ in layers]
    strided = next((i for i, kernel in enumerate(kernels) if kernel > 1), 0)
    return tuple(Conv(k, c, stride if i == strided else 1) for i, (k, c) in enumerate(layers))


def residual_path(in_channels, convs, kit, last_norm=True):
    """F: `convs` with norm and activation between them; at its end the norm, if `last_norm`."""
    path = OrderedDict()
    for number, (kernel, channels, stride, groups) in enumerate(convs, start=1):
        is_last = number == len(convs)
        if kit.before:
            path[f"bias{number}"] = kit.before()
        own_stride = 1 if kit.pool else stride
        path[f"conv{number}"] = conv(in_channels, channels, kernel, own_stride, groups)
        if not is_last:
            path[f"norm{number}"] = kit.norm(channels)
            path[f"act{number}"] = kit.act()
        elif last_norm:
            path[f"norm{number}"] = (kit.last_norm or kit.norm)(channels)
        if kit.pool and stride > 1:
            path["pool"] = kit.pool(channels, stride)
        in_channels = channels
    if kit.attention:
        path["attention"] = kit.attention(in_channels)
    if kit.drop:
        path["drop"] = StochasticDepth(kit.drop)
    return nn.Sequential(path)


class Block(nn.Module):
    """What all orders share: F in `residual`, x's own way in `shortcut`, both joined by `add`."""

    def __init__(self, residual, shortcut, add):
        super().__init__()
        self.residual = residual
        self.shortcut = shortcut  # None in a plain net
        self.add = add

    def join(self, out, x):  # F(x) and x -> their sum
        if self.shortcut is None:
            return out
        if isinstance(self.add, Add):
            return self.add(out, self.shortcut(x))
        return self.add(out, self.shortcut(x), x)  # gates look at x


class PostActivation(Block):
    """act(F(x) + shortcut(x)), F = conv, norm, act, ..., conv, norm. He et al. 2016, fig. 4 (a)."""

    def __init__(self, in_channels, convs, shortcut, add, kit):
        super().__init__(residual_path(in_channels, convs, kit), shortcut, add)
        self.act = kit.act()

    def forward(self, x):  # [B, in, H, W] -> [B, out, H/stride, W/stride]
        return self.act(self.join(self.residual(x), x))


class NormAfterAdd(Block):
    """act(norm(F(x) + shortcut(x))), F ends in its last conv. He et al. 2016, fig. 4 (b)."""

    def __init__(self, in_channels, convs, shortcut, add, kit):
        super().__init__(residual_path(in_channels, convs, kit, last_norm=False), shortcut, add)
        self.norm = kit.norm(convs[-1].channels)
        self.act = kit.act()

    def forward(self, x):  # [B, in, H, W] -> [B, out, H/stride, W/stride]
        return self.act(self.norm(self.join(self.residual(x), x)))


class ActBeforeAdd(Block):
    """act(F(x)) + shortcut(x): the sum can only grow. He et al. 2016, fig. 4 (c)."""

    def __init__(self, in_channels, convs, shortcut, add, kit):
        super().__init__(residual_path(in_channels, convs, kit), shortcut, add)
        self.residual.add_module("act", kit.act())

    def forward(self, x):  # [B, in, H, W] -> [B, out, H/stride, W/stride]
        return self.join(self.residual(x), x)


class ActFirst(Block):
    """F(act(x)) + shortcut(x), F ends in a norm. He et al. 2016, fig. 4 (d)."""

    def __init__(self, in_channels, convs, shortcut, add, kit):
        super().__init__(residual_path(in_channels, convs, kit), shortcut, add)
        self.act = kit.act()

    def forward(self, x):  # [B, in, H, W] -> [B, out, H/stride, W/stride]
        return self.join(self.residual(self.act(x)), x)


class PreActivation(Block):
    """F(x) + shortcut(x), F = norm, act, conv, ..., norm, act, conv. He et al. 2016, fig. 4 (e).

    A projection takes the normed and activated x and has no norm of its own, as in the authors'
    code; an identity takes x itself. In the net's first block, too: the paper activates before
    that one splits, which changes no count where it projects.
    """

    def __init__(self, in_channels, convs, shortcut, add, kit):
        super().__init__(residual_path(in_channels, convs, kit, last_norm=False), shortcut, add)
        self.norm = kit.norm(in_channels)
        self.act = kit.act()
        self.projects = has_projection(shortcut)

    def forward(self, x):  # [B, in, H, W] -> [B, out, H/stride, W/stride]
        ready = self.act(self.norm(x))
        return self.join(self.residual(ready), ready if self.projects else x)


class EveryLayer(Block):
    """A shortcut around every single convolution: act(conv_i(x) + shortcut_i(x)), layer by layer.

    The answer to "why not skip each layer?": where channels change, each needs a projection.
    """

    def __init__(self, in_channels, convs, kit):
        super().__init__(residual_path(in_channels, convs, kit), nn.Sequential(), None)
        self.names = []  # of F's modules, layer by layer
        self.pooled = [number for number, c in enumerate(convs, 1) if c.stride > 1 and kit.pool]
        for number, (_, channels, stride, _) in enumerate(convs, start=1):
            ends = ("attention", "drop") if number == len(convs) else ()
            parts = [f"bias{number}", f"conv{number}", f"norm{number}", *ends]
            self.names.append([name for name in parts if hasattr(self.residual, name)])
            own_stride = 1 if kit.pool else stride
            skip = projection_where_needed(in_channels, channels, own_stride, kit.norm)
            self.shortcut.add_module(f"layer{number}", skip)
            self.add_module(f"add{number}", Add())
            in_channels = channels
        self.act = kit.act()

    def forward(self, x):  # [B, in, H, W] -> [B, out, H/stride, W/stride]
        for number, names in enumerate(self.names, start=1):
            out = x
            for name in names:
                out = getattr(self.residual, name)(out)
            out = getattr(self, f"add{number}")(out, getattr(self.shortcut, f"layer{number}")(x))
            is_last = number == len(self.names)
            x = self.act(out) if is_last else getattr(self.residual, f"act{number}")(out)
            if number in self.pooled:
                x = self.residual.pool(x)
        return x


def formula(block: BlockSpec) -> str:
    """ "y = act(F(x) + x)": the block's order, and its shortcut's own sum."""
    order, shortcut = ORDERS[block.order], SHORTCUTS[block.shortcut]
    outer, residual = order.formula
    keeps = block.in_channels == block.out_channels and block.stride == 1
    taken = "x" if order.projection_norm or shortcut.projects == NEVER else "act(norm(x))"
    x = "x" if keeps and shortcut.projects != ALWAYS else f"shortcut({taken})"
    y = outer.format(shortcut.sum.format(F=residual, x=x, g="g(x)"))
    return f"y = {y}" if not shortcut.every_layer else f"y = {y} around each layer of F"


@dataclass(frozen=True)
class BlockKind:
    """A row of BLOCKS."""

    title: str
    what: str  # one sentence for menus and help
    convs: Callable  # see the functions above
    expansion: int = 1  # the stage puts out width x expansion channels
    has_groups: bool = False  # whether cardinality and base width mean anything


@dataclass(frozen=True)
class Order:
    """A row of ORDERS: where norm and activation stand (He et al. 2016, fig. 4)."""

    title: str
    what: str
    formula: tuple[str, str]  # y, with {} for the sum; and what F stands as in the sum
    make: Callable  # (in_channels, convs, shortcut, add, kit) -> module
    stem_norm: bool = True  # whether the stem ends in a norm ...
    stem_act: bool = True  # ... and in an activation
    head_norm: bool = False  # whether the head begins with a norm ...
    head_act: bool = False  # ... and with an activation
    projection_norm: bool = True  # whether a projection has its own norm


BLOCKS = {
    "basic": BlockKind("basic", "Two 3×3 convolutions. He et al. 2015, fig. 5.", basic),
    "bottleneck": BlockKind(
        "bottleneck",
        "1×1, 3×3 (strided), 1×1 to 4 × width. He et al. 2015, fig. 5.",
        bottleneck,
        expansion=4,
        has_groups=True,
    ),
    "bottleneck-2015": BlockKind(
        "bottleneck, stride first",
        "The stride on the first 1×1, as He et al. 2015 built it.",
        bottleneck_2015,
        expansion=4,
        has_groups=True,
    ),
    "composed": BlockKind(
        "own F", "1 to 4 convolutions of your own kernel size and width.", composed
    ),
}
ORDERS = {
    "original": Order(
        "original", "conv, norm, act, conv, norm; act after the addition.",
        ("act({})", "F(x)"), PostActivation,
    ),
    "norm-after-add": Order(
        "norm after +", "The norm stands in the way of the shortcut.",
        ("act(norm({}))", "F(x)"), NormAfterAdd,
    ),
    "act-before-add": Order(
        "act before +", "F can only add: the signal grows with depth.",
        ("{}", "act(F(x))"), ActBeforeAdd,
    ),
    "act-first": Order(
        "act first", "Activation first, norms behind the convolutions.",
        ("{}", "F(act(x))"), ActFirst, stem_act=False, head_act=True,
    ),
    "preact": Order(
        "pre-activation", "norm and act before each convolution; nothing after the addition.",
        ("{}", "F(act(norm(x)))"), PreActivation, stem_norm=False, stem_act=False, head_norm=True,
        head_act=True, projection_norm=False,
    ),
}  # fmt: skip
