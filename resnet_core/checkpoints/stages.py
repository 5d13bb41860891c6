"""What the shapes of one stage's weights say: its blocks, their convolutions, their shortcuts."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from resnet_core.spec import LIMITS, MAX_LAYERS

from .limits import CheckpointError

BLOCK = re.compile(r"stage(\d+)\.(\d+)\.(.+)")
ELSE = "Choose a checkpoint of a net of basic or bottleneck blocks"
#: bottlenecks' base width at width 64, where nothing is wide or narrow
USUAL_BASE = 64

Shape = tuple[int, ...]


@dataclass(frozen=True)
class ConvShape:
    """A convolution as its weight shows it."""

    kernel: int
    in_channels: int
    out_channels: int
    groups: int


@dataclass(frozen=True)
class StageShape:
    """A stage as its weights show it."""

    num_blocks: int
    in_channels: int
    convs: tuple[ConvShape, ...]  # of each block's F
    projects_first: bool  # whether the first block has a projection
    projects_always: bool  # and all others
    skipped: tuple[int, ...]  # the convs of the first block around which a projection goes
    is_gated: bool
    attention: str

    @property
    def out_channels(self) -> int:
        return self.convs[-1].out_channels

    @property
    def is_bottleneck(self) -> bool:
        kernels = [conv.kernel for conv in self.convs]
        groups = [conv.groups for conv in self.convs[::2]]
        return kernels == [1, 3, 1] and groups == [1, 1] and bool(self.base_widths)

    @property
    def skips_unseen(self) -> bool:
        """Whether a shortcut around every layer would have no weights here."""
        return all(conv.in_channels == conv.out_channels for conv in self.convs)

    @property
    def is_strided(self) -> bool | None:
        """What projections tell of the stride: they are where channels or size change."""
        if self.skipped:
            keeps = {n for n, c in enumerate(self.convs, 1) if c.in_channels == c.out_channels}
            strided = next((n for n, conv in enumerate(self.convs, 1) if conv.kernel > 1), 1)
            return bool(keeps & set(self.skipped)) or (None if strided not in keeps else False)
        if self.projects_first and not self.projects_always:
            return True if self.in_channels == self.out_channels else None
        return None

    @property
    def base_widths(self) -> range:
        """The base widths that give the 3x3 of a bottleneck its channels."""
        width, rest = divmod(self.out_channels, 4)
        inner, uneven = divmod(self.convs[1].out_channels, self.convs[1].groups)
        if rest or uneven or not width or self.convs[0].out_channels != inner * self.cardinality:
            return range(0)
        least, most = LIMITS["base_width"]
        return range(
            max(least, -(-64 * inner // width)), min(most + 1, -(-64 * (inner + 1) // width))
        )

    @property
    def cardinality(self) -> int:
        return self.convs[1].groups

    def fields(self, base_width: int) -> dict:
        """What a StageSpec says of F; `base_width` is for a bottleneck."""
        if self.is_bottleneck:
            return {
                "block": "bottleneck",
                "width": self.out_channels // 4,
                "cardinality": self.cardinality,
                "base_width": base_width,
            }
        layers = tuple((conv.kernel, conv.out_channels) for conv in self.convs)
        if layers == ((3, self.out_channels),) * 2:
            return {"block": "basic", "width": self.out_channels}
        return {"block": "composed", "width": self.out_channels, "layers": layers}


def stages_of(shapes: dict[str, Shape], channels: int) -> list[StageShape]:
    """The stages behind a stem of that many channels. Raises CheckpointError."""
    found: dict[int, dict[int, dict[str, Shape]]] = defaultdict(lambda: defaultdict(dict))
    for name, shape in shapes.items():
        if match := BLOCK.fullmatch(name):
            found[int(match[1])][int(match[2])][match[3]] = shape
    check_gapless("stages", found, 1)
    stages = []
    for number in range(1, len(found) + 1):
        check_gapless(f"stage{number}", found[number], 0)
        blocks = [found[number][index] for index in range(len(found[number]))]
        stages.append(stage_of(f"stage{number}", blocks, channels))
        channels = stages[-1].out_channels
    return stages


def check_gapless(where: str, numbered: dict[int, object], first: int) -> None:
    for number, place in enumerate(sorted(numbered), start=first):
        if number != place:
            raise CheckpointError(f"number {number} is missing", "Take the whole file", where)


def stage_of(where: str, blocks: list[dict[str, Shape]], channels: int) -> StageShape:
    convs = convs_of(f"{where}.0", blocks[0], channels)
    for index, block in enumerate(blocks[1:], start=1):
        others = convs_of(f"{where}.{index}", block, convs[-1].out_channels)
        if [(c.kernel, c.out_channels, c.groups) for c in others] != [
            (c.kernel, c.out_channels, c.groups) for c in convs
        ]:
            raise CheckpointError(
                "the convolutions are not those of the stage's first block",
                ELSE,
                f"{where}.{index}",
            )
    stage = StageShape(
        num_blocks=len(blocks),
        in_channels=channels,
        convs=convs,
        projects_first="shortcut.conv.weight" in blocks[0],
        projects_always=all("shortcut.conv.weight" in block for block in blocks),
        skipped=tuple(
            n for n in range(1, len(convs) + 1) if f"shortcut.layer{n}.conv.weight" in blocks[0]
        ),
        is_gated="add.gate.weight" in blocks[0],
        attention=next((key for sign, key in ATTENTIONS.items() if sign in blocks[0]), "none"),
    )
    if not stage.is_bottleneck and any(conv.groups > 1 for conv in convs):
        raise CheckpointError("convolutions have groups outside a bottleneck's 3×3", ELSE, where)
    return stage


def convs_of(where: str, block: dict[str, Shape], channels: int) -> tuple[ConvShape, ...]:
    """F's convolutions. Raises CheckpointError for a gap or for shapes that do not join."""
    convs = []
    for number in range(1, MAX_LAYERS + 1):
        shape = block.get(f"residual.conv{number}.weight")
        if shape is None:
            break
        convs.append(conv_of(f"{where}.conv{number}", shape, channels))
        channels = convs[-1].out_channels
    count = sum(re.fullmatch(r"residual\.conv\d+\.weight", name) is not None for name in block)
    if len(convs) != count or not convs:
        raise CheckpointError(f"conv{len(convs) + 1} of F is missing", ELSE, where)
    return tuple(convs)


def conv_of(where: str, shape: Shape, channels: int) -> ConvShape:
    """A convolution of `channels` by its weight's shape: out, in / groups, kernel, kernel."""
    if len(shape) != 4 or shape[2] != shape[3] or shape[2] % 2 == 0 or 0 in shape:
        raise CheckpointError(f"{shown(shape)} is no weight of a convolution", ELSE, where)
    out, per_group, kernel, _ = shape
    if channels % per_group or out % (channels // per_group):
        raise CheckpointError(
            f"a weight of {shown(shape)} does not take the {channels} channels before it",
            ELSE,
            where,
        )
    return ConvShape(kernel, channels, out, channels // per_group)


def shown(shape: Shape) -> str:
    return "×".join(map(str, shape)) or "a single number"


#: weight -> the attention that has it
ATTENTIONS = {
    "residual.attention.reduce.weight": "se",
    "residual.attention.conv.weight": "eca",
}
