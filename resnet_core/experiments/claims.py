"""A claim: a sentence of an experiment that is true or false of its runs, or not to be told yet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from resnet_core.spec import NetSpec
from resnet_core.verdict import NetVerdict, Outcome, Verdict, verdict_of
from resnet_core.verdict.words import nats, signed

AHEAD = 0.5  # nats: far more than what two seeds differ by
LEARNED = 0.6  # accuracy of the last batches, of 10 classes
TOO_FEW = "too few steps"


@dataclass(frozen=True)
class Claim:
    """One sentence of an experiment that is true or false of a run."""

    text: str
    holds: bool | None  # None: the run has not come so far
    figures: str  # what was measured


@dataclass(frozen=True)
class Part:
    """One run of an experiment: `label` is that in its series, "" for a single run."""

    label: str
    nets: tuple[NetSpec, ...]
    outcomes: tuple[Outcome, ...]
    verdict: Verdict
    steps: int = 0  # that it is to do; 0 if what it has is all there is

    def outcome(self, role: str) -> Outcome:
        return self.outcomes[[net.role for net in self.nets].index(role)]

    def goes_on(self, *roles: str) -> bool:
        """Whether one of these nets has steps before it."""
        seen = [self.outcome(role) for role in roles]
        return any(one.diverged_at is None and one.last + 1 < self.steps for one in seen)

    def by_the_end(self, claim: Claim, *roles: str) -> Claim:
        """A claim on the last steps of these nets: one that is not true yet may come true."""
        is_open = claim.holds is False and self.goes_on(*roles)
        return replace(claim, holds=None) if is_open else claim


def part_of(
    nets: Sequence[NetSpec], outcomes: Sequence[Outcome], config=None, label: str = ""
) -> Part:
    found = verdict_of(nets, outcomes, config)
    return Part(label, tuple(nets), tuple(outcomes), found, config.steps if config else 0)


def shown(claims: Sequence[Claim]) -> bool | None:
    """Whether a run shows its experiment; None while nothing speaks against it and some is open."""
    holds = [claim.holds for claim in claims]
    return False if False in holds else None if None in holds or not holds else True


def claim(text: str, net: NetVerdict, question: str, least=-math.inf, most=math.inf) -> Claim:
    """That a figure in decades lies within bounds; an underflow is below every number."""
    found = net.findings[question]
    decades = -math.inf if found.key == "underflow" else found.decades
    if decades is None:
        known = found.key not in ("early", "unknown")
        return Claim(text, False if known else None, found.title)
    figures = signed(decades) if math.isfinite(decades) else found.title
    return Claim(text, least <= decades <= most, figures)


START, LATER, SIGNAL = "gradients at step 0", "gradients in training", "signal at step 0"


def learns(part: Part) -> Claim:
    """Of the residual net."""
    net = part.verdict.of("residual")
    text = f"The residual net gets at least {LEARNED:.0%} of its last batches' images right."
    text = f"{part.label}: {text}" if part.label else text
    if net.training.key == "early":
        return Claim(text, None, net.training.title)
    figures = f"{net.accuracy:.0%}, {nats(net.loss)}"
    if net.training.key == "diverged":
        return Claim(text, False, net.training.title)
    return part.by_the_end(Claim(text, net.accuracy >= LEARNED, figures), "residual")


def guesses(part: Part, role: str) -> Claim:
    """That a net is at chance by its last steps, which only they can tell."""
    net = part.verdict.of(role)
    open_yet = net.training.key == "early" or part.goes_on(role)
    holds = None if open_yet else net.training.key == "stuck"
    figures = f"{net.accuracy:.0%}, {nats(net.loss)}" if math.isfinite(net.loss) else TOO_FEW
    return Claim(f"The {role} net stays at chance.", holds, figures)


def behind(part: Part) -> Claim:
    text = f"The plain net's training loss is at least {AHEAD:g} nats higher."
    text = f"{part.label}: {text}" if part.label else text
    pair = part.verdict.of("residual"), part.verdict.of("plain")
    if any(net.training.key == "early" for net in pair):
        return Claim(text, None, TOO_FEW)
    apart = pair[1].loss - pair[0].loss
    told = ", ".join(f"{net.role} {nats(net.loss)}" for net in pair)
    return part.by_the_end(Claim(text, bool(apart >= AHEAD), told), "residual", "plain")
