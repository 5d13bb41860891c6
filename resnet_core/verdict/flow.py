"""How gradients and signals change from block to block: profiles of norms -> their class."""

from __future__ import annotations

import math

import numpy as np

from .classes import FLAT, GRADIENTS, SIGNALS, STEEP, Finding, finding
from .outcome import Outcome
from .words import by_decades, over, signed, size

WINDOW = 20  # rows that a later figure is the median of
LEAST = 5  # rows from step 1 on before training is spoken of
GONE = 5  # rows at the end that are exactly 0 everywhere: what went before is over
#: what is smaller before it is 0 has faded to the end of float32, whose normal numbers end at 1e-38
FAINT = 1e-30
BEYOND = 10  # times an end: a gradient between them that is beyond both by more is told
KEPT = "roughly keeps its size"


def at_start(outcome: Outcome, upto: int) -> Finding:
    """The class of the gradient at the first step that was recorded."""
    kept = outcome.grad_steps <= upto
    return _gradient(outcome, np.flatnonzero(kept)[:1])


def in_training(outcome: Outcome, upto: int) -> Finding:
    """The class of the gradient by its last rows, the first half of the run left out."""
    last = int(np.searchsorted(outcome.grad_steps, upto, side="right"))
    first = int(np.searchsorted(outcome.grad_steps, 1))
    if last - first < LEAST and np.isfinite(outcome.input_grad[first:last]).all():
        return finding(GRADIENTS, "early", "Too few steps to speak of gradients in training.")
    return _gradient(outcome, np.arange(max(first, (first + last) // 2, last - WINDOW), last))


def _gradient(outcome: Outcome, rows: np.ndarray) -> Finding:
    if outcome.input_grad.shape[1] < 2:
        return finding(GRADIENTS, "one block", "One block has no first and last.")
    if not len(rows):
        return finding(GRADIENTS, "early", "No gradient is recorded.")
    norms = np.asarray(outcome.input_grad[rows], dtype=np.float64)
    when = over(outcome.grad_steps[rows])
    if not np.isfinite(norms[-1]).all():
        step = f"{outcome.grad_steps[rows[-1]]:,}"
        return finding(GRADIENTS, "not finite", f"The gradient is not finite at step {step}.")
    there = np.isfinite(norms).all(axis=1) & norms.any(axis=1)
    if not norms[-GONE:].any() and there.any():  # a median with what went before is of neither
        return _gone(outcome, rows, norms, int(np.flatnonzero(there)[-1]))
    profile = np.median(norms[np.isfinite(norms).all(axis=1)], axis=0)
    if not profile.all():
        return _with_zeros(outcome, profile, when, int(outcome.grad_steps[rows[-1]]))
    decades = math.log10(profile[0] / profile[-1])
    small, large = ("shrinking", "vanishing"), ("growing", "exploding")
    key = (
        "healthy"
        if abs(decades) < FLAT
        else (large if decades > 0 else small)[abs(decades) >= STEEP]
    )
    text = (
        f"The gradient {_way(decades)} from the last block to the first: {size(profile[-1])} to "
        f"{size(profile[0])}, {when}{_between(profile)}."
    )
    return finding(GRADIENTS, key, text, decades)


def _between(profile: np.ndarray) -> str:
    """Where the ends do not speak for the blocks between: how far it goes beyond both."""
    low, high = sorted((profile[0], profile[-1]))
    found = []
    if profile.max() > BEYOND * high:
        found.append(f"rises to {size(profile.max())}")
    if profile.min() < low / BEYOND:
        found.append(f"falls to {size(profile.min())}")
    return f"; at blocks between them it {' and '.join(found)}" if found else ""


def _way(decades: float) -> str:
    if abs(decades) < FLAT:
        return f"{KEPT} ({signed(decades)})"
    verbs = ("shrinks", "vanishes") if decades < 0 else ("grows", "explodes")
    return f"{verbs[abs(decades) >= STEEP]} by {by_decades(decades)}"


def _gone(outcome: Outcome, rows: np.ndarray, norms: np.ndarray, last: int) -> Finding:
    """Of a net whose rows behind the `last` one are exactly 0 at every block."""
    when = over(outcome.grad_steps[rows[last + 1 :]])
    where = f"The gradient is exactly 0 at all {norms.shape[1]} blocks {when}"
    before = norms[last]
    faintest = before[before > 0].min()
    if faintest < FAINT:
        text = (
            f"{where}: it had faded to {size(faintest)}, and what came next was too small to hold."
        )
        return finding(GRADIENTS, "underflow", text)
    step = f"{outcome.grad_steps[rows[last]]:,}"
    text = f"{where}; at step {step} it was not: something stops it, as ReLUs do that are all 0."
    return finding(GRADIENTS, "zero", text)


def _with_zeros(outcome: Outcome, profile: np.ndarray, when: str, step: int) -> Finding:
    """Exact zeros: below what the numbers can hold if it had faded before, else stopped."""
    zeros, blocks = int((profile == 0).sum()), len(profile)
    where = f"{zeros} of {blocks} blocks" if zeros < blocks else f"all {blocks} blocks"
    faintest = profile[profile > 0].min(initial=math.inf)
    if faintest < FAINT:
        return finding(
            GRADIENTS,
            "underflow",
            f"The gradient is exactly 0 at {where}: it fades to {size(faintest)}, and what comes "
            f"next is too small to hold ({when}).",
        )
    rms = _signal_until(outcome, step)
    if zeros == blocks and rms is not None and not rms.all():
        faintest = rms[rms > 0].min(initial=math.inf)
        if faintest < FAINT:
            return finding(
                GRADIENTS,
                "underflow",
                f"The gradient is exactly 0 at {where}: on its way forward the signal itself fades "
                f"to {size(faintest)} and then to 0, and nothing passes a ReLU at 0 ({when}).",
            )
    return finding(
        GRADIENTS, "zero", f"The gradient is exactly 0 at {where}, without fading first ({when})."
    )


def _signal_until(outcome: Outcome, step: int) -> np.ndarray | None:
    """RMS behind each block, at the last step up to this one that has it."""
    if outcome.act_rms is None:
        return None
    rows = int(np.searchsorted(outcome.rms_steps, step, side="right"))
    return np.asarray(outcome.act_rms[rows - 1], dtype=np.float64) if rows else None


def _has(outcome: Outcome) -> bool:
    return outcome.act_rms is not None and len(outcome.act_rms) > 0


def signal(outcome: Outcome, upto: int) -> Finding:
    """The class of the forward signal at the first step that was recorded."""
    rms = _signal_until(outcome, min(upto, outcome.rms_steps[0])) if _has(outcome) else None
    if rms is None:
        return finding(SIGNALS, "unknown", "The outputs of the blocks were not measured.")
    when = over(outcome.rms_steps[:1])
    if not np.isfinite(rms).all():
        return finding(SIGNALS, "not finite", f"The signal is not finite {when}.")
    if not rms.all():
        return finding(SIGNALS, "dying", _silent(rms, when))
    decades = math.log10(rms[-1] / rms[0])
    up, down = ("rising", "blow-up"), ("fading", "dying")
    key = "steady" if abs(decades) < FLAT else (up if decades > 0 else down)[abs(decades) >= STEEP]
    verb = KEPT if key == "steady" else "grows" if decades > 0 else "fades"
    by = f"({signed(decades)})" if key == "steady" else f"by {by_decades(decades)}"
    ends = (
        f"root mean square {size(rms[0])} behind the first block, {size(rms[-1])} behind the last"
    )
    return finding(SIGNALS, key, f"The signal {verb} {by}: {ends}, {when}.", decades)


def _silent(rms: np.ndarray, when: str) -> str:
    zeros = int((rms == 0).sum())
    if zeros == len(rms):
        return f"The signal is exactly 0 behind all {zeros} blocks {when}."
    return (
        f"The signal is exactly 0 behind {zeros} of {len(rms)} blocks {when}; the smallest root "
        f"mean square of the others is {size(rms[rms > 0].min())}."
    )
