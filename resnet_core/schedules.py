"""How the learning rate changes from step to step. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """A row of SCHEDULES."""

    title: str
    factor: Callable[[float], float]  # share of the run that is done, 0..1 -> factor of lr, 0..1
    help: str


def lr_at(
    step: int,
    *,
    steps: int,
    lr: float,
    schedule: str,
    warmup: int,
    changes: Sequence[tuple[int, float]] = (),
) -> float:
    """The learning rate of `step`'s update, in a run of `steps`.

    `lr` is the peak: warm-up rises to it linearly over its first steps, the schedule goes on from
    there. `changes` are (step, lr) in order: from that step on, another peak.
    """
    for first, peak in changes:
        lr = peak if step >= first else lr
    if step < warmup:
        return lr * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - 1 - warmup)
    return lr * SCHEDULES[schedule].factor(min(1.0, done))


def constant(done: float) -> float:
    return 1.0


def cosine(done: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * done))


def one_cycle(done: float) -> float:
    """Up for 30 % of the steps from 1/25, then down to 1/10,000, both along a cosine."""
    start, end, top = 1 / 25, 1e-4, 0.3
    if done < top:
        return start + (1 - start) * (1 - cosine(done / top))
    return end + (1 - end) * cosine((done - top) / (1 - top))


SCHEDULES = {
    "constant": Schedule("constant", constant, "The same at every step"),
    "cosine": Schedule("cosine", cosine, "Down to 0 along a cosine (Loshchilov and Hutter 2017)"),
    "one-cycle": Schedule(
        "one-cycle", one_cycle, "Up from 1/25, then down to nearly 0 (Smith and Topin 2018)"
    ),
}
