"""A net and its twin, judged: a class for each question, a headline, and notes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resnet_core.spec import NetSpec

from . import flow
from .case import Case, NetVerdict, Note
from .direct_way import direct_way
from .mechanism import notes_of
from .outcome import Outcome
from .rates import changed_by_hand
from .training import CLEAR, Lately, Terms, lately, lead, training
from .words import capital, count, nats

if TYPE_CHECKING:  # imports torch
    from resnet_core.run_config import RunConfig


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a run has shown so far."""

    headline: str  # how both learned, with figures
    nets: tuple[NetVerdict, ...]  # in the order of the run: 0 = the net, 1 = its twin
    notes: tuple[Note, ...]  # what the run shows, what it does not, what to mind
    steps: int  # that both nets have done

    def of(self, role: str) -> NetVerdict:
        return next(net for net in self.nets if net.role == role)


def verdict_of(
    nets: Sequence[NetSpec], outcomes: Sequence[Outcome], config: RunConfig | None = None
) -> Verdict:
    """The net and its twin, with what each has shown, in the same order -> the verdict.

    Made of the records and of the settings alone; a claim waits for enough steps to carry it.
    """
    upto = min(outcome.last for outcome in outcomes)
    shown = {
        net.role: _judge(net, mine, other, upto, config)
        for net, mine, other in zip(nets, outcomes, reversed(outcomes))
    }
    by_role = {net.role: (net, outcome) for net, outcome in zip(nets, outcomes)}
    (residual, seen), (_, plain_seen) = by_role["residual"], by_role["plain"]
    settled = all(net.training.key not in ("early", "diverged") for net in shown.values())
    between = lead(lately(plain_seen, upto), lately(seen, upto)) if settled else None
    case = Case(
        config=config,
        residual=shown["residual"],
        plain=shown["plain"],
        net=residual,
        steps=upto + 1,
        lead=between,
        direct=direct_way(residual, seen),
        changed=changed_by_hand(config, max(outcome.last for outcome in outcomes) + 1),
    )
    return Verdict(
        headline=_headline(case, seen, plain_seen, upto),
        nets=tuple(shown[net.role] for net in nets),
        notes=notes_of(case),
        steps=upto + 1,
    )


def _judge(net: NetSpec, mine: Outcome, twin: Outcome, upto: int, config) -> NetVerdict:
    """A net that diverged, or whose twin did, is shown up to its own last step."""
    batch, warmup = (config.batch_size, config.warmup) if config else (64, 0)
    until = mine.last if mine.diverged_at or twin.diverged_at else upto
    recent = lately(mine, until)
    some = len(recent.loss) > 0
    return NetVerdict(
        role=net.role,
        at_start=flow.at_start(mine, until),
        in_training=flow.in_training(mine, until),
        signal=flow.signal(mine, until),
        training=training(mine, twin, upto, Terms(net.num_classes, batch, warmup)),
        loss=float(recent.loss.mean()) if some else math.nan,
        accuracy=float(recent.accuracy.mean()) if some else math.nan,
        held_out=mine.held_out,
        steps=mine.last + 1,
    )


def _headline(case: Case, residual: Outcome, plain: Outcome, upto: int) -> str:
    """Up to two sentences: the figures, and who is ahead if that is clear."""
    if upto < 0:
        return "Nothing to compare: no step of both nets is recorded."
    pair = (("the residual net", residual, case.residual), ("the plain net", plain, case.plain))
    diverged = [f"{name} diverged {_when(seen)}" for name, seen, _ in pair if seen.diverged_at]
    if len(diverged) == 2:
        return capital("; ".join(diverged)) + "."
    if diverged:
        name, seen, shown = next(row for row in pair if not row[1].diverged_at)
        return capital(f"{diverged[0]}; {name}{_alone(seen, shown)}.")
    recent = [lately(seen, upto) for _, seen, _ in pair]
    if any(shown.training.key == "early" for *_, shown in pair):
        losses = " against ".join(nats(r.loss.mean()) for r in recent)
        mean = f"; {recent[0].mean_of}" if upto else ""
        return (
            f"{count(upto + 1)} {'is' if upto == 0 else 'are'} too few to compare how the two "
            f"learn: training loss {losses} (residual, plain{mean})."
        )
    text = (
        f"After {count(upto + 1)} the residual net has a training loss of {recent[0].result} "
        f"({recent[0].mean_of}), the plain net {recent[1].result}"
    )
    if all(seen.held_out is not None and math.isfinite(seen.held_out) for _, seen, _ in pair):
        text += f"; on held-out images {residual.held_out:.0%} against {plain.held_out:.0%}"
    return f"{text}. {_winner(case, recent)}"


def _when(seen: Outcome) -> str:
    """Where in the net is told with the net itself."""
    step = seen.last if seen.diverged_step is None else seen.diverged_step
    return f"at step {step:,}"


def _alone(seen: Outcome, shown: NetVerdict) -> str:
    """What the other of a diverged net has done."""
    if shown.training.key == "early":
        return f" has done {count(seen.last + 1)}"
    recent = lately(seen, seen.last)
    stuck = " and is guessing" if shown.training.key == "stuck" else ""
    after = f"after {count(seen.last + 1)} ({recent.mean_of}){stuck}"
    return f" has a training loss of {recent.result} {after}"


def _winner(case: Case, recent: list[Lately]) -> str:
    keys = case.residual.training.key, case.plain.training.key
    if "thrown" in keys:
        back = [net.role for net in (case.residual, case.plain) if net.training.key == "thrown"]
        who = "Both nets" if len(back) == 2 else f"The {back[0]} net"
        was = "were" if len(back) == 2 else "was"
        return f"{who} had learned more before and {was} thrown back."
    if keys == ("stuck", "stuck"):
        return "Neither has learned anything: both are guessing."
    between = case.lead
    if between is not None and between.is_clear:
        ahead, behind = ("residual", "plain") if between.behind > 0 else ("plain", "residual")
        guessing = case.plain if behind == "plain" else case.residual
        still = f"; the {behind} net is still guessing" if guessing.training.key == "stuck" else ""
        if case.changed:  # at which of its rates a net learned faster is not known
            return f"By its last losses the {ahead} net is ahead{still}."
        return f"By its last losses the {ahead} net learned faster{still}."
    if between is not None and between.is_alike:
        both = case.residual.training.tone == case.plain.training.tone == "good"
        both = both and not case.changed
        alike = "both learned equally well" if both else "neither is ahead"
        return f"By their last losses {alike}, within {CLEAR:g} nats."
    return "Who learns faster is not clear: their losses are too close or too noisy."


def gradients_in_words(verdict: Verdict) -> list[str]:
    """Lines for the command line, net by net: its gradient at step 0, and lately."""
    return [
        f"{net.role}: {found.sentence}"
        for net in verdict.nets
        for found in (net.at_start, net.in_training)
        if found.decades is not None or found.key in ("underflow", "zero", "not finite")
    ]
