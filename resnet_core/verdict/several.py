"""The same run with several seeds: medians, ranges, and how many seeds agree."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from resnet_core.spec import NetSpec

from .case import NetVerdict
from .outcome import Outcome
from .pair import Verdict, verdict_of
from .words import count


@dataclass(frozen=True)
class Spread:
    """One quantity of one net over the seeds."""

    key: str  # of FIGURES
    role: str
    title: str
    unit: str  # "" for shares
    values: tuple[float, ...]  # one per seed, in their order; NaN where there is none

    @property
    def known(self) -> tuple[float, ...]:
        return tuple(v for v in self.values if math.isfinite(v))

    @property
    def median(self) -> float:
        return float(np.median(self.known)) if self.known else math.nan

    @property
    def least(self) -> float:
        return min(self.known, default=math.nan)

    @property
    def most(self) -> float:
        return max(self.known, default=math.nan)

    @property
    def text(self) -> str:
        """Median (least to most), with the unit."""
        if not self.known:
            return "none"
        shown = [FIGURES[self.key].form(v) for v in (self.median, self.least, self.most)]
        text = f"{shown[0]} ({shown[1]} to {shown[2]})" if len(self.known) > 1 else shown[0]
        return f"{text} {self.unit}" if self.unit else text


@dataclass(frozen=True, kw_only=True)
class SeriesVerdict:
    """What several seeds of one pair show together."""

    seeds: int  # that are summarised
    places: tuple[int, ...]  # which of those given they are
    headline: str  # in how many seeds which net was ahead
    caution: str  # how far several seeds go; "" for one, whose notes say so
    spreads: tuple[Spread, ...]
    classes: dict[str, dict[str, Counter]]  # role -> question -> class -> number of seeds
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class Figure:
    """A row of FIGURES."""

    title: str
    unit: str
    value: Callable[[NetVerdict, Outcome], float | None]  # of one net
    form: Callable[[float], str]


def verdict_of_series(
    runs: Sequence[tuple[Sequence[NetSpec], Sequence[Outcome], object]],
    size: int | None = None,
    is_over: bool = False,
) -> SeriesVerdict | None:
    """(nets, outcomes, config) of each seed -> what they show together; None without a first step.

    `runs` may lack those that have no record: `size` is how many seeds the whole series has, and
    `is_over` whether none of them goes on or waits.
    A seed that has no step of both nets yet is left out; and so that unlike is not mixed, one
    that has done fewer steps than another, unless a net of it has diverged.
    """
    every = [(verdict_of(nets, seen, config), seen) for nets, seen, config in runs]
    most = max((found.steps for found, _ in every), default=0)
    places = [n for n, (found, seen) in enumerate(every) if _counts(found, seen, most)]
    judged = [every[place] for place in places]
    if not judged:
        return None
    verdicts = tuple(found for found, _ in judged)
    roles = ("residual", "plain")
    return SeriesVerdict(
        seeds=len(judged),
        places=tuple(places),
        headline=_headline(verdicts) + _missing(len(judged), size or len(runs), is_over),
        caution=_caution(verdicts),
        spreads=tuple(_spread(key, role, judged) for key in FIGURES for role in roles),
        classes={role: _classes(role, verdicts) for role in roles},
        verdicts=verdicts,
    )


def _counts(found: Verdict, seen: Sequence[Outcome], most: int) -> bool:
    diverged = any(one.diverged_at is not None for one in seen)
    return found.steps > 0 and (found.steps == most or diverged)


def _spread(key: str, role: str, judged: Sequence[tuple[Verdict, Sequence[Outcome]]]) -> Spread:
    row, values = FIGURES[key], []
    for found, seen in judged:
        place = [net.role for net in found.nets].index(role)
        value = row.value(found.nets[place], seen[place])
        values.append(math.nan if value is None else float(value))
    return Spread(key, role, row.title, row.unit, tuple(values))


def _classes(role: str, verdicts: Sequence[Verdict]) -> dict[str, Counter]:
    nets = [found.of(role) for found in verdicts]
    return {
        question: Counter(net.findings[question].title for net in nets)
        for question in nets[0].findings
    }


def _headline(verdicts: Sequence[Verdict]) -> str:
    """How many seeds say what of each net's training."""
    total = len(verdicts)
    parts = []
    for role in ("residual", "plain"):
        found = Counter(verdict.of(role).training.title for verdict in verdicts)
        if total == 1:
            parts.append(f"the {role} net: {next(iter(found))}")
            continue
        said = ", ".join(f"{title} in {n} of {total}" for title, n in found.most_common())
        parts.append(f"the {role} net: {said} seeds")
    text = "; ".join(parts)
    steps = sorted({verdict.steps for verdict in verdicts})
    done = count(steps[0]) if len(steps) == 1 else f"{steps[0]:,} to {steps[-1]:,} steps"
    return f"After {done} {text}."


def _missing(there: int, size: int, is_over: bool) -> str:
    """How many seeds of the series this is not of."""
    rest = size - there
    if rest < 1:
        return ""
    if not is_over:
        have = "has" if rest == 1 else "have"
        return f" So far this is {there} of {size} seeds; {rest} {have} not come as far yet."
    others = "the other one" if rest == 1 else f"the other {rest}"
    return f" This is {there} of {size} seeds; {others} ended before that."


def _caution(verdicts: Sequence[Verdict]) -> str:
    """In the place of the note on one seed."""
    if len(verdicts) == 1:
        return ""
    steps = max(verdict.steps for verdict in verdicts)
    return (
        f"{len(verdicts)} seeds of at most {count(steps)}: how they begin to learn, not a "
        "converged result."
    )


def _decades(found) -> float:
    return math.nan if found.decades is None else found.decades


def _two_digits(decades: float) -> str:
    return f"{round(decades, 2) + 0.0:+.2f}".replace("-", "−")  # never -0.00


#: The gradient's are log10 of ‖∂L/∂x‖ at the first block over that at the last: to two digits,
#: so that seeds on both sides of a class's limit, 0.5 or 2, can be told apart.
FIGURES = {
    "loss": Figure(
        "training loss, last steps",
        "nats",
        lambda net, seen: net.loss,
        lambda v: f"{v:.2g}",
    ),
    "accuracy": Figure(
        "training accuracy, last steps",
        "",
        lambda net, seen: net.accuracy,
        "{:.0%}".format,
    ),
    "held out": Figure("held-out accuracy", "", lambda net, seen: seen.held_out, "{:.0%}".format),
    "at start": Figure(
        "gradient at step 0",
        "decades",
        lambda net, seen: _decades(net.at_start),
        _two_digits,
    ),
    "in training": Figure(
        "gradient, last steps",
        "decades",
        lambda net, seen: _decades(net.in_training),
        _two_digits,
    ),
}
