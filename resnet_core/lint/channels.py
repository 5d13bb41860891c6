"""Rules about channels: what does not divide, what narrows, groups of one."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd, prod

from resnet_core.blocks import BLOCKS
from resnet_core.geometry import is_group_norm
from resnet_core.graph import LayerGraph
from resnet_core.repairs import Change, same_channels
from resnet_core.resolve import convs_of
from resnet_core.spec import NetSpec

from .finding import Found, place_of

TENSOR_CORE = 8  # channels that a GPU multiplies at once in 16 bits


def rounded_width(net: NetSpec, graph: LayerGraph) -> Iterator[Found]:
    for place, stage in enumerate(net.stages, start=1):
        exact = stage.width * stage.base_width / 64
        if not BLOCKS[stage.block].has_groups or exact == int(exact):
            continue
        steps = 64 // gcd(64, stage.base_width)
        width = max(1, round(stage.width / steps)) * steps
        yield Found(
            f"stage{place}",
            f"Width {stage.width} × base width {stage.base_width} / 64 is {exact:g}: each group "
            f"gets {int(exact)} channels",
            "The rest is cut off, so the block is narrower than its figures say.",
            [(f"Width {width}", {"width": width}), ("Base width 64", {"base_width": 64})],
        )


def uneven_channels(net: NetSpec, graph: LayerGraph) -> Iterator[Found]:
    if net.stem_width % TENSOR_CORE:
        width = -(-net.stem_width // TENSOR_CORE) * TENSOR_CORE
        yield multiple_of_8(
            "stem", net.stem_width, [(f"Stem of {width} channels", {"stem_width": width})]
        )
    for place, stage in enumerate(net.stages, start=1):
        odd = [c.channels for c in convs_of(stage, 1) if c.channels % TENSOR_CORE]
        if odd:
            width = -(-stage.width // TENSOR_CORE) * TENSOR_CORE
            layers = tuple((k, -(-c // TENSOR_CORE) * TENSOR_CORE) for k, c in stage.layers)
            change = f"Width {width}", {"width": width, "layers": layers}
            yield multiple_of_8(f"stage{place}", odd[0], [change])


def multiple_of_8(where: str, channels: int, changes: list[Change]) -> Found:
    return Found(
        where,
        f"{channels} channels are no multiple of {TENSOR_CORE}",
        f"A GPU's tensor cores multiply {TENSOR_CORE} at a time in 16 bits: the rest costs as "
        "much as full ones, or the slower units are used.",
        changes,
    )


def narrowing(net: NetSpec, graph: LayerGraph) -> Iterator[Found]:
    first_blocks = {block.path: block for block in graph.blocks if block.path.endswith(".0")}
    for place, stage in enumerate(net.stages, start=1):
        block = first_blocks[f"stage{place}.0"]
        expands = BLOCKS[stage.block].expansion > 1
        if not expands or block.out_channels >= block.in_channels:
            continue
        width = -(-block.in_channels // (BLOCKS[stage.block].expansion * 8)) * 8
        wide = f"Width {width}", {"width": width}
        keep = same_channels(stage, block.in_channels)
        exact = [(f"Width {keep['width']}", keep)] if keep else []
        yield Found(
            f"stage{place}",
            f"The bottleneck gets {block.in_channels} channels and puts out {block.out_channels}",
            "A bottleneck is narrow inside and wide between blocks, so that the shortcut carries "
            "everything. This one throws channels away, and its shortcut has to follow.",
            [*exact, wide],
        )


def lonely_groups(net: NetSpec, graph: LayerGraph) -> Iterator[Found]:
    seen = {}
    for op in graph.ops:
        if is_group_norm(op):
            channels, *size = op.shape
            per_group = channels // op.groups
            values = per_group * prod(size)
            if per_group == 1 or values == 1:
                worst = min(values, seen.get(place_of(op), (values,))[0])
                seen[place_of(op)] = worst, channels
    for where, (values, channels) in seen.items():
        what = f"The groups of {channels} channels have one channel each"
        why = (
            "That is instance norm: it takes away how strong each channel is on this image, and "
            "32 groups of 64 channels or more are what Wu and He 2018 measured."
        )
        if values == 1:
            what += ", of one value"
            why = "A single value minus its own mean is 0: nothing gets through but the bias."
        yield Found(where, what, why, [("Batch norm", {"norm": "batch"})])
