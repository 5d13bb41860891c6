"""A claim: a sentence of an experiment that is true or false of its runs, or not to be told yet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from resnet_core.spec import NetSpec
from resnet_core.verdict import NetVerdict, Outcome, Verdict, verdict_of
from resnet_core.verdict.words import nats, signed

AHEAD = 0.5  # nats: far more than what two seeds differ by
LEARNED = 0.6  # accuracy of the last batches, of 10 classes


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

    def outcome(self, role: str) -> Outcome:
        return self.outcomes[[net.role for net in self.nets].index(role)]


def part_of(
    nets: Sequence[NetSpec], outcomes: Sequence[Outcome], config=None, label: str = ""
) -> Part:
    return Part(label, tuple(nets), tuple(outcomes), verdict_of(nets, outcomes, config))


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
    return Claim(text, net.accuracy >= LEARNED, figures)


def guesses(net: NetVerdict) -> Claim:
    open_yet = net.training.key == "early"
    holds = None if open_yet else net.training.key == "stuck"
    text = f"The {net.role} net stays at chance."
    return Claim(text, holds, f"{net.accuracy:.0%}, {nats(net.loss)}")


def behind(part: Part) -> Claim:
    text = f"The plain net's training loss is at least {AHEAD:g} nats higher."
    text = f"{part.label}: {text}" if part.label else text
    pair = part.verdict.of("residual"), part.verdict.of("plain")
    if any(net.training.key == "early" for net in pair):
        return Claim(text, None, "too early")
    apart = pair[1].loss - pair[0].loss
    return Claim(text, apart >= AHEAD, " | ".join(nats(net.loss) for net in pair))
