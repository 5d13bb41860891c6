"""Runs that belong together: submitted at once, trained one after the other, shown on one scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from .ranges import RANGES
from .resolve import blocks_of
from .run_config import RunConfig
from .spec import NetSpec, SpecError
from .stems import STEMS

#: blocks in each stage: 8, 14, 20, 32, 44, 56, 80 and 110 layers of three stages of basic blocks
SWEPT = (1, 2, 3, 5, 7, 9, 13, 18)


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
    """The same run with this seed and the next ones. Raises SpecError if there are not as many."""
    last = RANGES["seed"][2]
    if config.seed + count - 1 > last:
        raise SpecError(
            "seed",
            f"{count} seeds from {config.seed:,} on would go past {last:,}",
            f"Use at most {last - count + 1:,}",
        )
    runs = tuple(
        (f"seed {seed}", replace(config, seed=seed))
        for seed in range(config.seed, config.seed + count)
    )
    return Series("seeds", f"{config.net.name:.60}, {count} seeds", runs)


def board(config: RunConfig) -> Series:
    """Two pairs of twins, with batch norm and without: {skip, plain} x {BN, none}."""
    rows = {"batch norm": {"norm": "batch"}, "no norm": {"norm": "none"}}
    return compared("board", config, "with and without batch norm", rows)


def zero_init(config: RunConfig) -> Series:
    """The net with Kaiming's init, and with F(x) = 0 at the start."""
    rows = {"Kaiming": {"init": "kaiming"}, "zero-init": {"init": "zero"}}
    return compared("zero", config, "with and without zero-init", rows)


def fixup(config: RunConfig) -> Series:
    """The net without a norm, and with Fixup's scalars and init in its place."""
    rows = {
        "Kaiming": {"norm": "none", "init": "kaiming"},
        "Fixup": {"norm": "fixup", "init": "fixup"},
    }
    return compared("fixup", config, "no norm and Fixup", rows)


def orders(config: RunConfig) -> Series:
    """The net with its activations after the additions, and before the convolutions."""
    rows = {"original": {"order": "original"}, "pre-activation": {"order": "preact"}}
    return compared("orders", config, "original and pre-activation", rows)


def compared(kind: str, config: RunConfig, what: str, rows: dict[str, dict]) -> Series:
    """A run for each label, with these fields of its net."""
    runs = tuple(
        (label, replace(config, net=replace(config.net, **fields)))
        for label, fields in rows.items()
    )
    return Series(kind, f"{config.net.name:.60}, {what}", runs)


def depth_of(net: NetSpec) -> int:
    """Conv and linear layers on the main path, as graph.depth counts them, without a trace."""
    stem = len(STEMS[net.stem].convs(net.stem_width))
    return stem + sum(len(block.convs) for block in blocks_of(net)) + 1


def depths(config: RunConfig) -> Series:
    """One step at each of eight depths, which is the net as it was drawn.

    All stages get the same number of blocks; everything else stays as it is.
    """
    runs = []
    for count in SWEPT:
        stages = tuple(replace(stage, num_blocks=count) for stage in config.net.stages)
        net = replace(config.net, stages=stages)
        label = f"depth {depth_of(net)}"
        net = replace(net, name=f"{config.net.name:.60}, {label}")
        settled = {"steps": 1, "seconds": None, "warmup": 0, "lr_changes": ()}
        runs.append((label, replace(config, net=net, **settled)))
    return Series("depths", f"{config.net.name:.60}, by depth", tuple(runs))


#: kind -> how a series of it is made of the run on screen
SERIES = {
    "seeds": Kind("Repeat with 3 seeds", seeds, "One seed proves little", "band"),
    "depths": Kind(
        "Sweep the depth at step 0", depths, "Gradients before any training, in seconds", "sweep"
    ),
    "board": Kind("With and without norm", board, "Four nets on one scale", "board"),
    "zero": Kind("With and without zero-init", zero_init, "Goyal et al. 2017, sec. 5.1", "board"),
    "fixup": Kind("No norm and Fixup", fixup, "Zhang et al. 2019, sec. 3", "board"),
    "orders": Kind("Original and pre-activation", orders, "He et al. 2016, fig. 4", "board"),
}
