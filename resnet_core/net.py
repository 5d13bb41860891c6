"""Spec -> module: the net that is trained, counted, drawn and exported."""

from __future__ import annotations

from collections import OrderedDict
from itertools import groupby

from torch import nn

from .blocks import ORDERS, EveryLayer
from .inits import INITS
from .layers import ACTIVATIONS, ANTIALIAS, ATTENTIONS, NORMS, Kit, NoNorm
from .resolve import blocks_of
from .shortcuts import SHORTCUTS
from .spec import BlockSpec, HeadSpec, NetSpec, StemSpec
from .stems import POOLS, STEMS, Stem


class Head(nn.Sequential):
    """Global average pool, one linear layer; in pre-activation nets norm and activation first."""

    def __init__(self, channels, num_classes, norm=None, act=None, before=None):
        super().__init__()
        if norm:
            self.norm = norm(channels)
        if act:
            self.act = act()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        if before:
            self.bias = before()
        self.fc = nn.Linear(channels, num_classes)


class ResNet(nn.Sequential):
    """stem -> stage1 -> stage2 -> ... -> head."""

    def __init__(self, stem, stages, head):
        parts = {f"stage{number}": stage for number, stage in enumerate(stages, start=1)}
        super().__init__(OrderedDict(stem=stem, **parts, head=head))


def build(net: NetSpec) -> ResNet:
    """The module that is trained, counted, drawn and exported. Weights by torch's global RNG."""
    module = assemble(net)
    init = INITS[net.init]
    init.draw(module)
    init.finish(module)
    return module


def drawn(net: NetSpec) -> ResNet:
    """`build` before what exists only because of shortcuts: the weights that twins share."""
    module = assemble(net)
    INITS[net.init].draw(module)
    return module


def assemble(net: NetSpec) -> ResNet:
    """The module with the weights that its layers' own constructors set."""
    by_stage = groupby(blocks_of(net), key=lambda block: block.path.split(".")[0])
    stem = build_stem(stem_of(net))  # first: random numbers are drawn from input to output
    stages = [nn.Sequential(*map(build_block, stage)) for _, stage in by_stage]
    return ResNet(stem, stages, build_head(head_of(net)))


def stem_of(net: NetSpec) -> StemSpec:
    return StemSpec(
        net.input_shape[0],
        net.stem,
        net.stem_pool,
        net.stem_width,
        net.order,
        net.norm,
        net.activation,
        net.antialias,
    )


def head_of(net: NetSpec) -> HeadSpec:
    channels = blocks_of(net)[-1].out_channels
    return HeadSpec(channels, net.num_classes, net.order, net.norm, net.activation)


def build_stem(s: StemSpec) -> nn.Module:
    norm, act, order = NORMS[s.norm].make, ACTIVATIONS[s.activation].make, ORDERS[s.order]
    convs = STEMS[s.stem].convs(s.width)
    stem = Stem(s.in_channels, convs, norm, act, order.stem_norm, order.stem_act)
    for name, make, stride in POOLS[s.pool].layers[s.antialias]:
        stem.add_module(name, make(s.width, stride))
    return stem


def build_block(b: BlockSpec) -> nn.Module:
    row, order, kit = SHORTCUTS[b.shortcut], ORDERS[b.order], kit_of(b)
    if row.every_layer:
        return EveryLayer(b.in_channels, b.convs, kit)
    arms = b.in_channels, b.out_channels, b.stride
    shortcut = row.make(*arms, kit.norm if order.projection_norm else NoNorm)
    add = row.join(*arms) if shortcut is not None else None
    return order.make(b.in_channels, b.convs, shortcut, add, kit)


def kit_of(b: BlockSpec) -> Kit:
    norm = NORMS[b.norm]
    return Kit(
        norm=norm.make,
        act=ACTIVATIONS[b.activation].make,
        before=norm.before,
        last_norm=norm.last,
        pool=ANTIALIAS[b.antialias].make,
        attention=ATTENTIONS[b.attention].make,
        drop=b.drop_rate if b.has_drop else 0,
    )


def build_head(h: HeadSpec) -> nn.Module:
    order, norm, act = ORDERS[h.order], NORMS[h.norm], ACTIVATIONS[h.activation]
    return Head(
        h.in_channels,
        h.num_classes,
        norm.make if order.head_norm else None,
        act.make if order.head_act else None,
        norm.before,
    )
