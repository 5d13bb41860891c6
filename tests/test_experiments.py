"""Each named experiment shows what it claims, with three seeds, and says no where it does not."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from resnet_core.data import DATASETS
from resnet_core.experiments import (
    EXPERIMENTS,
    Claim,
    checks,
    experiment_of,
    is_measured,
    part_of,
    shown,
    why_not_judged,
)
from resnet_core.experiments.checks import direct_way
from resnet_core.presets import digits
from resnet_core.probes import PROBES
from resnet_core.run_config import RunConfig
from resnet_core.series import SERIES
from resnet_core.train import Trainer
from resnet_core.twins import pair_of
from resnet_core.verdict import Outcome, outcome_of_events

SEEDS = (0, 1, 2)
SEEN = ("input_grad", "weight_grad", "act_rms", "grad_skip")
#: experiments whose claims are of step 0, or of the few steps until a net diverges: claims of these
AT_START = {
    "vanishing": (0, 2),
    "exploding": (0, 1),
    "blow-up": (0, 1),
    "zero-init": (0, 2),
    "fixup": (0, 2),
    "pre-activation": (0, 2),
    "board": (0, 1, 4, 5),
}


@cache
def part(config, label):
    outcomes = []
    for model in (0, 1):
        trainer = Trainer(config, model, SEEN)
        outcomes.append(outcome_of_events(trainer.records(), trainer.labels))
    return part_of(pair_of(config), outcomes, config, label)


def run(experiment, config):
    return [part(config, label) for label, config in experiment.parts(config)]


@pytest.mark.parametrize("key", AT_START)
def test_what_an_experiment_claims_of_step_0_is_there_at_step_0(key):
    experiment = EXPERIMENTS[key]
    found = experiment.check(run(experiment, replace(experiment.smallest, steps=1)))
    for place in AT_START[key]:
        assert found[place].holds, found[place]
    assert shown(found) is None


def swept(plain, residual):
    """A sweep whose gradients change by so many decades at step 0, at each depth in order."""
    nets = pair_of(EXPERIMENTS["depths"].smallest)
    parts = []
    for decades in zip(residual, plain):
        outcomes = [
            Outcome(
                loss=np.ones(1),
                accuracy=np.ones(1),
                input_grad=np.array([[10.0**d, 1e-37, 1.0]]) if d > -40 else ZERO,
            )
            for d in decades
        ]
        parts.append(part_of(nets, outcomes))
    return parts


ZERO = np.array([[0, 1e-37, 1.0]])
GROWS, FLAT = (0.3, 0.7, 1.1, 1.9, 2.7, 3.5, 5.1, 7.0), (0.1,) * 8
FADES = (-1.7, -4.4, -7.3, -13, -18.7, -24.4, -50, -50)


@pytest.mark.parametrize(
    ("key", "plain", "residual", "answer"),
    [
        ("depths", GROWS, FLAT, True),
        ("depths", GROWS[:7], FLAT[:7], None),
        ("depths", FLAT, FLAT, False),
        ("depths", GROWS, GROWS, False),
        ("depths", GROWS[::-1][:3], FLAT[:3], False),
        ("depths without norm", FADES, FLAT, True),
        ("depths without norm", FADES[:7], FLAT[:7], None),
        ("depths without norm", FADES, FADES, False),
        ("depths without norm", GROWS, FLAT, False),
    ],
)
def test_a_sweep_is_shown_when_its_last_depth_is(key, plain, residual, answer):
    assert shown(EXPERIMENTS[key].check(swept(plain, residual))) is answer


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("key", EXPERIMENTS)
def test_an_experiment_shows_what_it_claims_with_every_seed(key, seed):
    experiment = EXPERIMENTS[key]
    found = experiment.check(run(experiment, replace(experiment.smallest, seed=seed)))
    assert shown(found), found


def test_a_shallow_net_does_not_blow_up_and_the_check_says_so():
    experiment = EXPERIMENTS["blow-up"]
    shallow = replace(experiment.smallest, net=replace(digits(8), norm="none"), steps=1)
    found = experiment.check(run(experiment, shallow))
    assert shown(found) is False
    assert [claim.holds for claim in found] == [False, False, None]


LEARNS = Outcome(
    loss=np.full(60, 1.5), accuracy=np.full(60, 0.4), input_grad=np.ones((60, 9)), act_rms=None
)


@pytest.mark.parametrize(("steps", "holds"), [(120, None), (60, False)])
def test_what_may_still_come_true_is_open_until_the_last_step(steps, holds):
    """A net that is at 40% after 60 of 120 steps is no proof that it does not learn."""
    config = replace(EXPERIMENTS["degradation"].config, steps=steps)
    found = checks.degradation([part_of(pair_of(config), (LEARNS, LEARNS), config)])
    assert [claim.holds for claim in found] == [holds, holds, True]


@pytest.mark.parametrize(("steps", "holds"), [(120, None), (60, True)])
def test_a_net_stays_at_chance_only_if_it_is_there_at_the_end(steps, holds):
    config = replace(EXPERIMENTS["vanishing"].config, steps=steps)
    stuck = replace(LEARNS, loss=np.full(60, 2.31), accuracy=np.full(60, 0.1))
    found = checks.vanishing([part_of(pair_of(config), (LEARNS, stuck), config)])
    assert found[3].text == "The plain net stays at chance." and found[3].holds is holds


def test_a_rate_that_was_changed_by_hand_makes_another_run_of_it():
    config = EXPERIMENTS["degradation"].config
    assert why_not_judged(config, 120) is None
    changed = replace(config, lr_changes=((40, 0.1), (90, 0.05)))
    assert why_not_judged(changed, 40) is None  # it ended before
    assert why_not_judged(changed, 60) == (
        "The learning rate was changed by hand at step 40 (0.02 to 0.1): this is no longer the run "
        "that the experiment speaks of, so its claims are not judged."
    )
    assert "(0.02 to 0.1) and once more after:" in why_not_judged(changed, 120)


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_nothing_is_claimed_of_a_run_that_has_not_begun(key):
    experiment = EXPERIMENTS[key]
    empty = Outcome(loss=np.empty(0), accuracy=np.empty(0), input_grad=np.empty((0, 9)))
    label, config = experiment.parts(experiment.config)[0]
    begun = [part_of(pair_of(config), (empty, empty), config, label)]
    assert shown(experiment.check(begun)) is None


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_an_experiment_is_complete(key):
    row = EXPERIMENTS[key]
    assert row.question.endswith("?")
    assert all((row.title, row.look, row.mind, row.measured, row.source))
    assert row.probe in PROBES
    assert row.series is None or row.series in SERIES
    assert row.config.device == row.smallest.device == "cpu"
    assert row.gpu.device.startswith("cuda")
    assert {row.config.dataset, row.gpu.dataset} <= set(DATASETS)
    assert row.config.seed == 0
    assert row.seconds <= 20
    for label, config in row.parts(row.gpu):
        assert isinstance(config, RunConfig), label


@pytest.mark.parametrize(
    ("holds", "answer"),
    [
        ((True, True), True),
        ((True, None), None),
        ((None, False), False),
        ((True, False), False),
        ((), None),
    ],
)
def test_an_experiment_is_shown_if_all_its_claims_hold(holds, answer):
    assert shown([Claim("", h, "") for h in holds]) is answer


def test_the_direct_way_of_pre_activation_is_exactly_1():
    """By an identity shortcut comes the gradient at the block's output. He et al. 2016, eq. 5."""
    experiment = EXPERIMENTS["pre-activation"]
    original, preact = run(experiment, replace(experiment.smallest, steps=1))
    assert direct_way(preact) == pytest.approx(1, abs=1e-6)
    assert 0.2 < direct_way(original) < 0.6


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_a_run_is_known_for_its_experiment_whatever_its_seed(key):
    row = EXPERIMENTS[key]
    for config in (row.config, row.gpu):
        for _, member in row.parts(replace(config, seed=7)):
            assert experiment_of(member, row.series) == key
            assert experiment_of(replace(member, batch_size=13), row.series) is None
            assert experiment_of(member, "seeds") is None
            for device in ("cpu", "cuda:1", "mps"):  # whatever trains it
                moved = replace(member, device=device, precision="float32")
                assert experiment_of(moved, row.series) == key
                assert is_measured(key, moved) is (config is row.config)
