"""What is said of a run is what the run shows: no mechanism, no winner that is not in it."""

from dataclasses import replace

import numpy as np
import pytest

from resnet_core.presets import cifar, digits
from resnet_core.train import RunConfig, train
from resnet_core.twins import twin_of
from resnet_core.verdict import Outcome, slope_in_words, verdict

NET = cifar(56)
NETS = (NET, twin_of(NET))
NO_NORM = tuple(replace(net, norm="none") for net in NETS)
LEARNED, STUCK, GUESSING = (0.01, 1.0), (1.76, 0.27), (2.303, 0.1)


def outcome(final, steps=120, slopes=(1.3, 1.0), **more):
    """Loss and accuracy fall or rise to `final` within 50 steps; gradients in decades, 5 blocks."""
    way = np.clip(np.arange(steps) / 50, 0, 1)
    decades = np.where(way < 0.2, slopes[0], slopes[1])
    return Outcome(
        loss=2.4 + (final[0] - 2.4) * way,
        accuracy=0.1 + (final[1] - 0.1) * way,
        input_grad=10.0 ** (decades[:, None] * np.linspace(1, 0, 5)),
        **more,
    )


def text_of(*outcomes, nets=NETS):
    return " ".join(verdict(nets, outcomes))


def test_degradation_is_told_without_vanishing_gradients():
    learned, gradients, caution = verdict(
        NETS,
        (
            outcome(LEARNED, held_out=0.98),
            outcome(STUCK, slopes=(3.5, -0.2), held_out=0.283),
        ),
    )
    assert learned == (
        "After 120 steps the residual net has a training loss of 0.01 nats and 100% accuracy "
        "(mean of its last 20), the plain net 1.76 nats and 27%; on held-out images 98% against "
        "28%. By its last losses the residual net learned faster."
    )
    assert gradients == (
        "∂L/∂x at the blocks' inputs, from the last block to the first: the gradient of the "
        "residual net grows by 1.3 decades at step 0 and grows by 1.0 decades over the last 20; "
        "the gradient of the plain net explodes by 3.5 decades at step 0 and stays flat "
        "(−0.2 decades) over the last 20."
    )
    assert caution == (
        "With batch norm the plain net's gradients do not vanish, so that is not why it lags "
        "(He et al. 2015, sec. 4.1). This is how fast 120 steps of one seed went, not a "
        "converged result."
    )


def test_vanishing_is_told_where_it_is_seen():
    plain = outcome(GUESSING, slopes=(-24.2, -24.0))
    text = text_of(outcome(LEARNED, slopes=(-0.3, -0.3)), plain, nets=NO_NORM)
    assert "plain net vanishes by 24.2 decades at step 0" in text
    assert "residual net stays flat (−0.3 decades)" in text
    assert "still where it began: 2.30 nats is guessing among 10 classes" in text
    assert "do not vanish" not in text


def test_batch_norm_excuses_no_gradients_that_do_vanish():
    plain = outcome(STUCK, slopes=(7.1, -5.0))
    assert "do not vanish" not in text_of(outcome(LEARNED), plain)


def test_the_order_of_the_twins_does_not_matter():
    residual, plain = outcome(LEARNED, held_out=0.9), outcome(STUCK, held_out=0.3)
    assert verdict(NETS, (residual, plain)) == verdict(NETS[::-1], (plain, residual))


def test_nobody_wins_when_both_learn_alike():
    text = text_of(outcome((0.03, 0.99)), outcome((0.08, 0.98)))
    assert "both learned about equally well" in text
    assert "faster" not in text
    assert "lags" not in text


def test_a_difference_within_the_noise_is_none():
    noise = np.tile([-0.4, 0.4], 60)
    a, b = outcome((1.0, 0.5)), outcome((1.2, 0.5))
    noisy = [replace(o, loss=o.loss + noise) for o in (a, b)]
    assert "equally well" in text_of(*noisy)
    assert "residual net learned faster" in text_of(a, b)


def test_the_plain_net_may_win():
    text = text_of(outcome(STUCK), outcome(LEARNED))
    assert "By its last losses the plain net learned faster." in text
    assert "lags" not in text


def test_nobody_wins_at_guessing():
    text = text_of(outcome(GUESSING), outcome((2.6, 0.1)))
    assert "Neither has learned much: 2.30 nats is guessing among 10 classes." in text
    assert "faster" not in text


def test_nothing_is_said_of_nothing():
    assert verdict(NETS, (outcome(LEARNED, 0), outcome(STUCK, 5))) == (
        "Nothing to compare yet: no step of both nets is recorded.",
    )


@pytest.mark.parametrize("steps", [1, 2, 5, 9])
def test_too_few_steps_name_no_winner_but_show_the_gradients_of_step_0(steps):
    text = text_of(outcome(LEARNED, steps), outcome(STUCK, 40, slopes=(3.5, -0.2)))
    assert "too early to compare" in text
    assert "faster" not in text
    assert "lags" not in text
    assert "explodes by 3.5 decades at step 0" in text
    assert ("over the last" in text) == (steps > 1)


def test_a_run_in_progress_is_compared_at_the_steps_both_have():
    text = text_of(outcome(LEARNED, 30), outcome(STUCK, 100))
    assert "After 30 steps" in text
    assert "held-out" not in text


def test_divergence_is_a_result_and_compares_nothing():
    plain = outcome(STUCK, 4, diverged_at="stage1.0.add")
    plain.loss[-1] = plain.input_grad[-1] = np.nan
    text = text_of(outcome(LEARNED), plain)
    assert text.startswith(
        "The plain net diverged at step 3, first at Stage 1, block 1, add; after 120 steps "
        "the residual net has a training loss of 0.01 nats and 100% accuracy."
    )
    assert "nan" not in text
    assert "faster" not in text
    both = text_of(outcome(LEARNED, 9, diverged_at="head.fc"), plain)
    assert "The residual net diverged at step 8, first at Head, fc; the plain net diverged" in both


@pytest.mark.parametrize(
    ("decades", "words"),
    [
        (-24.2, "vanishes by 24.2 decades"),
        (-1.0, "shrinks by 1.0 decades"),
        (0.2, "stays flat (+0.2 decades)"),
        (1.0, "grows by 1.0 decades"),
        (2.0, "explodes by 2.0 decades"),
        (-np.inf, "vanishes to 0 in float32"),
        (np.nan, "is 0 in float32 at both ends"),
        (None, "is not finite"),
    ],
)
def test_slopes_have_words(decades, words):
    assert slope_in_words(decades) == words


def test_exact_zeros_are_said_to_be_zero():
    plain = outcome(GUESSING)
    plain.input_grad[:, :3] = 0
    assert "plain net vanishes to 0 in float32 at step 0" in text_of(
        outcome(LEARNED), plain, nets=NO_NORM
    )
    plain.input_grad[:] = 0
    assert "plain net is 0 in float32 at both ends at step 0" in text_of(
        outcome(LEARNED), plain, nets=NO_NORM
    )


def test_one_block_has_no_depth_to_speak_of():
    one = [replace(outcome(o), input_grad=np.ones((120, 1))) for o in (LEARNED, STUCK)]
    assert "From the last block" not in text_of(*one)


def test_of_a_real_run():
    """Depth 8 trains with and without shortcuts: nobody may be said to win by far."""
    config = RunConfig(net=digits(8), steps=60)
    outcomes = []
    for model in (0, 1):
        records = list(train(config, model))
        outcomes.append(
            Outcome(
                loss=np.array([r.scalars["loss"] for r in records]),
                accuracy=np.array([r.scalars["accuracy"] for r in records]),
                input_grad=np.stack([r.per_op["input_grad"] for r in records]),
            )
        )
    text = text_of(*outcomes, nets=(config.net, twin_of(config.net)))
    assert "After 60 steps" in text
    assert "vanish" not in text.replace("do not vanish", "")
    assert "guessing" not in text
