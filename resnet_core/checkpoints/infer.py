"""Tensors -> the net they belong to, and what they cannot tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from resnet_core.presets import PRESETS
from resnet_core.resolve import blocks_of
from resnet_core.spec import NetSpec, StageSpec
from resnet_core.stems import STEMS

from .limits import CheckpointError
from .names import Named, named
from .reading import tensors_of
from .stages import ELSE, USUAL_BASE, Shape, StageShape, conv_of, shown, stages_of


@dataclass(frozen=True)
class Assumption:
    """What keys and shapes cannot tell.

    `field` is one of the NetSpec's, a column of its stage table ("stride") or one cell of it
    ("stage2.shortcut").
    """

    field: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"{self.field.replace('_', ' ')} = {self.value}: {self.why}"


@dataclass(frozen=True)
class Inferred:
    """A net that takes a file's weights."""

    net: NetSpec
    family: str  # whose names: "torchvision", "timm", "this project"
    assumptions: tuple[Assumption, ...]
    unknown: tuple[str, ...]  # names in the file that no residual net has here


def infer(tensors: Mapping[str, torch.Tensor]) -> Inferred:
    """The spec that the tensors' names and shapes show; their values are not looked at.

    Raises CheckpointError where they are not a residual net's, SpecError for a net out of range.
    """
    names = named(tensors_of(tensors))
    shapes = {name: tuple(tensor.shape) for name, tensor in names.tensors.items()}
    stem, width, in_channels = stem_of(shapes)
    stages = stages_of(shapes, width)
    norm, order = norm_of(shapes), order_of(shapes)
    pool, side = ("none", 32) if stem == "3x3" else ("max", 224)
    notes = [
        *assumed_everywhere(norm, order),
        Assumption("stem_pool", pool, f"as usual behind a {stem} stem"),
        Assumption("input_shape", f"{in_channels}, {side}, {side}", "the weights fit any size"),
    ]
    rows = stage_table(stages, names, stem, side // (1 if stem == "3x3" else 4), notes)
    net = NetSpec(
        name="From a checkpoint",
        stages=rows,
        stem=stem,
        stem_pool=pool,
        stem_width=width,
        order=order,
        norm=norm,
        init="fixup" if norm == "fixup" else "kaiming",
        input_shape=(in_channels, side, side),
        num_classes=classes_of(shapes, notes),
    )
    blocks_of(net)  # raises SpecError for what cannot be built
    return Inferred(named_as_published(net), names.family, tuple(notes), names.unknown)


def stem_of(shapes: dict[str, Shape]) -> tuple[str, int, int]:
    """Key of STEMS, its width and the image's channels."""
    paths = [f"stem.conv{n}.weight" for n in ("", 1, 2, 3) if f"stem.conv{n}.weight" in shapes]
    if not paths or len(shapes[paths[0]]) != 4:
        raise CheckpointError("there is no stem's convolution", ELSE, "stem")
    in_channels = channels = shapes[paths[0]][1]
    convs = []
    for path in paths:
        if channels < 1:
            raise CheckpointError("its first weight is empty", ELSE, "stem")
        convs.append(conv_of("stem", shapes[path], channels))
        channels = convs[-1].out_channels
    found = [(conv.kernel, conv.out_channels) for conv in convs]
    for key, row in STEMS.items():
        if [(c.kernel, c.channels) for c in row.convs(channels)] == found:
            return key, channels, in_channels
    raise CheckpointError(
        f"its convolutions are none of {', '.join(STEMS)}: "
        + ", ".join(shown(shapes[path]) for path in paths),
        ELSE,
        "stem",
    )


def norm_of(shapes: dict[str, Shape]) -> str:
    """Key of NORMS."""
    if "stage1.0.residual.bias1.bias" in shapes:
        return "fixup"
    if any(name.endswith(".running_mean") for name in shapes):
        return "batch"
    return "group" if any(".norm" in name for name in shapes) else "none"


def order_of(shapes: dict[str, Shape]) -> str:
    """Key of ORDERS, by where a norm's tensors are."""
    if "stage1.0.norm.bias" not in shapes:
        return "original"
    ends = ("stem.norm.bias", "stem.norm3.bias")  # behind the stem's last convolution
    return "norm-after-add" if any(end in shapes for end in ends) else "preact"


def assumed_everywhere(norm: str, order: str):
    """Assumptions on the net as a whole."""
    yield Assumption("activation", "relu", "activations have no weights")
    yield Assumption("antialias", "none", "pools have no weights (timm's resnetaa: average)")
    yield Assumption("stochastic_depth", "0", "it has no weights, and no effect after training")
    yield Assumption("init", "fixup" if norm == "fixup" else "kaiming", "the weights replace it")
    if norm == "group":
        yield Assumption("norm", "group, 32 groups", "every number of groups has the same weights")
    if norm == "none":
        yield Assumption("order", order, "without norms, every order has the same weights")
    elif order == "original":
        yield Assumption("order", order, "an activation before + or first has the same weights")
    if norm == "group" and order == "preact":
        why = "weights of BiT nets are standardised before use, which this program does not"
        yield Assumption("norm", "after plain convolutions", why)


def stage_table(
    stages: list[StageShape], names: Named, stem: str, side: int, notes: list[Assumption]
) -> tuple[StageSpec, ...]:
    """The rows; `side` is that of the map behind the stem. Adds to `notes`."""
    deep = stem not in ("3x3", "7x7")
    projected = "D" if names.pooled or (names.pooled is None and deep) else "B"
    told = [shortcut_of(stage, number, projected) for number, stage in enumerate(stages, 1)]
    usual = next((key for key in told if key in ("A", "B", "D", "layer")), "A")
    bases = base_widths(stages, notes)
    rows = []
    for number, (stage, key) in enumerate(zip(stages, told, strict=True), start=1):
        shortcut = key or (usual if usual != "layer" or stage.skips_unseen else "A")
        stride = 2 if (number > 1 and side > 1) else 1
        if key is None and shortcut in ("B", "D", "layer"):
            stride = 1  # else there would be a projection
        elif stage.is_strided is not None:
            stride = 2 if stage.is_strided else 1
        side = -(-side // stride)
        note_shortcut(f"stage{number}.shortcut", key, shortcut, names.pooled, notes)
        rows.append(
            StageSpec(
                num_blocks=stage.num_blocks,
                stride=stride,
                shortcut=shortcut,
                attention=stage.attention,
                **stage.fields(bases[number - 1]),
            )
        )
    strides = ", ".join(str(row.stride) for row in rows)
    notes.append(Assumption("stride", strides, "1, then 2, in every family; weights do not show"))
    if any(row.block == "bottleneck" and row.stride > 1 for row in rows):
        why = "the stride on the 3×3, as in torchvision and timm; He et al. 2015: on the first 1×1"
        notes.append(Assumption("block", "bottleneck", why))
    return tuple(rows)


def shortcut_of(stage: StageShape, number: int, projected: str) -> str | None:
    """Key of SHORTCUTS; None where x keeps its shape and has no weights on its way."""
    if stage.is_gated or stage.skipped:
        return "gated" if stage.is_gated else "layer"
    keeps = stage.in_channels == stage.out_channels
    if stage.projects_always and (stage.num_blocks > 1 or (keeps and number == 1)):
        return "C"
    if stage.projects_first:
        return projected
    if stage.out_channels < stage.in_channels:
        return "none"  # zeros can only add channels
    return None if keeps else "A"


def note_shortcut(
    field: str, key: str | None, taken: str, pooled: bool | None, notes: list[Assumption]
) -> None:
    """Adds what a stage's shortcut was taken for, where its weights do not tell."""
    if key is None:
        notes.append(
            Assumption(field, taken, "no weights, as x keeps its shape: as the other stages")
        )
    elif key == "A":
        why = "no weights: a plain net and some of He et al. 2016 have none either"
        notes.append(Assumption(field, key, why))
    elif key == "gated":
        notes.append(Assumption(field, key, "the gate may weigh x alone: gated-x"))
    elif key in ("B", "D") and pooled is None:
        other = "B" if key == "D" else "D"
        why = "a pool before the projection has no weights; usual with this stem"
        notes.append(Assumption(field, key, f"{why}; else {other}"))


def base_widths(stages: list[StageShape], notes: list[Assumption]) -> list[int]:
    """One for each stage: the same for all bottlenecks where one fits them all."""
    ranges = [stage.base_widths if stage.is_bottleneck else None for stage in stages]
    real = [r for r in ranges if r is not None]
    if not real:
        return [USUAL_BASE] * len(stages)
    common = range(max(r.start for r in real), min(r.stop for r in real))
    chosen = [common or r or range(USUAL_BASE, USUAL_BASE + 1) for r in ranges]
    if any(len(r) > 1 for r in chosen):
        spans = ", ".join(f"{r.start} to {r.stop - 1}" for r in dict.fromkeys(chosen))
        notes.append(Assumption("base_width", "64 where it fits", f"{spans} give one width"))
    return [USUAL_BASE if USUAL_BASE in r else r.start for r in chosen]


def classes_of(shapes: dict[str, Shape], notes: list[Assumption]) -> int:
    """By the classifier; a file without one says nothing."""
    if shapes.get("head.fc.weight"):
        return shapes["head.fc.weight"][0]
    notes.append(Assumption("num_classes", "1000", "the file has no classifier"))
    return 1000


def named_as_published(net: NetSpec) -> NetSpec:
    """The net with the name of the preset that has its body."""
    for row in PRESETS.values():
        if body_of(row.net) == body_of(net):
            return replace(net, name=row.net.name)
    return net


def body_of(net: NetSpec) -> tuple:
    """What the weights of stem and stages depend on."""
    stem = net.input_shape[0], net.stem, net.stem_pool, net.stem_width
    layers = net.order, net.norm, net.activation, net.antialias
    return stem, layers, net.stages
