"""Why a net diverged: the likely cause, one sentence, from what was measured before it did."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .record import Record
from .run_config import RunConfig
from .spec import NetSpec

SOON = 20  # steps after which a change of the learning rate is no longer the cause
BLOWS_UP = 100.0  # the signal's variance grows so much from block to block in all, or more
OVERTURNS = 2.0  # an update of so many times the weights' size leaves nothing of them


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a net that diverged."""

    config: RunConfig
    net: NetSpec  # as it was trained: with shortcuts or without
    labels: Mapping[str, Sequence[str]]  # probe -> paths
    changes: tuple[tuple[int, float], ...]  # (step, peak) of the learning rate
    images_are_finite: bool
    first: Record  # of step 0
    recent: tuple[Record, ...]  # in order, up to the one that is not finite
    path: str  # of the first op with a non-finite value
    what: str  # "output", "gradient" or "loss"

    @property
    def step(self) -> int:
        return self.recent[-1].step

    @property
    def lr(self) -> float:
        """Of the last update that was made; before the first, of that one."""
        return self.recent[max(0, len(self.recent) - 2)].scalars["lr"]

    def lr_of(self, step: int) -> float:
        """Of an update of late."""
        return next(r.scalars["lr"] for r in self.recent if r.step == step)

    @property
    def losses(self) -> list[float]:
        """The finite ones before the end."""
        found = [record.scalars["loss"] for record in self.recent]
        return [loss for loss in found if math.isfinite(loss)]

    @property
    def rises(self) -> int:
        """Steps without a break in which the loss rose, up to the end."""
        count = 0
        for before, after in reversed(list(pairwise(self.losses))):
            if after <= before:
                break
            count += 1
        return count

    @property
    def growth(self) -> tuple[float, float]:
        """At step 0, what the signal's variance is multiplied by: in all, and at each block."""
        paths, blocks = self.labels.get("act_rms", ()), set(self.labels.get("x_norm", ()))
        outputs = zip(self.first.per_op.get("act_rms", ()), paths)
        rms = [float(r) for r, path in outputs if path in blocks and math.isfinite(r)]
        if len(rms) < 2 or not rms[0] > 0:
            return 1.0, 1.0
        growth = (rms[-1] / rms[0]) ** 2
        return growth, growth ** (1 / (len(rms) - 1))

    @property
    def overturning(self) -> tuple[float, str, int] | None:
        """(times the weights' size, path, step) of the first update that left nothing of them."""
        paths = self.labels.get("update_ratio", ())
        for record in self.recent[:-1]:  # the update of the last one was never made
            ratios = zip(record.per_op.get("update_ratio", ()), paths)
            # an update of weights that an init has set to 0 is no measure
            ratio, path = max(((r, p) for r, p in ratios if math.isfinite(r)), default=(0.0, ""))
            if ratio >= OVERTURNS:
                return float(ratio), path, record.step
        return None


def likely_cause(facts: Facts) -> str:
    """The sentence of the first row of CAUSES that holds."""
    for cause in CAUSES.values():
        if sentence := cause(facts):
            return sentence
    raise AssertionError("the last cause always holds")


def images(facts: Facts) -> str | None:
    if facts.images_are_finite:
        return None
    return "The images of this batch have values that are not finite: look at the data set."


def decay(facts: Facts) -> str | None:
    """SGD with momentum m is stable for lr weight_decay < 2 (1 + m), without for < 2."""
    config = facts.config
    momentum = config.momentum if config.optimizer == "sgd" else 0.0
    if facts.lr * config.weight_decay <= 2 * (1 + momentum):
        return None
    return (
        f"Learning rate {facts.lr:g} times weight decay {config.weight_decay:g} is "
        f"{facts.lr * config.weight_decay:.2g}: beyond {2 * (1 + momentum):.2g} the decay itself "
        "makes weights grow from step to step."
    )


def forward_blow_up(facts: Facts) -> str | None:
    """Hanin and Rolnick 2018; Zhang et al. 2019: each F adds as much as there was before."""
    growth, at_each_block = facts.growth
    if facts.net.is_plain or facts.net.norm not in ("none", "fixup") or growth < BLOWS_UP:
        return None
    return (
        f"The signal's variance grew {at_each_block:.1f}-fold at every block before training "
        f"began, 10{power(growth)}-fold in all: a residual net without a norm whose init makes "
        "F(x) as large as x (zero-init or Fixup cure it)."
    )


def raised_rate(facts: Facts) -> str | None:
    peaks = [(0, facts.config.lr), *facts.changes]
    for (_, before), (step, peak) in reversed(list(pairwise(peaks))):
        if step < facts.step <= step + SOON and peak > before:
            ago = steps(facts.step - step)
            return f"The learning rate was raised from {before:g} to {peak:g} {ago} earlier."
    return None


def large_update(facts: Facts) -> str | None:
    if facts.overturning is None:
        return None
    ratio, path, step = facts.overturning
    times = f"{ratio:.1f}" if ratio < 10 else f"{ratio:,.0f}" if ratio < 1e6 else f"{ratio:.0e}"
    return (
        f"The learning rate {facts.lr_of(step):g} is too large: the update of step {step} was "
        f"{times} times the weights' size at {path}."
    )


def rising_loss(facts: Facts) -> str | None:
    if facts.rises < 2:
        return None
    start = facts.losses[-1 - facts.rises]
    return (
        f"The learning rate {facts.lr:g} is too large: the loss rose for {steps(facts.rises)} "
        f"before, from {start:.3g} to {facts.losses[-1]:.3g}."
    )


def overflow(facts: Facts) -> str:
    if facts.step == 0:
        return f"The numbers overflow at {facts.path} before any training: the init is too large."
    return (
        f"The numbers grew until the {facts.what} overflowed at {facts.path}: a smaller learning "
        f"rate than {facts.lr:g}, a norm or clipping helps."
    )


def power(value: float) -> str:
    """The nearest power of ten, as it stands behind the 10."""
    return f"{round(math.log10(value))}".translate(RAISED)


RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def steps(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"


#: name -> cause(facts): the sentence, or None if it is not that one. The first that holds is the
#: likely one: what is wrong from the start before what comes of it.
CAUSES: dict[str, Callable[[Facts], str | None]] = {
    "images": images,
    "decay": decay,
    "forward blow-up": forward_blow_up,
    "raised rate": raised_rate,
    "large update": large_update,
    "rising loss": rising_loss,
    "overflow": overflow,
}
