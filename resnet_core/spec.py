"""What a net *is*, as plain data: a stem, a table of stages, a head. Standard library only."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, fields

#: Written into every JSON spec; raised when a field changes its meaning.
FORMAT_VERSION = 2

#: field -> (least, most). Wide enough for every published net, small enough to draw and to count.
LIMITS = {
    "num_blocks": (1, 1000),
    "width": (1, 8192),
    "stride": (1, 4),
    "cardinality": (1, 1024),
    "base_width": (1, 1024),
    "stem_width": (1, 8192),
    "stochastic_depth": (0, 95),
    "num_classes": (1, 100_000),
    "input_shape.channels": (1, 1024),
    "input_shape.height": (1, 2048),
    "input_shape.width": (1, 2048),
}
MAX_STAGES = 16
MAX_BLOCKS = 2000
MAX_LAYERS = 4  # convolutions in an F of the user's own
MAX_KERNEL = 15
MAX_CHANNELS = 65_536  # of any convolution, after cardinality and expansion
MAX_NAME = 80
MAX_JSON = 64 * 1024  # characters


class SpecError(ValueError):
    """The user described a net that cannot be built: where, what is wrong, what would do.

    `where` is a key as everywhere else: "stage2.width", "stage3.0.shortcut", "input_shape".
    """

    def __init__(self, where: str, problem: str, remedy: str):
        super().__init__(where, problem, remedy)
        self.where, self.problem, self.remedy = where, problem, remedy

    def __str__(self) -> str:
        return f"{in_words(self.where)}: {self.problem}. {self.remedy}."

    def within(self, outer: str) -> SpecError:
        """The same error seen from one level up: "width" within "stage2"."""
        return SpecError(f"{outer}.{self.where}", self.problem, self.remedy)


class ShapeMismatch(SpecError):
    """The two arms of a (+) have different shapes: the classic mistake, as data.

    `block` is where; `residual` and `skip` are the shapes (C, H, W) of F(x) and of what the
    shortcut makes of x.
    """

    def __init__(self, where: str, problem: str, remedy: str, block, residual, skip):
        super().__init__(where, problem, remedy)
        self.block: BlockSpec = block
        self.residual: tuple[int, int, int] = residual
        self.skip: tuple[int, int, int] = skip

    def within(self, outer: str) -> ShapeMismatch:
        where = f"{outer}.{self.where}"
        return ShapeMismatch(where, self.problem, self.remedy, self.block, self.residual, self.skip)


#: part of a key -> what the screen calls it, where that is not the key itself
WORDS = {"residual": "F", "layers": "F", "antialias": "striding"}


def in_words(where: str) -> str:
    """A key as a reader says it: "stage2.0.shortcut" -> "Stage 2, block 1, shortcut"."""
    parts = []
    for part in where.split("."):
        if match := re.fullmatch(r"stage(\d+)", part):
            parts.append(f"stage {match[1]}")
        elif part.isdigit():
            parts.append(f"block {int(part) + 1}")
        else:
            parts.append(WORDS.get(part, part.replace("num_", "").replace("_", " ")))
    words = ", ".join(parts)
    return words[:1].upper() + words[1:]


@dataclass(frozen=True, kw_only=True)
class StageSpec:
    """One row of the stage table: `num_blocks` equal blocks, of which the first is strided."""

    num_blocks: int
    width: int  # channels of the block's 3x3 convs; the stage puts out width * expansion
    stride: int = 1
    block: str = "basic"  # key of blocks.BLOCKS
    shortcut: str = "A"  # key of shortcuts.SHORTCUTS; "none" makes a plain stage
    cardinality: int = 1  # groups of the bottleneck's 3x3 (ResNeXt)
    base_width: int = 64  # of it, at width 64: 4 in a ResNeXt 32x4d, 128 in a Wide ResNet-50-2
    attention: str = "none"  # key of layers.ATTENTIONS
    #: (kernel, channels) of each conv of F, for block "composed" alone; the last puts out `width`
    layers: tuple[tuple[int, int], ...] = ()

    def __post_init__(self):
        for name in ("num_blocks", "width", "stride", "cardinality", "base_width"):
            check_number(name, getattr(self, name))
        for name in ("block", "shortcut", "attention"):
            check_text(name, getattr(self, name))
        check_layers(self.layers)


@dataclass(frozen=True, kw_only=True)
class NetSpec:
    """A whole net. Hashable, comparable, JSON-able: the key of every cache and every run."""

    name: str
    stages: tuple[StageSpec, ...]
    stem: str = "3x3"  # key of stems.STEMS
    stem_pool: str = "none"  # key of stems.POOLS
    stem_width: int = 16  # channels that the stem puts out
    order: str = "original"  # key of blocks.ORDERS
    norm: str = "batch"  # key of layers.NORMS
    activation: str = "relu"  # key of layers.ACTIVATIONS
    antialias: str = "none"  # key of layers.ANTIALIAS
    stochastic_depth: int = 0  # percent: chance that the last block's F is dropped; linear before
    init: str = "kaiming"  # key of inits.INITS
    input_shape: tuple[int, int, int] = (3, 32, 32)  # C, H, W
    num_classes: int = 10

    def __post_init__(self):
        for name in CHOICES:
            check_text(name, getattr(self, name))
        for name in ("stem_width", "num_classes", "stochastic_depth"):
            check_number(name, getattr(self, name))
        if not isinstance(self.input_shape, tuple) or len(self.input_shape) != 3:
            raise SpecError(
                "input_shape",
                f"{self.input_shape!r:.60} is not a shape",
                "Give channels, height and width, for example 3, 32, 32",
            )
        for name, size in zip(("channels", "height", "width"), self.input_shape):
            check_number(f"input_shape.{name}", size)
        if not 1 <= len(self.stages) <= MAX_STAGES:
            raise SpecError(
                "stages",
                f"a net has 1 to {MAX_STAGES} stages, not {len(self.stages)}",
                "Add a stage" if not self.stages else "Join stages of the same width",
            )
        if (blocks := sum(stage.num_blocks for stage in self.stages)) > MAX_BLOCKS:
            raise SpecError(
                "stages",
                f"{blocks:,} blocks in all are more than {MAX_BLOCKS:,}",
                "Take blocks out of the longest stage",
            )

    @property
    def is_plain(self) -> bool:
        """True if no block has a shortcut."""
        return all(stage.shortcut == "none" for stage in self.stages)

    @property
    def role(self) -> str:
        """Which of two twins it is: "plain" or "residual"."""
        return "plain" if self.is_plain else "residual"

    def _repr_html_(self) -> str:
        from .notebook import net_table  # imports torch

        return net_table(self)

    def to_json(self) -> str:
        """One line of JSON with a format version; `from_json` reads it back to an equal spec."""
        return json.dumps({"format": FORMAT_VERSION, **asdict(self)}, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> NetSpec:
        """Raises SpecError for anything but a spec of a format we know; checks every field."""
        if len(text) > MAX_JSON:
            raise SpecError("spec", f"{len(text):,} characters are too long", "Give a spec file")
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as e:
            raise SpecError("spec", "this is not JSON", "Copy the whole spec again") from e
        return NetSpec.from_dict(data)

    @staticmethod
    def from_dict(data: object) -> NetSpec:
        """The dict that `to_json` writes -> NetSpec. Unknown fields are refused, not dropped."""
        data = check_fields("spec", data, NetSpec, extra={"format"})
        version = data.pop("format", FORMAT_VERSION)
        if version == 1:
            data |= STEMS_OF_FORMAT_1.get(str(data.get("stem", "cifar")), {})
        elif version != FORMAT_VERSION:
            raise SpecError(
                "format",
                f"this spec has format {version!r:.20}, this program reads up to {FORMAT_VERSION}",
                "Update the program",
            )
        rows = data["stages"]
        if not isinstance(rows, list):
            raise SpecError("stages", f"{rows!r:.40} is not a list of stages", "Give one row each")
        stages = []
        for number, row in enumerate(rows[: MAX_STAGES + 1], start=1):
            try:
                row = check_fields("row", row, StageSpec)
                if isinstance(row.get("layers"), list):
                    row["layers"] = tuple(
                        tuple(layer) if isinstance(layer, list) else layer
                        for layer in row["layers"]
                    )
                stages.append(StageSpec(**row))
            except SpecError as e:
                raise e.within(f"stage{number}") from e
        shape = data.get("input_shape")
        if isinstance(shape, list):
            data["input_shape"] = tuple(shape)
        return NetSpec(**{**data, "stages": tuple(stages)})


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockSpec:
    """One block with every number resolved. `path` is its name everywhere."""

    path: str = field(compare=False)  # "stage2.0"; blocks that differ only in place are equal
    block: str
    convs: tuple[tuple[int, int, int, int], ...]  # of F: kernel, channels out, stride, groups
    shortcut: str
    order: str
    in_channels: int
    width: int
    out_channels: int
    stride: int
    norm: str
    activation: str
    attention: str
    antialias: str
    has_drop: bool  # stochastic depth
    drop_rate: float = field(compare=False, default=0.0)  # grows with depth; changes no cost


@dataclass(frozen=True)
class StemSpec:
    """What the stem depends on."""

    in_channels: int
    stem: str
    pool: str
    width: int
    order: str
    norm: str
    activation: str
    antialias: str


@dataclass(frozen=True)
class HeadSpec:
    """What the head depends on."""

    in_channels: int
    num_classes: int
    order: str
    norm: str
    activation: str


def check_number(name: str, value: object) -> None:
    """Raises SpecError unless `value` is a whole number within LIMITS[name]."""
    least, most = LIMITS[name]
    if isinstance(value, bool) or not isinstance(value, int):
        problem = "it is empty" if value == "" else f"{value!r:.40} is not a whole number"
        raise SpecError(name, problem, f"Use {least} to {most:,}")
    if not least <= value <= most:
        problem = f"{shown(value)} is out of range"
        raise SpecError(name, problem, f"Use a whole number from {least} to {most:,}")


def shown(value: int) -> str:
    """Digits with separators, or the size of a number nobody wants to read."""
    return f"{value:,}" if abs(value) < 10**15 else "a number of more than 15 digits"


def check_layers(layers: object) -> None:
    """Raises SpecError unless `layers` are up to MAX_LAYERS pairs (odd kernel, channels)."""
    example = "Write kernel and channels of 1 to 4 convolutions, for example 3×64, 3×64"
    if not isinstance(layers, tuple):
        raise SpecError("layers", f"{layers!r:.60} will not do", example)
    if len(layers) > MAX_LAYERS:
        raise SpecError("layers", f"{len(layers)} convolutions are too many", example)
    for layer in layers:
        if not (
            isinstance(layer, tuple)
            and len(layer) == 2
            and all(isinstance(n, int) and not isinstance(n, bool) for n in layer)
        ):
            raise SpecError("layers", f"{layer!r:.40} is not a convolution", example)
        kernel, channels = layer
        if not 1 <= kernel <= MAX_KERNEL or kernel % 2 == 0:
            raise SpecError(
                "layers",
                f"a kernel of {shown(kernel)} has no middle"
                if kernel % 2 == 0
                else f"a kernel of {shown(kernel)} is out of range",
                f"Use an odd kernel from 1 to {MAX_KERNEL}",
            )
        try:
            check_number("width", channels)
        except SpecError as e:
            raise SpecError("layers", e.problem, e.remedy) from e


def check_text(name: str, value: object) -> None:
    """Raises SpecError unless `value` is 1 to MAX_NAME printable characters."""
    if not isinstance(value, str) or not value.strip():
        raise SpecError(name, f"{value!r:.40} is not a text", "Give a name")
    if len(value) > MAX_NAME or not value.isprintable():
        raise SpecError(
            name,
            f"{value[:20]!r}... is too long or has characters that cannot be shown",
            f"Use at most {MAX_NAME} printable characters",
        )


def check_fields(where: str, data: object, cls: type, extra: frozenset | set = frozenset()) -> dict:
    """`data` as a dict whose keys are fields of `cls`, with none that has no default missing."""
    if not isinstance(data, dict):
        raise SpecError(where, f"{data!r:.40} is not an object with fields", "Copy the spec again")
    known = {f.name for f in fields(cls)}
    needed = {f.name for f in fields(cls) if f.default is f.default_factory}  # both are MISSING
    for name in sorted(set(data) - known - set(extra), key=str):
        raise SpecError(
            f"{name!s:.40}", "there is no such field", f"Use {', '.join(sorted(known))}"
        )
    for name in sorted(needed - set(data)):
        raise SpecError(name, "this field is missing", "Add it")
    return dict(data)


#: fields of a NetSpec that name a row of a table, and the net's own name
CHOICES = ("name", "stem", "stem_pool", "order", "norm", "activation", "antialias", "init")
#: format 1 had two stems, each with its pool
STEMS_OF_FORMAT_1 = {
    "cifar": {"stem": "3x3", "stem_pool": "none"},
    "imagenet": {"stem": "7x7", "stem_pool": "max"},
}
