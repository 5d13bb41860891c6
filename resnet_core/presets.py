"""Nets that have a name in the literature, each with its source, and the first screen's net."""

from __future__ import annotations

from dataclasses import dataclass

from .spec import NetSpec, SpecError, StageSpec


@dataclass(frozen=True)
class Preset:
    """A row of PRESETS."""

    net: NetSpec
    family: str
    source: str


def cifar(depth: int, shortcut: str = "A") -> NetSpec:
    """He et al. 2015, sec. 4.2: depth = 6n + 2, n basic blocks in each of three stages."""
    rows = ((16, 1), (32, 2), (64, 2))
    return NetSpec(
        name=f"{'Plain' if shortcut == 'none' else 'ResNet'}-{depth}",
        stages=tuple(
            StageSpec(num_blocks=(depth - 2) // 6, width=width, stride=stride, shortcut=shortcut)
            for width, stride in rows
        ),
    )


def imagenet(depth: int) -> NetSpec:
    """He et al. 2015, table 1; the bottleneck's stride sits on its 3x3."""
    block, counts = {
        18: ("basic", (2, 2, 2, 2)),
        34: ("basic", (3, 4, 6, 3)),
        50: ("bottleneck", (3, 4, 6, 3)),
        101: ("bottleneck", (3, 4, 23, 3)),
        152: ("bottleneck", (3, 8, 36, 3)),
    }[depth]
    return NetSpec(
        name=f"ResNet-{depth}",
        stem="7x7",
        stem_pool="max",
        stem_width=64,
        input_shape=(3, 224, 224),
        num_classes=1000,
        stages=tuple(
            StageSpec(num_blocks=n, width=width, stride=stride, block=block, shortcut="B")
            for n, width, stride in zip(counts, (64, 128, 256, 512), (1, 2, 2, 2), strict=True)
        ),
    )


def digits(depth: int) -> NetSpec:
    """The CIFAR net of that depth on scikit-learn's digits at their own size: 1x8x8."""
    net = cifar(depth)
    return NetSpec(name=f"{net.name} for digits", stages=net.stages, input_shape=(1, 8, 8))


def preset(key: str) -> NetSpec:
    """The net called `key` in PRESETS. Raises SpecError for an unknown one."""
    if key not in PRESETS:
        raise SpecError("preset", f"there is no {key!r:.60}", f"Use one of {', '.join(PRESETS)}")
    return PRESETS[key].net


#: The net of the first screen: deep enough to show degradation, small enough for two CPU cores.
DEFAULT = "digits56"
PRESETS = {
    "digits20": Preset(digits(20), "Digits", "CIFAR net of He et al. 2015 on 8×8 digits"),
    "digits56": Preset(digits(56), "Digits", "CIFAR net of He et al. 2015 on 8×8 digits"),
    **{
        f"resnet{depth}": Preset(cifar(depth), "CIFAR", "He et al. 2015, sec. 4.2")
        for depth in (20, 32, 44, 56, 110)
    },
    **{
        f"resnet{depth}": Preset(imagenet(depth), "ImageNet", "He et al. 2015, table 1")
        for depth in (18, 34, 50, 101, 152)
    },
}
