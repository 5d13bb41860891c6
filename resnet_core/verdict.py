"""What a run shows, in up to three plain statements: computed from the records, nothing else.

Cheap enough to be asked for at every tick of a run in progress.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .spec import NetSpec, in_words

WINDOW = 20  # steps that a "last" value is taken over
LEAST = 10  # steps of both nets before learning is compared
CLEAR = 0.1  # nats between two losses; nets that are closer learned equally well
GUESSING = 0.95  # of the loss of equal odds for every class: above, nothing is learned
FLAT, STEEP = 0.5, 2.0  # decades between the first and the last block


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one net has shown so far; row i of every array belongs to step i."""

    loss: np.ndarray  # [steps], nats
    accuracy: np.ndarray  # [steps], 0..1, of the batches
    input_grad: np.ndarray  # [steps, blocks], L2 norms
    held_out: float | None = None  # accuracy 0..1, when known
    diverged_at: str | None = None  # path of the first op with a non-finite value


@dataclass(frozen=True)
class _Net:
    """One net of the pair, with the words for it and the steps that count."""

    name: str
    seen: Outcome
    steps: int

    @property
    def loss(self) -> np.ndarray:  # [window]
        return self.seen.loss[: self.steps][-WINDOW:]

    @property
    def result(self) -> str:
        accuracy = self.seen.accuracy[: self.steps][-WINDOW:].mean()
        return f"{nats(self.loss.mean())} and {accuracy:.0%}"

    def slope(self, steps: slice) -> float | None:
        """log10 of the gradient at the first block over the last's; NaN if both are 0.

        The median of the steps; None if all of them have gradients that are not finite.
        """
        grads = np.asarray(self.seen.input_grad[: self.steps][steps], dtype=np.float64)
        grads = grads[np.isfinite(grads).all(axis=1)]
        if not len(grads):
            return None
        first, last = np.median(grads[:, 0]), np.median(grads[:, -1])
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.log10(first / last))


def verdict(nets: Sequence[NetSpec], outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """The net and its twin -> statements: how they learned, their gradients, what to make of it."""
    both = min(len(seen.loss) for seen in outcomes)
    if both == 0:
        return ("Nothing to compare yet: no step of both nets is recorded.",)
    ended = any(seen.diverged_at for seen in outcomes)  # the other goes on: no common steps
    pair = [
        _Net(
            "the plain net" if net.is_plain else "the residual net",
            seen,
            len(seen.loss) if ended else both,
        )
        for net, seen in sorted(zip(nets, outcomes), key=lambda both: both[0].is_plain)
    ]
    learned, winner = _compare(pair, math.log(nets[0].num_classes), nets[0].num_classes)
    statements = [_learning(pair, learned), _gradients(pair), _caution(pair, winner, nets[0].norm)]
    return tuple(s for s in statements if s)


def _compare(pair: list[_Net], chance: float, classes: int) -> tuple[str, _Net | None]:
    """What can be said about who learned faster, and who, if anyone."""
    if any(net.seen.diverged_at or net.steps < LEAST for net in pair):
        return "", None
    better, worse = sorted(pair, key=lambda net: net.loss.mean())
    guessing = f"{nats(chance)} is guessing among {classes} classes"
    if better.loss.mean() > GUESSING * chance:
        return f"Neither has learned much: {guessing}.", None
    apart = worse.loss.mean() - better.loss.mean()
    if apart < max(CLEAR, (worse.loss.std() + better.loss.std()) / 2):
        return (
            "By their last losses both learned about equally well, within 0.1 nats or their noise.",
            None,
        )
    still = f"; {worse.name} is still where it began: {guessing}"
    if worse.loss.mean() <= GUESSING * chance:
        still = ""
    return f"By its last losses {better.name} learned faster{still}.", better


def _learning(pair: list[_Net], learned: str) -> str:
    residual, plain = pair
    diverged = [net for net in pair if net.seen.diverged_at]
    parts = [
        f"{net.name} diverged at step {net.steps - 1}, first at {in_words(net.seen.diverged_at)}"
        for net in diverged
    ]
    if len(diverged) == 2:
        return capital("; ".join(parts)) + "."
    if diverged:
        other = plain if diverged == [residual] else residual
        done = f"after {count(other.steps)} {other.name} has a training loss of {other.result}"
        return capital(f"{parts[0]}; {done} accuracy.")
    if residual.steps < LEAST:
        return f"After {count(residual.steps)} it is too early to compare how the two learn."
    text = (
        f"After {count(residual.steps)} {residual.name} has a training loss of {residual.result} "
        f"accuracy (mean of its last {len(residual.loss)}), {plain.name} {plain.result}"
    )
    held_out = [net.seen.held_out for net in pair]
    if all(h is not None and math.isfinite(h) for h in held_out):
        text += f"; on held-out images {held_out[0]:.0%} against {held_out[1]:.0%}"
    return f"{text}. {learned}"


def _gradients(pair: list[_Net]) -> str:
    if any(net.seen.input_grad.shape[1] < 2 for net in pair):
        return ""  # one block has no first and last
    parts = []
    for net in pair:
        part = f"the gradient of {net.name} {slope_in_words(net.slope(slice(1)))} at step 0"
        if net.steps > 1:
            last = slice(1, None) if net.steps <= WINDOW else slice(-WINDOW, None)
            rest = f"over the last {min(net.steps - 1, WINDOW)}"
            part += f" and {slope_in_words(net.slope(last))} {rest}"
        parts.append(part)
    return f"∂L/∂x at the blocks' inputs, from the last block to the first: {'; '.join(parts)}."


def slope_in_words(decades: float | None) -> str:
    """How the gradient changes from the last block to the first."""
    if decades is None:
        return "is not finite"
    if math.isnan(decades):
        return "is 0 in float32 at both ends"
    if math.isinf(decades):
        return "vanishes to 0 in float32" if decades < 0 else "is 0 at the last block only"
    if abs(decades) < FLAT:
        return f"stays flat ({decades:+.1f} decades)".replace("-", "−")
    small, large = ("shrinks", "vanishes") if decades < 0 else ("grows", "explodes")
    return f"{large if abs(decades) >= STEEP else small} by {abs(decades):.1f} decades"


def _caution(pair: list[_Net], winner: _Net | None, norm: str) -> str:
    """What the figures do not say."""
    residual, plain = pair
    text = f"This is how fast {count(plain.steps)} of one seed went, not a converged result."
    start, end = plain.slope(slice(1)), plain.slope(slice(-WINDOW, None))
    kept = None not in (start, end) and start > -FLAT and end > -STEEP
    if norm == "batch" and winner is residual and kept:
        text = (
            "With batch norm the plain net's gradients do not vanish, so that is not why it lags "
            f"(He et al. 2015, sec. 4.1). {text}"
        )
    return text


def nats(loss: float) -> str:
    return f"{loss:,.2f} nats" if 0.1 <= loss < 1e5 else f"{loss:.1g} nats"


def count(steps: int) -> str:
    return f"{steps:,} step" + ("" if steps == 1 else "s")


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
