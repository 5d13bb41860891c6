"""Rules about pixels: maps that are too small, fields too large, strides that leave some out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from resnet_core.geometry import last_field, receptive_fields
from resnet_core.graph import LayerGraph, Op, trace
from resnet_core.repairs import Change, less_stem
from resnet_core.resolve import size_after, stride_of_stem
from resnet_core.spec import NetSpec

from .finding import Found, place_of, stage_of

FIELD_LIMIT = 16  # times the input: ResNet-110 on 32x32 images has 15.7
SMALL_IMAGE = 64  # pixels: up to this side, a stem that divides by 4 leaves too little


def one_pixel_maps(net: NetSpec, graph: LayerGraph) -> Iterator[Found]:
    seen = {}
    for op in graph.ops:
        if op.kind == "conv" and op.window[0] > 1 and not op.is_beside:
            size = graph.by_path[op.inputs[0]].shape[1:]
            if size == (1, 1):
                seen.setdefault(place_of(op), op)
    for where, op in seen.items():
        kernel = op.window[0]
        yield Found(
            where,
            f"Its {kernel}×{kernel} convolutions work on 1×1 maps",
            f"All but one of their {kernel * kernel} weights see only zeros of the padding: they "
            "cost and learn nothing.",
            larger_maps(net, stage_of(where)),
        )


def larger_maps(net: NetSpec, place: int | None) -> Iterator[Change]:
    """Ways to let more pixels into a stage."""
    if place is not None and net.stages[place - 1].stride > 1:
        yield "Stride 1", {"stride": 1}
    yield from less_stem(net)
    reduction = stride_of_stem(net) * prod(stage.stride for stage in net.stages[: place or 0])
    yield larger_input(net, 4 * reduction)
    if place is not None and place > 1:
        yield f"Without stage {place}", {"stages": net.stages[: place - 1] + net.stages[place:]}


def larger_input(net: NetSpec, least: int) -> Change:
    channels, height, width = net.input_shape
    height, width = max(height, least), max(width, least)
    return f"Input {height}×{width}", {"input_shape": (channels, height, width)}


def far_field(net: NetSpec, graph: LayerGraph) -> Iterator[Found]:
    size, side = last_field(graph).size, min(net.input_shape[1:])
    if size <= FIELD_LIMIT * side:
        return
    yield Found(
        "stages",
        f"The last stage could see {size:,} pixels along a side, {size / side:.0f} times the input",
        "Most of that is padding. What weighs in practice grows only with the square root of the "
        "depth (Luo et al. 2016), but the last stages work on hardly more than borders.",
        smaller_field(net, size, side),
    )


def smaller_field(net: NetSpec, size: int, side: int) -> Iterator[Change]:
    share = FIELD_LIMIT * side / size  # fields grow in proportion to the number of blocks
    while share > 0.01:
        stages = tuple(replace(s, num_blocks=int(s.num_blocks * share) or 1) for s in net.stages)
        if stages == net.stages:
            break
        fewer = replace(net, stages=stages)
        if last_field(trace(fewer)).size <= FIELD_LIMIT * side:
            counts = ", ".join(str(s.num_blocks) for s in stages)
            yield f"Blocks {counts}", {"stages": stages}
            break
        share *= 0.9
    if -(-size // FIELD_LIMIT) <= 512:
        least = next(n for n in (16, 32, 64, 128, 256, 512) if n * FIELD_LIMIT >= size)
        yield larger_input(net, least)


def imagenet_stem(net: NetSpec, graph: LayerGraph) -> Iterator[Found]:
    stride, (height, width) = stride_of_stem(net), net.input_shape[1:]
    small = SMALL_IMAGE if stride >= 4 else SMALL_IMAGE // 2
    if stride == 1 or min(height, width) > small:
        return
    after = "×".join(map(str, size_after(net, stride)))
    yield Found(
        "stem",
        f"The stem leaves {after} of {height}×{width} pixels to the first stage",
        "It was made for images of 224×224. Small images lose their detail before the first block "
        "sees them; He et al. 2015, sec. 4.2 begin with one 3×3 convolution there.",
        less_stem(net),
    )


def skipped_pixels(net: NetSpec, graph: LayerGraph) -> Iterator[Found]:
    for op in strided_ops(graph):
        kernel, stride, _ = op.window
        if stride > kernel and min(graph.by_path[op.inputs[0]].shape[1:]) > kernel:
            where = place_of(op)
            yield Found(
                where,
                f"A {kernel}×{kernel} layer of stride {stride} looks at {kernel**2} of every "
                f"{stride**2} pixels",
                "F never sees the others: what lies there cannot change what it computes.",
                closer_strides(net, stage_of(where), kernel),
            )


def closer_strides(net: NetSpec, place: int, kernel: int) -> Iterator[Change]:
    if net.stages[place - 1].block == "bottleneck-2015":
        yield "Stride on the 3×3", {"block": "bottleneck"}
    yield f"Stride {kernel}", {"stride": kernel}
    yield "Average pools in F", {"antialias": "avg"}


def uneven_pixels(net: NetSpec, graph: LayerGraph) -> Iterator[Found]:
    fields = receptive_fields(graph)
    steps = [(fields[op.inputs[0]].stride, op) for op in strided_ops(graph)]
    for _, op in steps:
        shape = graph.by_path[op.inputs[0]].shape[1:]
        found = next((text for n in shape if (text := left_over(op, n))), None)
        if found:
            yield Found(
                place_of(op),
                f"{shape[0]}×{shape[1]} pixels do not go into strides of {op.window[1]}: {found}",
                "The picture's lower and right borders count differently from its middle.",
                even_inputs(net, steps),
            )


def left_over(op: Op, size: int) -> str | None:
    """What becomes of the last pixels of a row of `size`; None if all count."""
    kernel, stride, padding = op.window
    if stride > kernel:  # pixels are skipped everywhere, see skipped_pixels
        return None
    windows = size // stride if op.layer == "WholePool" else -(-size // stride)
    reads = (windows - 1) * stride - padding + kernel  # as far as the last window goes
    if reads < size:
        return f"the last {size - reads} of {size} is never seen"
    if op.layer == "AveragePool" and size % stride:
        return f"the last window averages {size % stride} instead of {stride}"
    return None


def even_inputs(net: NetSpec, steps: list[tuple[int, Op]]) -> Iterator[Change]:
    """The nearest input that every stride divides as it should."""
    channels, *sides = net.input_shape
    furthest = min(2048, 2 * max(reduction * op.window[1] for reduction, op in steps))

    def is_even(side: int) -> bool:
        return not any(left_over(op, -(-side // reduction)) for reduction, op in steps)

    def nearest(side: int) -> int | None:
        near = (n for d in range(furthest) for n in (side + d, side - d) if n > 0)
        return next(filter(is_even, near), None)

    height, width = map(nearest, sides)
    if height and width:
        yield f"Input {height}×{width}", {"input_shape": (channels, height, width)}


def strided_ops(graph: LayerGraph) -> Iterator[Op]:
    """Layers of the stem and of F that subsample."""
    return (op for op in graph.ops if op.window[1] > 1 and not op.is_beside)
