"""What nets showed against depth: numbers at some steps and places, of one seed or of several.

Pure numpy: the charts draw it, whoever wants the numbers reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from explorer.curve import Curve, on_main_path, thinned
from resnet_core.probes import PROBES

MAX_STEPS = 240  # shown by the maps and the slider, however long the run
CELLS = 240 * 120  # numbers of one net that go to the browser, however deep the net
LEAST_STEPS = 60


@dataclass(frozen=True)
class Spread:
    """Several seeds of one net."""

    low: np.ndarray  # [steps, places], of the finite numbers; NaN where there is none
    high: np.ndarray  # the same; infinite where some seed's number is not finite
    seen: np.ndarray  # [steps]: seeds that have a record of this step
    seeds: int  # of the series

    def of(self, step: int) -> str:
        """How many seeds stand behind a step, in words."""
        seen = int(self.seen[step])
        every = f"{self.seeds} seeds" if self.seeds > 1 else "1 seed"
        return every if seen == self.seeds else f"{seen} of {every}"


@dataclass(frozen=True)
class Profile:
    """One net: a line for each step."""

    curve: Curve  # who it is; of several seeds, the first
    paths: list[str]  # of the places
    places: list[int]  # their depths
    steps: np.ndarray  # [steps], of the run
    values: np.ndarray  # [steps, places]; of several seeds, their middle
    spread: Spread | None = None


@dataclass(frozen=True)
class Panel:
    """The nets that share a chart."""

    title: str  # "" for one that is alone
    profiles: Sequence[Profile]


def alone(curves: Sequence[Curve], probe: str) -> list[Panel]:
    """The twins of one run."""
    return side_by_side([("", curves)], probe)


def side_by_side(runs: Sequence[tuple[str, Sequence[Curve]]], probe: str) -> list[Panel]:
    """A chart for each run, titled with its label; all at the same steps."""
    steps = common_steps([curve for _, curves in runs for curve in curves], probe)
    return [Panel(label, [of_net(c, probe, steps) for c in curves]) for label, curves in runs]


def together(runs: Sequence[tuple[str, Sequence[Curve]]], probe: str) -> list[Panel]:
    """One chart: each net with its seeds as a band, the residual one first."""
    every = [curve for _, curves in runs for curve in curves]
    steps = common_steps(every, probe)
    nets = [[c for c in every if c.role == role] for role in ("residual", "plain")]
    return [Panel("", [of_seeds(seeds, probe, steps) for seeds in nets if seeds])]


def common_steps(curves: Sequence[Curve], probe: str) -> np.ndarray:
    """The steps that are drawn, those at which a net ended among them; fewer of a deep net."""
    steps = [curve.records.steps_of(probe) for curve in curves]
    places = max((len(curve.records.labels.get(probe, ())) for curve in curves), default=0)
    longest = max(steps, key=len, default=np.empty(0, np.int64))
    rows = thinned(len(longest), max(LEAST_STEPS, min(MAX_STEPS, CELLS // max(1, places))))
    return np.unique(np.concatenate([longest[rows], *(s[-1:] for s in steps)]))


def of_net(curve: Curve, probe: str, steps: np.ndarray) -> Profile:
    """Up to the net's last record; empty if there is nothing of this probe."""
    columns, paths, places = on_main_path(curve, probe)
    have = curve.records.steps_of(probe)
    steps = steps[steps <= have[-1]] if len(have) else steps[:0]
    values = np.empty((0, len(places)), np.float32)
    if len(steps):  # a record, or the one before
        rows = np.searchsorted(have, steps, side="right").clip(min=1) - 1
        values = curve.records.per_op[probe][np.ix_(rows, columns)]
    return Profile(curve, paths, places, steps, values)


def of_seeds(curves: Sequence[Curve], probe: str, steps: np.ndarray) -> Profile:
    """One net from several seeds, up to the last record of the one that is furthest.

    The middle is the geometric mean where the axis is a log one, the median where some seed is
    exactly 0, else the mean.
    """
    nets = [of_net(curve, probe, steps) for curve in curves]
    begun = [net for net in nets if len(net.steps)]
    first = max(begun, key=lambda net: len(net.steps), default=nets[0])
    if not begun:
        return first
    stack = np.full((len(begun), *first.values.shape), np.nan)  # [seeds, steps, places]
    for seed, net in zip(stack, begun):
        seed[: len(net.steps)] = net.values
    has = np.array([len(net.steps) for net in begun])[:, None] > np.arange(len(first.steps))
    finite = np.isfinite(stack)
    low = np.where(finite, stack, np.inf).min(axis=0)
    high = np.where(finite, stack, -np.inf).max(axis=0)
    high[(~finite & has[:, :, None]).any(axis=0)] = np.inf
    spread = Spread(np.where(finite.any(axis=0), low, np.nan), high, has.sum(axis=0), len(curves))
    return replace(first, values=middle(stack, PROBES[probe].is_log), spread=spread)


def middle(stack: np.ndarray, is_log: bool) -> np.ndarray:
    """[seeds, ...] -> [...]: of the seeds whose number is finite; NaN if none's is."""
    stack = np.where(np.isfinite(stack), stack, np.nan)
    count = np.isfinite(stack).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if not is_log:
            return np.where(count, np.nansum(stack, axis=0) / count, np.nan)
        means = np.exp(np.nansum(np.log(stack), axis=0) / count)
    has_zero = (stack == 0).any(axis=0)
    if has_zero.any():
        means[has_zero] = np.nanmedian(stack[:, has_zero], axis=0)
    return np.where(count, means, np.nan)
