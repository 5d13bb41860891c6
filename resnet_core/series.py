"""Runs that belong together: submitted at once, trained one after the other, shown on one scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from .run_config import RunConfig


@dataclass(frozen=True)
class Series:
    """What `Engine.submit_series` takes."""

    kind: str  # key of SERIES
    title: str
    runs: tuple[tuple[str, RunConfig], ...]  # (what tells it from the others, its config)


@dataclass(frozen=True)
class Kind:
    """A row of SERIES."""

    title: str
    make: Callable[[RunConfig], Series]
    help: str
    shown_as: str  # "band": mean and spread; "board": side by side; "sweep": against the label


def seeds(config: RunConfig, count: int = 3) -> Series:
    """The same run with this seed and the next ones."""
    runs = tuple(
        (f"seed {seed}", replace(config, seed=seed))
        for seed in range(config.seed, config.seed + count)
    )
    return Series("seeds", f"{config.net.name:.60}, {count} seeds", runs)


def board(config: RunConfig) -> Series:
    """Two pairs of twins, with batch norm and without: {skip, plain} x {BN, none}."""
    runs = tuple(
        (label, replace(config, net=replace(config.net, norm=norm)))
        for label, norm in (("batch norm", "batch"), ("no norm", "none"))
    )
    return Series("board", f"{config.net.name:.60}, with and without batch norm", runs)


#: kind -> how a series of it is made of the run on screen
SERIES = {
    "seeds": Kind("Repeat with 3 seeds", seeds, "One seed proves little", "band"),
    "board": Kind("With and without norm", board, "Four nets on one scale", "board"),
}
