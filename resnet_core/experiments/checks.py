"""What each experiment says, in numbers, checked against the records of a run or of a series.

A check takes the parts of an experiment, in the order of its series, and gives its claims. A claim
that the records do not reach yet is neither true nor false.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from resnet_core.series import SWEPT
from resnet_core.verdict.direct_way import SAME
from resnet_core.verdict.direct_way import direct_way as stage_1
from resnet_core.verdict.words import count, nats, signed

from .claims import LATER, SIGNAL, START, Claim, Part, behind, claim, guesses, learns

DEPTHS = len(SWEPT)
NOT_BEGUN = Claim("The other run of the series shows its part.", None, "no step yet")


def degradation(parts: Sequence[Part]) -> list[Claim]:
    plain = parts[0].verdict.of("plain")
    text = "The plain net's gradients do not vanish: by its last steps within 2 decades."
    calm = parts[0].by_the_end(claim(text, plain, LATER, -2, 2), "plain")
    return [behind(parts[0]), learns(parts[0]), calm]


def vanishing(parts: Sequence[Part]) -> list[Claim]:
    plain, residual = (parts[0].verdict.of(role) for role in ("plain", "residual"))
    return [
        claim("The plain net's gradient loses 5 decades or more at step 0.", plain, START, most=-5),
        parts[0].by_the_end(claim("So it does by its last steps.", plain, LATER, most=-5), "plain"),
        claim("The residual net's keeps within 1 decade at step 0.", residual, START, -1, 1),
        guesses(parts[0], "plain"),
        learns(parts[0]),
    ]


def exploding(parts: Sequence[Part]) -> list[Claim]:
    plain, residual = (parts[0].verdict.of(role) for role in ("plain", "residual"))
    later = "By its last steps the plain net's is within 1.5 decades."
    return [
        claim("The plain net's gradient grows by 3 decades or more at step 0.", plain, START, 3),
        claim("The residual net's grows by less than 2.", residual, START, most=2),
        parts[0].by_the_end(claim(later, plain, LATER, -1.5, 1.5), "plain"),
    ]


def blow_up(parts: Sequence[Part]) -> list[Claim]:
    return _blows_up(parts[0])


def _blows_up(part: Part) -> list[Claim]:
    net, seen = part.verdict.of("residual"), part.outcome("residual")
    loss = seen.loss[0] if len(seen.loss) else math.nan
    diverged = net.training.key == "diverged"
    return [
        claim("The residual net's signal grows by 2 decades or more.", net, SIGNAL, 2),
        Claim(
            "Its loss at step 0 is 20 nats or more.",
            bool(loss >= 20) if len(seen.loss) else None,
            nats(loss) if len(seen.loss) else "no step yet",
        ),
        Claim(
            "It diverges within 20 steps.",
            True if diverged and seen.last < 20 else False if seen.last >= 19 else None,
            net.training.title if diverged else count(seen.last + 1),
        ),
    ]


def cured(parts: Sequence[Part]) -> list[Claim]:
    """Kaiming's init blows up, the other does not."""
    found, text = [], "With its F starting at 0 the signal keeps within half a decade."
    for part in parts:
        if part.label == "Kaiming":
            blown = _blows_up(part)[::2]
            found += [replace(one, text=f"{part.label}: {one.text}") for one in blown]
        else:
            calm = claim(f"{part.label}: {text}", part.verdict.of("residual"), SIGNAL, -0.5, 0.5)
            found += [calm, learns(part)]
    return found if len(parts) > 1 else [*found, NOT_BEGUN]


def orders(parts: Sequence[Part]) -> list[Claim]:
    """Original, then pre-activation: what the shortcuts of stage 1 let through of the gradient."""
    rows = {
        "original": (
            "the ReLUs behind stage 1's (+) leave at most two thirds of the direct way.",
            lambda kept: kept <= 2 / 3,
        ),
        "pre-activation": (
            "along stage 1 the direct way is 1, within 0.01.",
            lambda kept: abs(kept - 1) <= SAME,
        ),
    }
    found = []
    for part in parts:
        (text, test), kept = rows[part.label], direct_way(part)
        holds = None if kept is None else bool(test(kept))
        figures = "not measured yet" if kept is None else f"{kept:.3f}"
        found.append(Claim(f"{part.label}: {text}", holds, figures))
        found.append(learns(part))
    return found if len(parts) > 1 else [*found, NOT_BEGUN]


def direct_way(part: Part) -> float | None:
    """Of the residual net, along stage 1."""
    net = next(net for net in part.nets if not net.is_plain)
    return stage_1(net, part.outcome("residual"))


def by_depth(parts: Sequence[Part], role: str) -> list[float]:
    """Decades at step 0, of each depth that has it, in order; -inf where it has underflowed."""
    found = [part.verdict.of(role).at_start for part in begun(parts, role)]
    return [
        -math.inf if f.key == "underflow" else math.nan if f.decades is None else f.decades
        for f in found
    ]


def begun(parts: Sequence[Part], role: str) -> list[Part]:
    return [part for part in parts if part.verdict.of(role).at_start.key != "early"]


def _sweep(text: str, parts: Sequence[Part], role: str, test: Callable) -> Claim:
    """Of all depths at once: open until the last one, unless it is false before."""
    found = by_depth(parts, role)
    told = ["exactly 0" if d == -math.inf else signed(d) for d in found]
    labels = [part.label for part in begun(parts, role)]
    shown_as = ", ".join(f"{label}: {one}" for label, one in zip(labels, told))
    holds = test(found)
    return Claim(text, holds if not holds or len(found) == DEPTHS else None, shown_as)


def grows(found: Sequence[float]) -> bool:
    return all(b > a - 0.1 for a, b in pairwise(found))  # seeds differ by as much


def depths_with_norm(parts: Sequence[Part]) -> list[Claim]:
    return [
        _sweep("The plain net's gradient grows with every depth.", parts, "plain", grows),
        _sweep(
            "At 110 layers it grows by 5 decades or more.",
            parts,
            "plain",
            lambda found: len(found) < DEPTHS or found[-1] >= 5,
        ),
        _sweep(
            "The residual net's stays within 2.5 decades at every depth.",
            parts,
            "residual",
            lambda found: all(abs(d) <= 2.5 for d in found),
        ),
    ]


def depths_without_norm(parts: Sequence[Part]) -> list[Claim]:
    return [
        _sweep(
            "The plain net's gradient fades with every depth.",
            parts,
            "plain",
            lambda found: all(b < a or a == b == -math.inf for a, b in pairwise(found)),
        ),
        _sweep(
            "At 110 layers it is exactly 0.",
            parts,
            "plain",
            lambda found: len(found) < DEPTHS or found[-1] == -math.inf,
        ),
        _sweep(
            "The residual net's stays within 1 decade at every depth.",
            parts,
            "residual",
            lambda found: all(abs(d) <= 1 for d in found),
        ),
    ]


def board(parts: Sequence[Part]) -> list[Claim]:
    """With batch norm and with none."""
    found = []
    rows = {
        "batch norm": ("The plain net's gradient grows by 1.5 decades or more.", 1.5, math.inf),
        "no norm": ("The plain net's gradient loses 5 decades or more.", -math.inf, -5),
    }
    for part in parts:
        text, *bounds = rows[part.label]
        found.append(claim(f"{part.label}: {text}", part.verdict.of("plain"), START, *bounds))
        calm = f"{part.label}: The residual net's gradient keeps within 2 decades at step 0."
        found.append(claim(calm, part.verdict.of("residual"), START, -2, 2))
        found.append(learns(part))
        found.append(behind(part))
    return found if len(parts) > 1 else [*found, NOT_BEGUN]
