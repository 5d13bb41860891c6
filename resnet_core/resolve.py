"""Stage table -> blocks with every number resolved, checked by arithmetic alone.

The one place where channels and sizes are counted along a net: no module is built here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from .blocks import BLOCKS, ORDERS, Conv
from .inits import INITS
from .layers import ACTIVATIONS, ANTIALIAS, ATTENTIONS, NORMS
from .shortcuts import KEEPS, SHORTCUTS, WIDENS
from .spec import MAX_CHANNELS, BlockSpec, NetSpec, ShapeMismatch, SpecError, StageSpec
from .stems import POOLS, STEMS


@lru_cache(maxsize=64)
def blocks_of(net: NetSpec) -> tuple[BlockSpec, ...]:
    """Stage table -> blocks with every number resolved, checked by arithmetic alone.

    Raises SpecError for what cannot be built: unknown keys, maps too small for a stride,
    shortcuts that cannot reach the shape of F(x).
    """
    return tuple(iter_blocks(net))


def iter_blocks(net: NetSpec) -> Iterator[BlockSpec]:
    """The blocks one by one; the SpecError comes where the first wrong one would."""
    for field, table in TABLES.items():
        pick(table, field, getattr(net, field))
    stem_stride = stride_of_stem(net)
    check_strided("stem", net, stem_stride, 1)
    channels, reduction = net.stem_width, stem_stride
    num_residual = sum(stage.num_blocks for stage in net.stages if stage.shortcut != "none")
    number = 0  # of the residual block, from 1
    for place, stage in enumerate(net.stages, start=1):
        where = f"stage{place}"
        try:
            check_stage(net, stage)
        except SpecError as e:
            raise e.within(where) from e
        check_strided(f"{where}.stride", net, stage.stride, reduction)
        has_drop = bool(net.stochastic_depth) and stage.shortcut != "none"
        first, others = convs_of(stage, stage.stride), convs_of(stage, 1)  # shared: less to keep
        for index in range(stage.num_blocks):
            stride = stage.stride if index == 0 else 1
            number += stage.shortcut != "none"
            convs = first if index == 0 else others
            block = BlockSpec(
                path=f"{where}.{index}",
                block=stage.block,
                convs=convs,
                shortcut=stage.shortcut,
                order=net.order,
                in_channels=channels,
                width=stage.width,
                out_channels=convs[-1].channels,
                stride=stride,
                norm=net.norm,
                activation=net.activation,
                attention=stage.attention,
                antialias=net.antialias,
                has_drop=has_drop,
                drop_rate=net.stochastic_depth / 100 * number / num_residual if has_drop else 0.0,
            )
            check_arms(net, block, reduction)
            yield block
            reduction *= stride
            channels = block.out_channels


def check_stage(net: NetSpec, stage: StageSpec) -> None:
    """Raises SpecError for a row of the stage table that makes no sense in itself."""
    block = pick(BLOCKS, "block", stage.block)
    shortcut = pick(SHORTCUTS, "shortcut", stage.shortcut)
    pick(ATTENTIONS, "attention", stage.attention)
    if not block.has_groups:
        for name, usual in (("cardinality", 1), ("base_width", 64)):
            if (value := getattr(stage, name)) != usual:
                raise SpecError(
                    name,
                    f"{value} means nothing for a {block.title} block: only the 3×3 between two "
                    "1×1 convolutions is grouped (Xie et al. 2017, sec. 3.3)",
                    f"Use {usual} here and set the width, or use a bottleneck",
                )
    elif not stage.width * stage.base_width // 64:
        raise SpecError(
            "base_width",
            f"width {stage.width} × base width {stage.base_width} / 64 leaves no channel",
            f"Use a base width of at least {-(-64 // stage.width)}",
        )
    if (stage.block == "composed") != bool(stage.layers):
        if stage.layers:
            raise SpecError(
                "layers",
                f"a {block.title} block has its own convolutions",
                "Leave them out, or use block composed",
            )
        raise SpecError("layers", "F has no convolution", "Write 1 to 4, for example 3×64, 3×64")
    if stage.layers and stage.layers[-1][1] != stage.width:
        raise SpecError(
            "layers",
            f"the last one puts out {stage.layers[-1][1]} channels, the stage {stage.width}",
            "Give both the same number",
        )
    most = max(conv.channels for conv in convs_of(stage, 1))
    if most > MAX_CHANNELS:
        raise SpecError(
            "width", f"a convolution would have {most:,} channels", f"At most {MAX_CHANNELS:,} do"
        )
    if shortcut.every_layer and net.order != "original":
        raise SpecError(
            "shortcut",
            f"a shortcut around every layer is defined for the original order, not for {net.order}",
            "Use the original order, or another shortcut",
        )


def convs_of(stage: StageSpec, stride: int) -> tuple[Conv, ...]:
    """The convolutions of F in a block of this stage."""
    row = BLOCKS[stage.block]
    if stage.block == "composed":
        return row.convs(stage.layers, stride)
    groups = (stage.cardinality, stage.base_width) if row.has_groups else ()
    return row.convs(stage.width, stride, *groups)


def check_strided(where: str, net: NetSpec, stride: int, reduction: int) -> None:
    """Raises SpecError where a map is smaller than the stride that should subsample it."""
    height, width = size_after(net, reduction)
    if min(height, width) < stride:
        least = input_for(net, stride, reduction)
        raise SpecError(
            where,
            f"stride {stride} has nothing to subsample on a {height}×{width} map",
            f"Use a smaller stride or stem, or an input of at least {least}×{least}",
        )


def size_after(net: NetSpec, reduction: int) -> tuple[int, int]:
    """Height and width of the map behind strides of that product, counted from the input.

    Rounded up, as 'same' pads; only an average pool in the stem leaves an odd row out, as in timm.
    """
    height, width = net.input_shape[1:]
    stem = stride_of_stem(net)
    if floors_in_stem(net) and reduction >= stem:
        conv = stem // 2
        height, width = (-(-side // conv) // 2 for side in (height, width))
        reduction //= stem
    return -(-height // reduction), -(-width // reduction)


def input_for(net: NetSpec, side: int, reduction: int) -> int:
    """Pixels that an input needs for a map of `side` behind strides of that product."""
    stem = stride_of_stem(net)
    if floors_in_stem(net) and reduction >= stem:
        behind_conv = 2 * ((side - 1) * (reduction // stem) + 1)
        return (behind_conv - 1) * (stem // 2) + 1
    return (side - 1) * reduction + 1


def floors_in_stem(net: NetSpec) -> bool:
    """Whether the stem ends in a pool that takes whole windows alone."""
    return net.stem_pool == "max" and net.antialias == "avg"


def check_arms(net: NetSpec, block: BlockSpec, reduction: int) -> None:
    """Raises ShapeMismatch where x cannot get to the shape of F(x): the two meet at the (+)."""
    reach = SHORTCUTS[block.shortcut].reach
    before, out = block.in_channels, block.out_channels
    keeps_shape = before == out and block.stride == 1
    if keeps_shape or reach not in (KEEPS, WIDENS) or (reach == WIDENS and out >= before):
        return
    small, large = size_after(net, reduction * block.stride), size_after(net, reduction)
    residual = (out, *small)
    if reach == WIDENS:
        skip = (before, *small)
        problem = f"zero-padding (A) can only add channels, not go from {before} to {out}"
        remedy = f"Use shortcut B, or a width that puts out at least {before} channels"
    else:
        skip = (before, *large)
        does = [f"has stride {block.stride}"] if block.stride > 1 else []
        does += [f"puts out {out} channels"] if before != out else []
        problem = (
            f"F(x) is {'×'.join(map(str, residual))} and x is {'×'.join(map(str, skip))}, so they "
            f"cannot be added: F {' and '.join(does)}, the identity changes nothing"
        )
        remedy = f"Use shortcut {'A, B' if out >= before else 'B'} or D"
    error = ShapeMismatch("shortcut", problem, remedy, block, residual, skip)
    raise error.within(block.path)


def stride_of_stem(net: NetSpec) -> int:
    convs = STEMS[net.stem].convs(net.stem_width)
    return convs[0].stride * POOLS[net.stem_pool].stride


def pick(table: dict, where: str, key: str):
    """The row of a table, or a SpecError that lists the keys."""
    if key not in table:
        raise SpecError(where, f"there is no {key!r}", f"Use one of {', '.join(table)}")
    return table[key]


#: field of a NetSpec -> the table its value is a key of
TABLES = {
    "stem": STEMS,
    "stem_pool": POOLS,
    "order": ORDERS,
    "norm": NORMS,
    "activation": ACTIVATIONS,
    "antialias": ANTIALIAS,
    "init": INITS,
}
