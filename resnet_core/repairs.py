"""What would make a net build that does not: each repair is a net that has been tried.

To repair a new mistake: a function that lists changes, and a row in CHANGES under the last word of
the SpecError's `where`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from math import prod

import torch

from .blocks import BLOCKS
from .layers import ATTENTIONS
from .resolve import TABLES, blocks_of, input_for, size_after, stride_of_stem
from .shortcuts import KEEPS, SHORTCUTS
from .spec import MAX_CHANNELS, NetSpec, ShapeMismatch, SpecError, StageSpec
from .stems import POOLS, STEMS

#: the words on a button, and the fields that change: those of a StageSpec in one stage
Change = tuple[str, dict]
Mistake = tuple[str, bool]


@dataclass(frozen=True)
class Repair:
    """One click: a net that builds, and what changes."""

    title: str
    net: NetSpec
    also: tuple[str, ...] = ()  # what else had to change, for the title to be enough of a repair


def repairs(net: NetSpec, error: SpecError) -> tuple[Repair, ...]:
    """Nets that build and differ from `net` in what `error` (from blocks_of) complains about."""
    place, _ = place_of(error)
    return offer(net, place, changes_for(net, error), mistake(net, error))


def offer(
    net: NetSpec, place: int | None, changes: Iterable[Change], wrong: Mistake | None = None
) -> tuple[Repair, ...]:
    """The changes, made in stage `place` (from 1) or in the net, that give another net that builds.

    A change that leaves `wrong` as it is is none.
    """
    found: dict[NetSpec, Repair] = {}
    for title, values in changes:
        start = changed(net, place, values)
        if start is None or start == net:
            continue
        if set(values) & STAGE_FIELDS:
            title += f" in stage {place}"
        if settled := settle(start, {wrong}):
            found.setdefault(settled[0], Repair(title, *settled))
    return tuple(found.values())


def changed(net: NetSpec, place: int | None, values: dict) -> NetSpec | None:
    """The net with other values; None if one is out of range."""
    in_stage = {name: value for name, value in values.items() if name in STAGE_FIELDS}
    in_net = {name: value for name, value in values.items() if name not in STAGE_FIELDS}
    try:
        if in_stage:
            rows = list(net.stages)
            rows[place - 1] = replace(rows[place - 1], **in_stage)
            in_net["stages"] = tuple(rows)
        return replace(net, **in_net)
    except SpecError:
        return None


def settle(net: NetSpec, tried: set[Mistake | None]) -> tuple[NetSpec, tuple[str, ...]] | None:
    """The net, and what of it had to change as well so that it builds; None if nothing does."""
    also = []
    while error := problem_of(shortened(net)):
        if mistake(net, error) in tried:
            return None
        tried = {*tried, mistake(net, error)}
        place, _ = place_of(error)
        for title, values in changes_for(net, error):
            other = changed(net, place, values)
            left = other and problem_of(shortened(other))
            if other and (left is None or mistake(other, left) not in tried):
                also.append(f"{title} in stage {place}" if set(values) & STAGE_FIELDS else title)
                net = other
                break
        else:
            return None
    return None if problem_of(net) else (net, tuple(also))


def problem_of(net: NetSpec) -> SpecError | None:
    try:
        blocks_of(net)
    except SpecError as error:
        return error
    return None


def shortened(net: NetSpec) -> NetSpec:
    """At most two blocks a stage: whatever is wrong is wrong in the first two, and found sooner."""
    return replace(
        net, stages=tuple(replace(s, num_blocks=min(s.num_blocks, 2)) for s in net.stages)
    )


def place_of(error: SpecError) -> tuple[int | None, str]:
    """Number of the stage, from 1, and name of the field: "stage2.0.shortcut" -> 2, "shortcut"."""
    stage = re.match(r"stage(\d+)\.", error.where)
    return int(stage[1]) if stage else None, error.where.rpartition(".")[2]


def unknown_key(net: NetSpec, error: SpecError) -> str | None:
    """What stands where a key of a table should, if that is the mistake."""
    place, name = place_of(error)
    given = getattr(net if place is None else net.stages[place - 1], name, None)
    return given if name in KEYS and given not in KEYS[name] else None


def mistake(net: NetSpec, error: SpecError) -> Mistake:
    """What tells one mistake from another: a field, and whether it holds an unknown key."""
    return error.where, unknown_key(net, error) is not None


def changes_for(net: NetSpec, error: SpecError) -> Iterator[Change]:
    place, name = place_of(error)
    if (given := unknown_key(net, error)) is not None:
        return known_keys(name, given, KEYS[name])
    return CHANGES[name](net, place, error) if name in CHANGES else iter(())


def known_keys(name: str, given: str, table: dict) -> Iterator[Change]:
    """The key that is spelt most alike, and the usual one."""
    words = name.replace("_", " ").capitalize()
    usual = [f.default for cls in (NetSpec, StageSpec) for f in fields(cls) if f.name == name]
    for key in (*get_close_matches(given, table, 1, 0), *usual):
        yield f"{words} {key}", {name: key}


def reach_the_shape(net: NetSpec, place: int, error: SpecError) -> Iterator[Change]:
    """The two arms of a (+) differ; or the shortcut does not go with the net's order."""
    if not isinstance(error, ShapeMismatch):
        yield "Original order", {"order": "original"}
    yield "Projection shortcut (B)", {"shortcut": "B"}
    if not isinstance(error, ShapeMismatch):
        return
    yield "Pooled projection (D)", {"shortcut": "D"}
    yield "Zero-padded identity (A)", {"shortcut": "A"}
    block, stage = error.block, net.stages[place - 1]
    strided = block.stride > 1 and SHORTCUTS[block.shortcut].reach == KEEPS
    same = (
        same_channels(stage, block.in_channels) if block.in_channels != block.out_channels else {}
    )
    if same is not None:
        channels = f"{block.in_channels} channels"
        words = [*(["stride 1"] if strided else []), *([channels] if same else [])]
        yield f"Keep {' and '.join(words)}", {**same, **({"stride": 1} if strided else {})}


def same_channels(stage: StageSpec, channels: int) -> dict | None:
    """What makes the stage put out so many channels; None if nothing does."""
    width, rest = divmod(channels, BLOCKS[stage.block].expansion)
    if rest or not width:
        return None
    layers = (*stage.layers[:-1], (stage.layers[-1][0], width)) if stage.layers else ()
    return {"width": width, "layers": layers}


def leave_pixels(net: NetSpec, place: int | None, error: SpecError) -> Iterator[Change]:
    """A map is too small for the stride that should subsample it."""
    if place is not None:
        before = stride_of_stem(net) * prod(s.stride for s in net.stages[: place - 1])
        fits = min(size_after(net, before))
        if fits > 1:
            yield f"Stride {fits}", {"stride": fits}
        yield "Stride 1", {"stride": 1}
    yield from less_stem(net)
    least = least_side(net)
    channels, height, width = net.input_shape
    height, width = max(height, least), max(width, least)
    yield f"Input {height}×{width}", {"input_shape": (channels, height, width)}


def less_stem(net: NetSpec) -> Iterator[Change]:
    """Stems that subsample less."""
    if POOLS[net.stem_pool].stride > 1:
        yield "Stem without pool", {"stem_pool": "none"}
    if STEMS[net.stem].convs(net.stem_width)[0].stride > 1:
        yield "3×3 stem without pool", {"stem": "3x3", "stem_pool": "none"}


def least_side(net: NetSpec) -> int:
    """Pixels that an input needs along each side, so that every stride has its own."""
    reduction = least = stride_of_stem(net)
    for stage in net.stages:
        least = max(least, input_for(net, stage.stride, reduction))
        reduction *= stage.stride
    return least


def fit_groups(net: NetSpec, place: int, error: SpecError) -> Iterator[Change]:
    """Cardinality or base width where they mean nothing, or leave no channel."""
    stage = net.stages[place - 1]
    if BLOCKS[stage.block].has_groups:
        least = -(-64 // stage.width)
        yield f"Base width {least}", {"base_width": least}
        yield "Base width 64", {"base_width": 64}
        return
    yield "Cardinality 1 and base width 64", {"cardinality": 1, "base_width": 64}
    yield "Bottleneck blocks", {"block": "bottleneck", "layers": ()}


def fit_layers(net: NetSpec, place: int, error: SpecError) -> Iterator[Change]:
    """F's own convolutions are missing, not wanted, or do not put out what the stage does."""
    stage = net.stages[place - 1]
    if not stage.layers:
        yield "Two 3×3 convolutions", {"layers": ((3, stage.width),) * 2}
        yield "Basic blocks", {"block": "basic"}
        return
    *layers, (kernel, channels) = stage.layers
    if stage.block != "composed":
        yield "No layers of its own", {"layers": ()}
        yield "Your own F", {"block": "composed", "width": channels}
        return
    yield f"Width {channels}", {"width": channels}
    ends = (*layers, (kernel, stage.width))
    yield f"A last layer of {stage.width} channels", {"layers": ends}


def fewer_channels(net: NetSpec, place: int, error: SpecError) -> Iterator[Change]:
    """A convolution has more channels than we count with."""
    stage = net.stages[place - 1]
    per_width = max(4 * 64, stage.base_width * stage.cardinality)
    yield "Cardinality 1", {"cardinality": 1}
    yield "Base width 64", {"base_width": 64}
    yield "Cardinality 1 and base width 64", {"cardinality": 1, "base_width": 64}
    width = min(stage.width, MAX_CHANNELS * 64 // per_width)
    yield f"Width {width}", {"width": width}


def torch_message(mismatch: ShapeMismatch) -> str:
    """What PyTorch itself says to the addition of these two shapes."""
    one = torch.zeros(())  # seen as any shape: the message is raised before memory is taken
    shapes = [(1, *mismatch.residual), (1, *mismatch.skip)]
    try:
        total = torch.broadcast_shapes(*shapes)
    except RuntimeError:
        try:
            return str(one.expand(shapes[0]) + one.expand(shapes[1]))
        except RuntimeError as error:
            return str(error)
    shape = "×".join(map(str, total[1:]))
    return (
        "PyTorch would say nothing: where one arm has size 1 it is repeated to fit (broadcasting), "
        f"and the sum of shape {shape} would be wrong without a word."
    )


STAGE_FIELDS = {f.name for f in fields(StageSpec)}
#: field -> table of its keys
KEYS = {**TABLES, "block": BLOCKS, "shortcut": SHORTCUTS, "attention": ATTENTIONS}
#: last word of a SpecError's `where` -> changes(net, number of the stage or None, error)
CHANGES: dict[str, Callable[..., Iterator[Change]]] = {
    "shortcut": reach_the_shape,
    "stride": leave_pixels,
    "stem": leave_pixels,
    "cardinality": fit_groups,
    "base_width": fit_groups,
    "layers": fit_layers,
    "width": fewer_channels,
}
