"""The closed tables of what a verdict may say of a net, and a finding: a row with its figures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Class:
    """A row of GRADIENTS, SIGNALS or TRAINING."""

    title: str
    tone: str  # "good", "neutral", "warn" or "bad": how it bodes for training
    what: str  # what makes it so, for help


@dataclass(frozen=True)
class Finding:
    """One class, as it was found in a net."""

    key: str
    title: str
    sentence: str  # with the measured figures
    tone: str
    decades: float | None = None  # of gradients and signals, where there is a finite one


def finding(table: dict[str, Class], key: str, sentence: str, decades=None) -> Finding:
    row = table[key]
    return Finding(key, row.title, sentence, row.tone, decades)


FLAT, STEEP = 0.5, 2.0  # decades between the first and the last block

#: of the gradient on its way back, from the last block's input to the first's
GRADIENTS = {
    "healthy": Class(
        "healthy", "good", f"Within {FLAT:g} decades from the last block to the first."
    ),
    "shrinking": Class("shrinking", "neutral", f"Smaller by {FLAT:g} to {STEEP:g} decades."),
    "vanishing": Class("vanishing", "bad", f"Smaller by {STEEP:g} decades or more."),
    "growing": Class("growing", "neutral", f"Larger by {FLAT:g} to {STEEP:g} decades."),
    "exploding": Class("exploding", "bad", f"Larger by {STEEP:g} decades or more."),
    "underflow": Class(
        "underflow to zero", "bad", "Exactly 0 where what was left is too small for its numbers."
    ),
    "zero": Class("exactly zero", "neutral", "Exactly 0 without having faded: something stops it."),
    "not finite": Class("not finite", "bad", "Infinite or not a number."),
    "early": Class("too few steps", "neutral", "Too few steps to speak of training."),
    "one block": Class("one block", "neutral", "One block has no first and last."),
}
#: of the signal on its way forward, from behind the first block to behind the last
SIGNALS = {
    "steady": Class("steady", "good", f"Within {FLAT:g} decades from the first block to the last."),
    "rising": Class("rising", "neutral", f"Larger by {FLAT:g} to {STEEP:g} decades."),
    "blow-up": Class("forward blow-up", "bad", f"Larger by {STEEP:g} decades or more."),
    "fading": Class("fading", "neutral", f"Smaller by {FLAT:g} to {STEEP:g} decades."),
    "dying": Class("dying out", "bad", f"Smaller by {STEEP:g} decades or more, or exactly 0."),
    "not finite": Class("not finite", "bad", "Infinite or not a number."),
    "unknown": Class("not measured", "neutral", "No record of the blocks' outputs."),
}
#: of the loss and the accuracy of the batches
TRAINING = {
    "learns": Class(
        "learns", "good", "Its loss is below that of guessing, and not clearly above its twin's."
    ),
    "slower": Class("learns more slowly", "warn", "Its twin's loss is lower, step by step."),
    "thrown": Class(
        "learned, then thrown back",
        "bad",
        "Its loss is 0.5 nats or more above its best, and at least half the way back to guessing.",
    ),
    "stuck": Class("stuck at chance", "bad", "Loss and accuracy are those of guessing."),
    "diverged": Class("diverged", "bad", "Its numbers are not finite any more."),
    "early": Class("too few steps", "neutral", "Too few steps to say how it learns."),
}
