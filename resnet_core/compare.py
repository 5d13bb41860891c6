"""Two nets side by side: what was set differently and what it costs, as data."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .graph import LayerGraph
from .memory import training_memory
from .spec import NetSpec, StageSpec


@dataclass(frozen=True)
class Difference:
    """One number of two nets; None where a net has no such part."""

    what: str  # "parameters", "stage2"
    unit: str  # "parameters", "MACs", "layers", "bytes"
    before: int | None
    after: int | None

    @property
    def change(self) -> int:
        """What was added; a part that is not there counts as 0."""
        return (self.after or 0) - (self.before or 0)

    @property
    def percent(self) -> float | None:
        """The change in percent of `before`; None where that was nothing."""
        return 100 * self.change / self.before if self.before else None


@dataclass(frozen=True)
class Setting:
    """One field of two specs that differs; "" where a net has no such stage."""

    where: str  # "stage2.width", "norm"
    before: object
    after: object


@dataclass(frozen=True)
class Comparison:
    """All that tells two nets apart, but for their names."""

    batch_size: int  # of the training memory
    settings: tuple[Setting, ...]
    totals: tuple[Difference, ...]
    parts: tuple[Difference, ...]  # stem, stages, head: parameters, then MACs of each

    @property
    def is_same(self) -> bool:
        """Whether both describe the same net; their names do not matter."""
        return not self.settings


def differences(before: LayerGraph, after: LayerGraph, batch_size: int = 1) -> Comparison:
    """Totals, parts and settings of two graphs. MACs are of one example of each net's own input.

    Memory is that of training with SGD in float32, one batch.
    """
    sides = (before, after)
    memory = (training_memory(graph, batch_size).total for graph in sides)
    totals = (
        Difference("parameters", "parameters", before.params, after.params),
        Difference("MACs", "MACs", before.macs, after.macs),
        Difference("depth", "layers", before.depth, after.depth),
        Difference("training memory", "bytes", *memory),
    )
    params, macs = ([of_parts(graph, name) for graph in sides] for name in ("params", "macs"))
    names = sorted({*params[0], *params[1]}, key=place)
    parts = tuple(
        Difference(name, unit, costs[0].get(name), costs[1].get(name))
        for name in names
        for unit, costs in (("parameters", params), ("MACs", macs))
    )
    return Comparison(batch_size, settings(before.net, after.net), totals, parts)


def of_parts(graph: LayerGraph, field: str) -> dict[str, int]:
    """Sum of a field of the ops in stem, each stage and head."""
    sums: dict[str, int] = {}
    for op in graph.ops[1:]:  # without the input
        part = op.path.split(".")[0]
        sums[part] = sums.get(part, 0) + getattr(op, field)
    return sums


def place(part: str) -> tuple[int, int]:
    """Where a part stands along a net: stem, stages by number, head."""
    if part in ("stem", "head"):
        return (0, 0) if part == "stem" else (2, 0)
    return 1, int(part.removeprefix("stage"))


def settings(before: NetSpec, after: NetSpec) -> tuple[Setting, ...]:
    """The fields that differ, stage by stage; a stage that one net lacks is one entry."""
    found = [
        Setting(f.name, getattr(before, f.name), getattr(after, f.name))
        for f in fields(NetSpec)
        if f.name not in ("name", "stages")
    ]
    for number in range(max(len(before.stages), len(after.stages))):
        where = f"stage{number + 1}"
        rows = [net.stages[number] if number < len(net.stages) else None for net in (before, after)]
        if None in rows:
            found.append(Setting(where, *("" if row is None else in_short(row) for row in rows)))
            continue
        found += [
            Setting(f"{where}.{f.name}", getattr(rows[0], f.name), getattr(rows[1], f.name))
            for f in fields(StageSpec)
        ]
    return tuple(setting for setting in found if setting.before != setting.after)


def in_short(stage: StageSpec) -> str:
    """A stage in a few words: "3 × basic, width 64"."""
    return f"{stage.num_blocks} × {stage.block}, width {stage.width}"
