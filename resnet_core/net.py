"""Spec -> module: stems, head, init, and the one place where channels are counted along a net."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from torch import nn

from .blocks import BLOCKS
from .layers import NORMS, conv
from .shortcuts import SHORTCUTS
from .spec import BlockSpec, NetSpec, SpecError


class CifarStem(nn.Sequential):
    """3x3 conv at full resolution. He et al. 2015, sec. 4.2."""

    def __init__(self, in_channels, width, norm=nn.BatchNorm2d):
        super().__init__()
        self.conv = conv(in_channels, width, 3)
        self.norm = norm(width)
        self.relu = nn.ReLU()


class ImageNetStem(nn.Sequential):
    """7x7 conv and 3x3 max-pool, both stride 2: 224 -> 112 -> 56. He et al. 2015, table 1."""

    def __init__(self, in_channels, width, norm=nn.BatchNorm2d):
        super().__init__()
        self.conv = conv(in_channels, width, 7, 2)
        self.norm = norm(width)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(3, 2, 1)


class Head(nn.Sequential):
    """Global average pool, one linear layer."""

    def __init__(self, channels, num_classes):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(channels, num_classes)


class ResNet(nn.Sequential):
    """stem -> stage1 -> stage2 -> ... -> head."""

    def __init__(self, stem, stages, head):
        parts = {f"stage{number}": stage for number, stage in enumerate(stages, start=1)}
        super().__init__(OrderedDict(stem=stem, **parts, head=head))


@lru_cache(maxsize=256)
def blocks_of(net: NetSpec) -> tuple[BlockSpec, ...]:
    """Stage table -> blocks with every number resolved, checked by arithmetic alone.

    Raises SpecError for what cannot be built: unknown keys, maps too small for a stride,
    shortcuts that cannot reach the shape of F(x).
    """
    stem = pick(STEMS, "stem", net.stem)
    pick(NORMS, "norm", net.norm)
    pick(INITS, "init", net.init)
    check_strided("stem", net, stem.stride, 1)
    channels, reduction = net.stem_width, stem.stride
    blocks = []
    for number, stage in enumerate(net.stages, start=1):
        where = f"stage{number}"
        block = pick(BLOCKS, f"{where}.block", stage.block)
        shortcut = pick(SHORTCUTS, f"{where}.shortcut", stage.shortcut)
        out_channels = stage.width * block.expansion
        check_strided(f"{where}.stride", net, stage.stride, reduction)
        reduction *= stage.stride
        for index in range(stage.num_blocks):
            path = f"{where}.{index}"
            try:
                shortcut.check(channels, out_channels)
            except SpecError as e:
                raise e.within(path) from e
            blocks.append(
                BlockSpec(
                    path=path,
                    block=stage.block,
                    shortcut=stage.shortcut,
                    in_channels=channels,
                    width=stage.width,
                    out_channels=out_channels,
                    stride=stage.stride if index == 0 else 1,
                    norm=net.norm,
                )
            )
            channels = out_channels
    return tuple(blocks)


def check_strided(where: str, net: NetSpec, stride: int, reduction: int) -> None:
    """Raises SpecError where a map is smaller than the stride that should subsample it."""
    _, *size = net.input_shape
    height, width = (-(-n // reduction) for n in size)
    if min(height, width) < stride:
        least = (stride - 1) * reduction + 1
        raise SpecError(
            where,
            f"stride {stride} has nothing to subsample on a {height}×{width} map",
            f"Use a smaller stride or stem, or an input of at least {least}×{least}",
        )


def build(net: NetSpec) -> ResNet:
    """The module that is trained, counted, drawn and exported. Weights by torch's global RNG."""
    by_stage = groupby(blocks_of(net), key=lambda block: block.path.split(".")[0])
    stages = [nn.Sequential(*map(build_block, stage)) for _, stage in by_stage]
    module = ResNet(build_stem(net), stages, build_head(net))
    INITS[net.init].apply(module)
    return module


def build_stem(net: NetSpec) -> nn.Module:
    return STEMS[net.stem].make(net.input_shape[0], net.stem_width, NORMS[net.norm].make)


def build_block(b: BlockSpec) -> nn.Module:
    norm = NORMS[b.norm].make
    shortcut = SHORTCUTS[b.shortcut].make(b.in_channels, b.out_channels, b.stride, norm)
    return BLOCKS[b.block](b.in_channels, b.width, b.stride, shortcut, norm)


def build_head(net: NetSpec) -> nn.Module:
    return Head(blocks_of(net)[-1].out_channels, net.num_classes)


def pick(table: dict, where: str, key: str):
    """The row of a table, or a SpecError that lists the keys."""
    if key not in table:
        raise SpecError(where, f"there is no {key!r}", f"Use one of {', '.join(table)}")
    return table[key]


def kaiming(module: nn.Module) -> None:
    """He et al. 2015b, eq. 14: normal, fan-out, gain of ReLU, on convs; linear stays as it is."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


def as_pytorch_does(module: nn.Module) -> None:
    """Leave what the layers' own constructors set: uniform, about 0.4 of Kaiming's deviation."""


@dataclass(frozen=True)
class Init:
    """A row of INITS."""

    title: str
    what: str  # one sentence for menus and help
    apply: Callable  # (module) -> None, in place


INITS = {
    "kaiming": Init("Kaiming", "Normal, fan-out, gain of ReLU: keeps the signal's size.", kaiming),
    "pytorch": Init("PyTorch", "Uniform, smaller: without a norm it fades.", as_pytorch_does),
}


@dataclass(frozen=True)
class Stem:
    """A row of STEMS."""

    title: str
    make: Callable  # (in_channels, width, norm) -> module
    stride: int  # in all


STEMS = {
    "cifar": Stem("3×3 (CIFAR)", CifarStem, 1),
    "imagenet": Stem("7×7 + pool (ImageNet)", ImageNetStem, 4),
}
