"""A net whose numbers stop being finite: ended at once, with the op and the likely cause."""

import re
from dataclasses import replace
from itertools import count

import pytest
import torch

from resnet_core.causes import CAUSES
from resnet_core.presets import digits
from resnet_core.record import AT_EVERY_STEP
from resnet_core.train import Diverged, RunConfig, Trainer

NO_NORM = replace(digits(8), norm="none")
DEEP = replace(digits(44), norm="none")


def diverging(net, model=0, probes=None, **settings):
    config = RunConfig(net=net, **{"steps": 40, "batch_size": 16} | settings)
    return Trainer(config, model) if probes is None else Trainer(config, model, probes)


def with_bad_images():
    trainer = diverging(NO_NORM)
    given = trainer.batch

    def batch(indices):
        images, labels = given(indices)
        images[3, 0, 2, 2] = torch.nan
        return images, labels

    trainer.batch = batch
    return trainer


def with_a_raised_rate():
    trainer = diverging(replace(digits(20), norm="none"), lr=0.02)
    trainer.change_lr(3, 10)
    return trainer


def with_a_wild_init():
    trainer = diverging(NO_NORM, 1)
    with torch.no_grad():
        for weight in trainer.optimizer.params:
            weight *= 1e20
    return trainer


#: row of CAUSES -> a run that diverges for it, and words of the sentence
RUNS = {
    "images": (with_bad_images, "values that are not finite: look at the data set"),
    "decay": (
        lambda: diverging(NO_NORM, lr=10, weight_decay=1),
        "Learning rate 10 times weight decay 1 is 10: beyond 3.8 the decay itself makes",
    ),
    "forward blow-up": (
        lambda: diverging(DEEP, lr=0.5),
        "-fold at every block before training began, .*: a residual net without a norm",
    ),
    "raised rate": (with_a_raised_rate, "was raised from 0.02 to 10 2 steps earlier"),
    "large update": (
        lambda: diverging(replace(digits(20), norm="none"), lr=10),
        "The learning rate 10 is too large: the update of step . was .* times the weights' size",
    ),
    "rising loss": (
        lambda: diverging(replace(digits(20), norm="none"), probes=AT_EVERY_STEP, lr=1),
        "The learning rate 1 is too large: the loss rose for [2-9] steps before, from 2.* to",
    ),
    "overflow": (with_a_wild_init, "overflow at .* before any training: the init is too large"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_net_that_diverges_says_why(cause):
    make, words = RUNS[cause]
    trainer = make()
    *records, end = trainer.records()
    assert isinstance(end, Diverged)
    assert [record.is_finite for record in records] == [True] * (len(records) - 1) + [False]
    assert end.step == records[-1].step
    assert re.search(words, end.cause), end.cause
    assert re.fullmatch(r"[A-Z].*\.", end.cause)
    assert not re.search(r"\b(nan|inf)\b", end.cause)


def test_zero_init_and_fixup_cure_what_is_said_to_be_cured_by_them():
    for net in (replace(DEEP, init="zero"), replace(DEEP, norm="fixup", init="fixup")):
        assert not isinstance(list(diverging(net, lr=0.02, steps=6).records())[-1], Diverged)


def test_a_step_that_nobody_probes_is_guarded_too(monkeypatch):
    monkeypatch.setattr("resnet_core.rhythm.MOST", 4)
    trainer, steps = diverging(NO_NORM, steps=40), count()

    def overflow(layer, args, output):
        if output.requires_grad and next(steps) == 25:
            output.register_hook(lambda grad: grad * torch.inf)

    trainer.module.stage2[0].residual.conv1.register_forward_hook(overflow)
    *_, record, end = trainer.records()
    assert (record.per_op, record.is_finite) == ({}, False)
    assert (end.step, end.path, end.what) == (25, "stage2.0.residual.conv1", "gradient")
