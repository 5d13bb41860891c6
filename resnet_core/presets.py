"""Nets that have a name in the literature, each with its source, and the first screen's net.

A family is a function or a change of another net; PRESETS lists the members in order of family.
To add one: a row, with the paper and the section or table that defines it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches

from .spec import NetSpec, SpecError, StageSpec


@dataclass(frozen=True)
class Preset:
    """A row of PRESETS."""

    net: NetSpec
    family: str  # a short heading of the menu
    source: str  # who defined it and where


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


def cifar_preact(depth: int) -> NetSpec:
    """He et al. 2016, sec. 5: pre-activation bottlenecks for CIFAR, depth = 9n + 2."""
    net = rows(cifar(20), block="bottleneck", shortcut="B", num_blocks=(depth - 2) // 9)
    return replace(net, name=f"Pre-act ResNet-{depth}", order="preact")


def wide(depth: int, factor: int) -> NetSpec:
    """WRN-depth-factor: pre-activation basic blocks, depth = 6n + 4, `factor` times as wide.

    Zagoruyko and Komodakis 2016, table 1. Each stage begins with a projection where the width
    changes, so the four convolutions beside the 6n are the stem and three shortcuts.
    """
    net = rows(cifar(20), shortcut="B", num_blocks=(depth - 4) // 6)
    stages = tuple(replace(stage, width=stage.width * factor) for stage in net.stages)
    return replace(net, name=f"WRN-{depth}-{factor}", order="preact", stages=stages)


#: depth -> block and number of blocks of each stage. He et al. 2015, table 1; 10, 14 and 26 as timm
COUNTS = {
    10: ("basic", (1, 1, 1, 1)),
    14: ("bottleneck", (1, 1, 1, 1)),
    18: ("basic", (2, 2, 2, 2)),
    26: ("bottleneck", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
    200: ("bottleneck", (3, 24, 36, 3)),  # He et al. 2016, table 5
}


def imagenet(depth: int) -> NetSpec:
    """He et al. 2015, table 1; the bottleneck's stride sits on its 3x3."""
    block, counts = COUNTS[depth]
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


def rows(net: NetSpec, **fields) -> NetSpec:
    """`net` with these fields in every row of its stage table."""
    return replace(net, stages=tuple(replace(stage, **fields) for stage in net.stages))


def variant(net: NetSpec, name: str, **fields) -> NetSpec:
    """`net` under another name, with these fields; those of a StageSpec go into every row."""
    of_stage = {key: fields.pop(key) for key in STAGE_FIELDS & set(fields)}
    return replace(rows(net, **of_stage), name=name, **fields)


STAGE_FIELDS = {"block", "shortcut", "cardinality", "base_width", "attention"}


def preact(depth: int) -> NetSpec:
    """ResNet v2 for ImageNet: He et al. 2016, table 5."""
    return variant(imagenet(depth), f"Pre-act ResNet-{depth}", order="preact")


def resnext(depth: int, cardinality: int, base_width: int) -> NetSpec:
    """Xie et al. 2017, table 1: the 3x3 in `cardinality` groups of `base_width` channels."""
    name = f"ResNeXt-{depth} {cardinality}x{base_width}d"
    return variant(imagenet(depth), name, cardinality=cardinality, base_width=base_width)


def deep(depth: int) -> NetSpec:
    """ResNet-C: three 3x3 convolutions for the 7x7. He et al. 2019, fig. 2 (b)."""
    return variant(imagenet(depth), f"ResNet-{depth}-C", stem="deep")


def pooled(depth: int) -> NetSpec:
    """ResNet-D: ResNet-C whose shortcuts pool before they project. He et al. 2019, fig. 2 (c)."""
    return variant(deep(depth), f"ResNet-{depth}-D", shortcut="D")


def tiered(depth: int) -> NetSpec:
    """ResNet-T: ResNet-D with a stem of 24, 32, 64 channels. Wightman's timm."""
    return variant(pooled(depth), f"ResNet-{depth}-T", stem="deep-tiered")


def se(net: NetSpec) -> NetSpec:
    """Hu et al. 2018, table 1: squeeze and excitation at the end of each F."""
    return variant(net, f"SE-{net.name}", attention="se")


def eca(net: NetSpec) -> NetSpec:
    """Wang et al. 2020, sec. 3.2: efficient channel attention at the end of each F."""
    return variant(net, f"ECA-{net.name}", attention="eca")


def antialiased(net: NetSpec, kind: str) -> NetSpec:
    """Zhang 2019, sec. 3: convolve at full size, then average or blur, then subsample."""
    return variant(net, f"{net.name}, {ANTIALIASED[kind]}", antialias=kind)


ANTIALIASED = {"avg": "averaged", "blur": "blurred"}


def digits(depth: int) -> NetSpec:
    """The CIFAR net of that depth on scikit-learn's digits at their own size: 1x8x8."""
    net = cifar(depth)
    return NetSpec(name=f"{net.name} for digits", stages=net.stages, input_shape=(1, 8, 8))


def preset(key: str) -> NetSpec:
    """The net called `key` in PRESETS. Raises SpecError for an unknown one."""
    if key not in PRESETS:
        near = get_close_matches(str(key)[:60], PRESETS, n=5, cutoff=0) or list(PRESETS)[:5]
        remedy = f"Use one of the {len(PRESETS)} there are, such as {', '.join(near)}"
        raise SpecError("preset", f"there is no {key!r:.60}", remedy)
    return PRESETS[key].net


def family(name: str, source: str, **nets: NetSpec) -> dict[str, Preset]:
    """Rows of PRESETS that share their family and source."""
    return {key: Preset(net, name, source) for key, net in nets.items()}


#: key of SHORTCUTS -> what He et al. 2016, table 1, call the variant
TABLE_1 = {
    "scaled": "constant scaling",
    "gated": "exclusive gating",
    "gated-x": "shortcut-only gating",
    "C": "1×1 conv shortcut",
    "dropout": "dropout shortcut",
}
#: key of ORDERS -> what He et al. 2016, fig. 4 and table 2, call the variant
FIGURE_4 = {
    "norm-after-add": "BN after addition",
    "act-before-add": "ReLU before addition",
    "act-first": "ReLU-only pre-activation",
    "preact": "full pre-activation",
}
TIMM = "as in Wightman's timm"
#: The net of the first screen: deep enough to show degradation, small enough for two CPU cores.
DEFAULT = "digits56"
PRESETS = {
    **family(
        "Digits",
        "CIFAR net of He et al. 2015, sec. 4.2, on 8×8 digits",
        **{f"digits{depth}": digits(depth) for depth in (20, 56)},
    ),
    **family(
        "ResNet (CIFAR)",
        "He et al. 2015, sec. 4.2 and table 6",
        **{f"resnet{depth}": cifar(depth) for depth in (20, 32, 44, 56, 110, 1202)},
    ),
    **family(
        "ResNet (ImageNet)",
        "He et al. 2015, table 1; stride on the 3×3 as in fb.resnet.torch and torchvision",
        **{f"resnet{depth}": imagenet(depth) for depth in (18, 34, 50, 101, 152)},
    ),
    **family(
        "ResNet (ImageNet)",
        "He et al. 2015, table 1, as published: stride on the first 1×1",
        **{
            f"resnet{depth}-2015": variant(
                imagenet(depth), f"ResNet-{depth} of 2015", block="bottleneck-2015"
            )
            for depth in (50, 101, 152)
        },
    ),
    **family(
        "Pre-activation",
        "He et al. 2016, table 2: the basic blocks of ResNet-110, norm and ReLU first",
        preact110=variant(cifar(110), "Pre-act ResNet-110", order="preact"),
    ),
    **family(
        "Pre-activation",
        "He et al. 2016, sec. 5 and table 4",
        **{f"preact{depth}": cifar_preact(depth) for depth in (164, 1001)},
    ),
    **family(
        "Pre-activation",
        "ResNet v2: He et al. 2016, fig. 4 (e) and table 5; no norm in projections, " + TIMM,
        **{f"resnetv2-{depth}": preact(depth) for depth in (50, 101, 152, 200)},
    ),
    **family(
        "Pre-activation",
        "He et al. 2016, fig. 4 (e), with stem and shortcuts of He et al. 2019, fig. 2; " + TIMM,
        **{"resnetv2-50d": variant(pooled(50), "Pre-act ResNet-50-D", order="preact")},
    ),
    **family(
        "Orders",
        "He et al. 2016, fig. 4 and table 2",
        **{
            f"resnet110-{key}": variant(cifar(110), f"ResNet-110, {title}", order=key)
            for key, title in FIGURE_4.items()
            if key != "preact"  # is preact110
        },
    ),
    **family(
        "Shortcuts",
        "He et al. 2016, fig. 2 and table 1",
        **{
            f"resnet110-{key}": variant(cifar(110), f"ResNet-110, {title}", shortcut=key)
            for key, title in TABLE_1.items()
        },
    ),
    **family(
        "Shortcuts",
        "He et al. 2015, table 3: the shortcut options of ResNet-34",
        **{
            f"resnet34-{key}": variant(imagenet(34), f"ResNet-34, option {key}", shortcut=key)
            for key in ("A", "C")
        },
    ),
    **family(
        "Shortcuts",
        "What if each convolution had its own shortcut? He et al. 2015, sec. 3.2 on one layer",
        **{
            f"resnet{depth}-layer": variant(
                imagenet(depth), f"ResNet-{depth}, skips around layers", shortcut="layer"
            )
            for depth in (18, 50)
        },
    ),
    **family(
        "Wide ResNet",
        "Zagoruyko and Komodakis 2016, table 1",
        **{
            f"wrn{depth}-{factor}": wide(depth, factor)
            for depth, factor in ((16, 8), (22, 8), (28, 10), (40, 1), (40, 2), (40, 4))
        },
    ),
    **family(
        "Wide ResNet",
        "Zagoruyko and Komodakis 2016, table 8: a 3×3 twice as wide; 101-2 as in torchvision",
        **{
            f"wide-resnet{depth}-2": variant(
                imagenet(depth), f"Wide ResNet-{depth}-2", base_width=128
            )
            for depth in (50, 101)
        },
    ),
    **family(
        "ResNeXt",
        "Xie et al. 2017, tables 1, 3 and 4; 101 32×8d as in torchvision",
        **{
            f"resnext{depth}-{groups}x{base}d": resnext(depth, groups, base)
            for depth, groups, base in ((50, 32, 4), (101, 32, 4), (101, 32, 8), (101, 64, 4))
        },
    ),
    **family(
        "SE-ResNet",
        "Hu et al. 2018, sec. 3.3, in basic blocks; at least 8 channels in between, " + TIMM,
        **{f"se-resnet{depth}": se(imagenet(depth)) for depth in (18, 34)},
    ),
    **family(
        "SE-ResNet",
        "Hu et al. 2018, tables 1 and 2",
        **{f"se-resnet{depth}": se(imagenet(depth)) for depth in (50, 101, 152)},
        **{f"se-resnext{depth}-32x4d": se(resnext(depth, 32, 4)) for depth in (50, 101)},
    ),
    **family(
        "ECA-ResNet",
        "Wang et al. 2020, sec. 3.2.3",
        **{f"eca-resnet{depth}": eca(imagenet(depth)) for depth in (18, 34, 50, 101, 152)},
    ),
    **family(
        "ECA-ResNet",
        "Wang et al. 2020, sec. 3.2, on ResNet-D and -T (He et al. 2019, fig. 2), " + TIMM,
        **{f"eca-resnet{depth}d": eca(pooled(depth)) for depth in (50, 101)},
        **{f"eca-resnet{depth}t": eca(tiered(depth)) for depth in (26, 50)},
    ),
    **family(
        "ResNet-C, -D, -T",
        "ResNet-C: He et al. 2019, fig. 2 (b)",
        **{f"resnet{depth}c": deep(depth) for depth in (50, 101)},
    ),
    **family(
        "ResNet-C, -D, -T",
        "ResNet-D: He et al. 2019, fig. 2 (b, c)",
        **{f"resnet{depth}d": pooled(depth) for depth in (18, 34, 50, 101, 152)},
    ),
    **family(
        "ResNet-C, -D, -T",
        "ResNet-D (He et al. 2019, fig. 2) with a stem of 24, 32, 64 channels, " + TIMM,
        **{f"resnet{depth}t": tiered(depth) for depth in (10, 14)},
    ),
    **family(
        "Anti-aliased",
        "Average pooling for strides, also the stem's pool: " + TIMM + " (resnetaa50)",
        **{"resnet50-avg": antialiased(imagenet(50), "avg")},
    ),
    **family(
        "Anti-aliased",
        "Zhang 2019, sec. 3: blurred strides and max-pool; projections still stride, " + TIMM,
        **{f"resnet{depth}-blur": antialiased(imagenet(depth), "blur") for depth in (18, 50)},
    ),
    **family(
        "Other norms",
        "Wu and He 2018, sec. 4.1: 32 groups",
        **{"resnet50-gn": variant(imagenet(50), "ResNet-50, group norm", norm="group")},
    ),
    **family(
        "Other norms",
        "Fixup: Zhang et al. 2019, sec. 3, and table 1 for ResNet-110",
        **{"resnet110-fixup": variant(cifar(110), "Fixup ResNet-110", norm="fixup", init="fixup")},
    ),
    **family(
        "Training",
        "Goyal et al. 2017, sec. 5.1: gamma of each F's last norm starts at 0",
        **{"resnet50-zero": variant(imagenet(50), "ResNet-50, zero-init", init="zero")},
    ),
    **family(
        "Training",
        "Huang et al. 2016, sec. 3 and 4: the last block survives half of the steps",
        **{
            "resnet110-stochastic": variant(
                cifar(110), "ResNet-110, stochastic depth", stochastic_depth=50
            )
        },
    ),
}
