"""What a rule finds: where, what, why, and the changes that might cure it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from resnet_core.graph import Op
from resnet_core.repairs import Change, Repair


@dataclass(frozen=True)
class Found:
    """What a rule says of a net."""

    where: str  # a key as everywhere: "stage2", "stem", "init"
    what: str  # a sentence with figures
    why: str  # one or two sentences
    changes: Iterable[Change]  # some of which may cure it

    @property
    def place(self) -> int | None:
        return stage_of(self.where)


@dataclass(frozen=True)
class Finding:
    """What the user reads, with nets that build and have it no more."""

    rule: str  # key of RULES
    where: str
    what: str
    why: str
    repairs: tuple[Repair, ...]


@dataclass(frozen=True)
class Rule:
    """A row of RULES."""

    title: str
    find: Callable  # (net, graph) -> Founds


def stage_of(where: str) -> int | None:
    """Number of the stage, from 1; None for what belongs to the whole net."""
    number = where.removeprefix("stage")
    return int(number) if number.isdigit() else None


def place_of(op: Op) -> str:
    """ "stem", "stage1", ... or "head"."""
    return op.path.partition(".")[0]
