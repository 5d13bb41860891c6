"""How a net learns, by itself and against its twin: losses of batches -> a class of TRAINING."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from resnet_core.spec import in_words

from .classes import TRAINING, Finding, finding
from .outcome import Outcome
from .words import capital, count, nats

WINDOW = 20  # rows that a "last" value is the mean of
LEAST = 20  # steps before learning is spoken of, after the warm-up
STUCK = 40  # steps before a net is said to be stuck, after the warm-up
CLEAR = 0.1  # nats between two losses; nets that are closer learn equally well
BACK = 0.5  # nats, and share of what was won against guessing: a net that lost both is thrown back
MOSTLY = 0.9  # of the steps have to agree on who is ahead
GUESSING = 0.95  # of the loss of equal odds for every class: above, it tells of nothing learned
SIGMAS = 4  # of the binomial spread of accuracies at chance


@dataclass(frozen=True)
class Lately:
    """The last rows of one net up to a step; never of the first half of the run."""

    steps: np.ndarray
    loss: np.ndarray
    accuracy: np.ndarray

    @property
    def result(self) -> str:
        return f"{nats(self.loss.mean())} with {self.accuracy.mean():.0%} accuracy"

    @property
    def mean_of(self) -> str:
        return f"mean of steps {self.steps[0]:,} to {self.steps[-1]:,}"


def lately(outcome: Outcome, upto: int) -> Lately:
    last = int(np.searchsorted(outcome.steps, upto, side="right"))
    rows = slice(max(last // 2, last - WINDOW), last)
    return Lately(outcome.steps[rows], outcome.loss[rows], outcome.accuracy[rows])


@dataclass(frozen=True)
class Lead:
    """One net against its twin, at the steps that both have: the same batches."""

    behind: float  # nats that this net's loss is above its twin's, in the mean
    noise: float  # standard error of that mean
    agree: float  # share of the steps that have the sign of the mean

    @property
    def is_clear(self) -> bool:
        return abs(self.behind) >= CLEAR and self.agree >= MOSTLY

    @property
    def is_alike(self) -> bool:
        return abs(self.behind) + 2 * self.noise < CLEAR


def lead(net: Lately, twin: Lately) -> Lead | None:
    """None unless they have steps in common."""
    _, mine, other = np.intersect1d(net.steps, twin.steps, return_indices=True)
    apart = net.loss[mine] - twin.loss[other]
    if not len(apart) or not np.isfinite(apart).all():
        return None
    agree = (np.sign(apart) == np.sign(apart.mean())).mean()
    return Lead(float(apart.mean()), float(apart.std() / math.sqrt(len(apart))), float(agree))


def is_guessing(net: Lately, classes: int, batch_size: int) -> bool:
    """Whether neither loss nor accuracy tell it from a net that gives equal odds to all classes."""
    chance = 1 / classes
    spread = math.sqrt(chance * (1 - chance) / (batch_size * len(net.steps)))
    return (
        net.loss.mean() >= GUESSING * math.log(classes)
        and net.accuracy.mean() <= chance + SIGMAS * spread
    )


def best_of(net: Outcome, upto: int, rows: int) -> float:
    """The least mean loss of as many rows in a row, up to a step; nats."""
    loss = net.loss[: int(np.searchsorted(net.steps, upto, side="right"))]
    return float(np.convolve(loss.astype(np.float64), np.full(rows, 1 / rows), "valid").min())


def is_thrown_back(loss: float, best: float, classes: int) -> bool:
    """Whether a net had learned, and has lost at least half of it by its last rows."""
    won = math.log(classes) - best
    return best < GUESSING * math.log(classes) and loss - best >= max(BACK, BACK * won)


@dataclass(frozen=True)
class Terms:
    """What learning is measured against."""

    classes: int
    batch_size: int = 64
    warmup: int = 0  # steps whose learning rate is not yet the run's


def training(net: Outcome, twin: Outcome, upto: int, terms: Terms) -> Finding:
    """The class of `net`. A net whose twin diverged is judged by all of its own steps."""
    if net.diverged_at is not None:
        return finding(TRAINING, "diverged", _how(net))
    alone = twin.diverged_at is not None
    done = net.last + 1 if alone else upto + 1
    if done - terms.warmup < LEAST:
        warm = f", {count(terms.warmup)} of them warm-up" if terms.warmup else ""
        needs = f"{count(done)}{warm}: too few to say how it learns"
        return finding(TRAINING, "early", capital(f"After {needs}."))
    mine = lately(net, done - 1)
    text = f"After {count(done)} its training loss is {mine.result}"
    guess = f"guessing among {terms.classes} classes gives {nats(math.log(terms.classes))}"
    best = best_of(net, done - 1, len(mine.loss))
    if is_thrown_back(float(mine.loss.mean()), best, terms.classes):
        return finding(TRAINING, "thrown", f"{text}; at its best it was {nats(best)}.")
    if is_guessing(mine, terms.classes, terms.batch_size):
        key = "stuck" if done - terms.warmup >= STUCK else "early"
        return finding(TRAINING, key, f"{text}; {guess} with {1 / terms.classes:.0%}.")
    between = None if alone else lead(mine, lately(twin, upto))
    if between and between.is_clear and between.behind > 0:
        return finding(TRAINING, "slower", f"{text}, {nats(between.behind)} above its twin's.")
    if mine.loss.mean() >= GUESSING * math.log(terms.classes):
        key = "learns" if done - terms.warmup >= STUCK else "early"
        hardly = finding(TRAINING, key, f"{text}: hardly better than guessing, since {guess}.")
        return replace(hardly, tone="neutral")
    return finding(TRAINING, "learns", f"{text}{_against(between)}.")


def _against(between: Lead | None) -> str:
    if between is None:
        return ""
    if between.is_clear:
        return f", {nats(-between.behind)} below its twin's"
    if between.is_alike:
        return f", within {CLEAR:g} nats of its twin's"
    return "; too close to its twin's, or too noisy, to say which is lower"


def _how(net: Outcome) -> str:
    step = net.last if net.diverged_step is None else net.diverged_step
    text = (
        f"At step {step:,} the {net.what or 'output'} of {in_words(net.diverged_at)} is not finite."
    )
    return f"{text} {net.cause}" if net.cause else text
