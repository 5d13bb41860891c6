"""What is said of a run is what the run shows: no mechanism, no winner that is not in it."""

from dataclasses import replace

import numpy as np
import pytest

from resnet_core.presets import cifar, digits
from resnet_core.run_config import RunConfig
from resnet_core.runs.run import ModelEnd, ModelProgress, ModelRecords
from resnet_core.train import Trainer
from resnet_core.twins import pair_of, twin_of
from resnet_core.verdict import (
    GRADIENTS,
    NOTES,
    SIGNALS,
    TRAINING,
    Outcome,
    gradients_in_words,
    outcome_of,
    outcome_of_events,
    verdict_of,
    verdict_of_series,
)

NET = cifar(56)
NETS = (NET, twin_of(NET))
NO_NORM = tuple(replace(net, norm="none") for net in NETS)
LEARNED, MIDDLING, GUESSING = (0.01, 1.0), (1.76, 0.27), (2.303, 0.1)
NOISE = np.random.default_rng(0).standard_normal((3, 120))


def outcome(final, steps=120, slopes=(1.3, 1.0), rms=0.0, **more):
    """Loss and accuracy fall or rise to `final` within 50 steps; gradients in decades, 5 blocks.

    `slopes`: first block over last, in the first 10 steps and later. `rms`: last over first.
    """
    way = np.clip(np.arange(steps) / 50, 0, 1)
    decades = np.where(way < 0.2, slopes[0], slopes[1])
    return Outcome(
        loss=2.4 + (final[0] - 2.4) * way,
        accuracy=0.1 + (final[1] - 0.1) * way,
        input_grad=10.0 ** (decades[:, None] * np.linspace(1, 0, 5)),
        act_rms=np.tile(10.0 ** (rms * np.linspace(0, 1, 5)), (steps, 1)),
        **more,
    )


def judged(residual, plain, nets=NETS, **settings):
    return verdict_of(nets, (residual, plain), RunConfig(net=nets[0], **settings))


def notes_of(*outcomes, **more):
    return {note.key: note for note in judged(*outcomes, **more).notes}


# -- gradients ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decades", "key"),
    [
        (-24.2, "vanishing"),
        (-2.0, "vanishing"),
        (-1.99, "shrinking"),
        (-0.51, "shrinking"),
        (-0.49, "healthy"),
        (0.0, "healthy"),
        (0.49, "healthy"),
        (0.51, "growing"),
        (1.99, "growing"),
        (2.0, "exploding"),
        (7.1, "exploding"),
    ],
)
def test_gradients_are_classed_by_their_decades(decades, key):
    steady = outcome(LEARNED, slopes=(decades, decades))
    for found in judged(steady, outcome(LEARNED)).of("residual").findings.values():
        if "gradient" in found.sentence:
            assert (found.key, found.decades) == (key, pytest.approx(decades))


@pytest.mark.parametrize(
    ("decades", "said"),
    [
        (0.44, "(+0.4 decades)"),
        (0.48, "(+0.48 decades)"),
        (0.52, "by 0.52 decades"),
        (1.98, "by 1.98 decades"),
    ],
)
def test_a_figure_that_rounds_to_the_limit_of_a_class_has_a_digit_more(decades, said):
    net = outcome(LEARNED, slopes=(decades, decades))
    assert said in judged(net, outcome(LEARNED)).of("residual").at_start.sentence


def test_start_and_training_are_classed_apart():
    plain = judged(outcome(LEARNED), outcome(MIDDLING, slopes=(3.5, -0.2))).of("plain")
    assert (plain.at_start.key, plain.in_training.key) == ("exploding", "healthy")
    assert plain.at_start.sentence == (
        "The gradient explodes by 3.5 decades from the last block to the first: 1 to 3,162, "
        "at step 0."
    )
    assert "over steps 100 to 119" in plain.in_training.sentence


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        (1.0, "; at blocks between them it rises to 1."),
        (1e-3, "; at blocks between them it falls to 0.001."),
        (0.1, "."),
    ],
)
def test_a_gradient_between_the_ends_is_told_where_it_is_beyond_both(inner, said):
    plain = outcome(LEARNED)
    plain.input_grad[:] = (0.04, inner, inner, 0.03, 0.03)
    found = judged(outcome(LEARNED), plain).of("plain").at_start
    assert (found.key, found.sentence) == (
        "healthy",
        "The gradient roughly keeps its size (+0.1 decades) from the last block to the first: 0.03 "
        f"to 0.04, at step 0{said}",
    )


def test_a_gradient_that_fades_to_zero_has_underflowed():
    plain = outcome(GUESSING)
    plain.input_grad[:] = (0, 0, 1e-37, 1e-20, 1e-3)
    found = judged(outcome(LEARNED), plain).of("plain").at_start
    assert found.key == "underflow"
    assert "exactly 0 at 2 of 5 blocks: it fades to 1e−37" in found.sentence


def test_a_gradient_that_is_cut_off_has_not_underflowed():
    plain = outcome(GUESSING)
    plain.input_grad[:] = (0, 0, 0, 1e-3, 1e-3)
    found = judged(outcome(LEARNED), plain).of("plain").at_start
    assert (found.key, found.tone) == ("zero", "neutral")
    assert "without fading" in found.sentence


@pytest.mark.parametrize(
    ("rms", "key"),
    [((1, 1e-20, 1e-37, 0, 0), "underflow"), ((1, 1, 1, 1, 1), "zero"), ((1, 1, 0, 0, 0), "zero")],
)
def test_zeros_everywhere_underflow_only_if_the_signal_does(rms, key):
    """Fixup's classifier starts at 0 and passes no gradient; dead ReLUs pass none, either."""
    plain = outcome(GUESSING)
    plain.input_grad[:], plain.act_rms[:] = 0, rms
    assert judged(outcome(LEARNED), plain).of("plain").at_start.key == key


@pytest.mark.parametrize(("faintest", "key"), [(1e-3, "zero"), (1e-37, "underflow")])
def test_a_gradient_that_is_gone_by_the_last_steps_is_not_one_that_vanishes(faintest, key):
    plain = outcome(GUESSING)
    plain.input_grad[:], plain.input_grad[110:] = (faintest, 0.1, 0.1, 0.1, 0.1), 0
    found = judged(outcome(LEARNED), plain).of("plain").in_training
    assert found.key == key
    assert "exactly 0 at all 5 blocks over steps 110 to 119" in found.sentence
    plain.input_grad[116] = 1e-3  # not yet gone for good
    assert "all 5" not in judged(outcome(LEARNED), plain).of("plain").in_training.sentence


def test_a_signal_that_is_nowhere_has_no_smallest_part():
    dead = outcome(GUESSING)
    dead.act_rms[:] = 0
    said = judged(outcome(LEARNED), dead).of("plain").signal.sentence
    assert said == "The signal is exactly 0 behind all 5 blocks at step 0."


def test_zeros_without_a_record_of_the_signal_are_no_underflow():
    plain = replace(outcome(GUESSING), act_rms=None, rms_steps=None)
    plain.input_grad[:] = 0
    found = judged(outcome(LEARNED), plain).of("plain")
    assert found.at_start.key == "zero"
    assert found.signal.key == "unknown"


def test_gradients_that_are_not_finite():
    plain = outcome(MIDDLING, 4, diverged_at="stage1.0.add", diverged_step=3)
    plain.input_grad[-1, 0] = np.inf
    found = judged(outcome(LEARNED), plain).of("plain")
    assert (found.at_start.key, found.in_training.key) == ("growing", "not finite")
    assert found.in_training.sentence == "The gradient is not finite at step 3."


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_few_steps_say_nothing_of_gradients_in_training(steps):
    found = judged(outcome(LEARNED, steps), outcome(LEARNED, steps)).of("plain")
    assert (found.at_start.key, found.in_training.key) == ("growing", "early")


def test_one_wild_step_changes_no_class():
    plain = outcome(MIDDLING, slopes=(3.5, 0.0))
    plain.input_grad[-2, 0] = 1e12
    assert judged(outcome(LEARNED), plain).of("plain").in_training.key == "healthy"


def test_one_block_has_no_depth_to_speak_of():
    one = [replace(outcome(o), input_grad=np.ones((120, 1))) for o in (LEARNED, MIDDLING)]
    assert judged(*one).of("plain").at_start.key == "one block"


# -- signals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decades", "key"),
    [
        (-7.0, "dying"),
        (-1.0, "fading"),
        (0.0, "steady"),
        (0.49, "steady"),
        (0.51, "rising"),
        (2.0, "blow-up"),
        (8.0, "blow-up"),
    ],
)
def test_signals_are_classed_by_their_decades(decades, key):
    found = judged(outcome(LEARNED, rms=decades), outcome(LEARNED)).of("residual").signal
    assert (found.key, found.decades) == (key, pytest.approx(decades))


def test_a_signal_that_ends_in_zeros_or_beyond_all_numbers():
    dead, wild = outcome(LEARNED), outcome(LEARNED)
    dead.act_rms[:, -1], wild.act_rms[:, -1] = 0, np.inf
    found = judged(dead, wild)
    assert found.of("residual").signal.key == "dying"
    assert found.of("plain").signal.key == "not finite"


# -- training -----------------------------------------------------------------------------------


def test_the_headline_has_the_figures_and_who_is_ahead():
    assert judged(outcome(LEARNED, held_out=0.98), outcome(MIDDLING, held_out=0.283)).headline == (
        "After 120 steps the residual net has a training loss of 0.01 nats with 100% accuracy "
        "(mean of steps 100 to 119), the plain net 1.76 nats with 27% accuracy; on held-out images "
        "98% against 28%. By its last losses the residual net learned faster."
    )


def test_who_lags_learns_more_slowly_and_who_leads_learns():
    found = judged(outcome(LEARNED), outcome(MIDDLING))
    assert (found.of("residual").training.key, found.of("plain").training.key) == (
        "learns",
        "slower",
    )
    assert found.of("plain").training.sentence == (
        "After 120 steps its training loss is 1.76 nats with 27% accuracy, 1.75 nats above its "
        "twin's."
    )


def test_the_plain_net_may_win():
    found = judged(outcome(MIDDLING), outcome(LEARNED))
    assert "By its last losses the plain net learned faster." in found.headline
    assert found.of("residual").training.key == "slower"
    assert "residual fails" in {note.key for note in found.notes}


def test_the_order_of_the_twins_does_not_matter():
    residual, plain = outcome(LEARNED, held_out=0.9), outcome(MIDDLING, held_out=0.3)
    one, other = verdict_of(NETS, (residual, plain)), verdict_of(NETS[::-1], (plain, residual))
    assert (one.headline, one.notes) == (other.headline, other.notes)
    assert one.nets == other.nets[::-1]


def test_who_guesses_is_stuck():
    found = judged(outcome(LEARNED), outcome(GUESSING))
    assert found.of("plain").training.key == "stuck"
    assert (
        "guessing among 10 classes gives 2.30 nats with 10%" in found.of("plain").training.sentence
    )
    assert found.headline.endswith("net learned faster; the plain net is still guessing.")


def test_nobody_wins_at_guessing():
    found = judged(outcome(GUESSING), outcome((2.6, 0.1)))
    assert found.headline.endswith("Neither has learned anything: both are guessing.")
    assert "faster" not in found.headline


def test_who_is_better_than_guessing_is_not_stuck():
    """A loss near that of guessing, but right more often than chance explains."""
    found = judged(outcome((2.28, 0.2)), outcome((2.28, 0.2))).of("plain").training
    assert (found.key, found.tone) == ("learns", "neutral")
    assert "hardly better than guessing" in found.sentence


@pytest.mark.parametrize("steps", [20, 30, 39])
def test_nobody_is_stuck_early(steps):
    flat = outcome(GUESSING, steps)
    assert judged(outcome(LEARNED, steps), flat).of("plain").training.key == "early"


def test_warm_up_steps_do_not_count():
    outcomes = outcome(LEARNED, 60), outcome(GUESSING, 60)
    assert judged(*outcomes).of("plain").training.key == "stuck"
    assert judged(*outcomes, warmup=30).of("plain").training.key == "early"
    assert judged(*outcomes, warmup=50).of("residual").training.key == "early"


def test_nobody_wins_when_both_learn_alike():
    found = judged(outcome((0.03, 0.99)), outcome((0.08, 0.98)))
    assert found.headline.endswith("both learned equally well, within 0.1 nats.")
    assert {net.training.key for net in found.nets} == {"learns"}


def test_a_difference_within_the_noise_is_none_and_no_likeness_either():
    a, b = outcome((1.0, 0.5)), outcome((1.15, 0.5))
    noisy = [replace(o, loss=o.loss + 0.4 * noise) for o, noise in zip((a, b), NOISE)]
    said = judged(*noisy).headline
    assert "is not clear" in said
    assert "equally" not in said
    assert "residual net learned faster" in judged(a, b).headline


def test_who_is_ahead_in_the_mean_but_behind_at_every_other_step_does_not_lead():
    a, b = outcome((1.0, 0.5)), outcome((1.2, 0.5))
    turns = replace(b, loss=b.loss + np.tile([-0.5, 0.5], 60))
    found = judged(a, turns)
    assert "is not clear" in found.headline
    assert found.of("plain").training.key == "learns"


def test_noise_that_both_share_hides_nothing():
    """Both see the same batches: a hard one is hard for both."""
    a, b = outcome((1.0, 0.5)), outcome((1.15, 0.5))
    found = judged(*(replace(o, loss=o.loss + 0.4 * NOISE[2]) for o in (a, b)))
    assert "residual net learned faster" in found.headline


@pytest.mark.parametrize("steps", range(1, 60, 3))
def test_what_is_said_early_never_contradicts_the_numbers(steps):
    """One net is ahead by 40 % at every step: nobody may call them equal."""
    fast, slow = outcome(LEARNED, steps), outcome(LEARNED, steps)
    slow = replace(slow, loss=2.4 + 0.6 * (slow.loss - 2.4))
    said = judged(fast, slow).headline
    if fast.loss[-1] < slow.loss[-1] - 0.1:
        assert "equally" not in said
    assert "the plain net learned faster" not in said
    assert ("too few to compare" in said) == (steps < 20)


def test_a_loss_is_the_same_wherever_it_is_told():
    """One net has too few steps to be judged, the other has not: both are means of the same."""
    found = judged(outcome((0.01, 1.0), 39), outcome(GUESSING, 39))
    keys = found.of("residual").training.key, found.of("plain").training.key
    assert keys == ("learns", "early")
    assert "training loss 1.04 nats against 2.34 nats" in found.headline
    assert found.headline.endswith("(residual, plain; mean of steps 19 to 38).")
    assert "1.04 nats" in found.of("residual").training.sentence


@pytest.mark.parametrize("steps", [1, 2, 5, 19])
def test_too_few_steps_name_no_winner(steps):
    found = judged(outcome(LEARNED, steps), outcome(MIDDLING, 40, slopes=(3.5, -0.2)))
    word = "step is" if steps == 1 else "steps are"
    assert found.headline.startswith(f"{steps} {word} too few to compare how the two learn")
    assert "faster" not in found.headline
    assert {net.training.key for net in found.nets} == {"early"}
    assert not {"degradation", "not vanishing", "one rate"} & {note.key for note in found.notes}


def test_nothing_is_said_of_nothing():
    found = judged(outcome(LEARNED, 0), outcome(MIDDLING, 5))
    assert found.headline == "Nothing to compare: no step of both nets is recorded."
    assert found.notes == ()
    assert found.of("residual").at_start.key == "early"


def test_a_run_in_progress_is_compared_at_the_steps_both_have():
    found = judged(outcome(LEARNED, 30), outcome(MIDDLING, 100))
    assert found.headline.startswith("After 30 steps")
    assert "held-out" not in found.headline


def test_steps_that_were_thinned_out_keep_their_numbers():
    steps = np.r_[np.arange(20), np.arange(20, 1200, 12)]
    long = [replace(outcome(o, len(steps)), steps=steps, grad_steps=steps, rms_steps=steps)
            for o in (LEARNED, MIDDLING)]  # fmt: skip
    found = judged(*long)
    assert "After 1,197 steps" in found.headline
    assert "(mean of steps 968 to 1,196)" in found.headline
    assert "over steps 968 to 1,196" in found.of("plain").in_training.sentence


def test_divergence_is_a_result_and_compares_nothing():
    plain = outcome(
        MIDDLING, 4, diverged_at="stage1.0.add", diverged_step=3, what="output", cause="Too fast."
    )
    plain.loss[-1] = plain.input_grad[-1] = np.nan
    found = judged(outcome(LEARNED), plain)
    assert found.headline == (
        "The plain net diverged at step 3; the residual net has a training loss of 0.01 nats with "
        "100% accuracy after 120 steps (mean of steps 100 to 119)."
    )
    assert found.of("plain").training.sentence == (
        "At step 3 the output of Stage 1, block 1, add is not finite. Too fast."
    )
    assert found.of("residual").training.key == "learns"
    assert "nan" not in " ".join(note.text for note in found.notes)
    both = judged(outcome(LEARNED, 9, diverged_at="head.fc"), plain).headline
    assert both == ("The residual net diverged at step 8; the plain net diverged at step 3.")


def thrown(best, last, at=80):
    """A net that has learned down to one (loss, accuracy), and from `at` on has another."""
    net = outcome(best)
    net.loss[at:], net.accuracy[at:] = last
    return net


@pytest.mark.parametrize(
    ("best", "last", "key"),
    [
        ((0.2, 0.95), (2.04, 0.2), "thrown"),
        ((0.2, 0.95), (2.303, 0.1), "thrown"),  # it guesses, but it has learned
        ((0.2, 0.95), (0.9, 0.7), "learns"),
        ((2.0, 0.2), (2.25, 0.16), "learns"),  # half of it, and within what batches differ by
        ((2.303, 0.1), (4.0, 0.1), "stuck"),  # nothing to lose
    ],
)
def test_a_net_that_has_lost_what_it_had_learned_is_not_said_to_learn(best, last, key):
    found = judged(thrown(best, last), thrown(best, last))
    assert found.of("residual").training.key == key
    if key == "thrown":
        assert found.of("residual").training.sentence.endswith("at its best it was 0.20 nats.")
        assert found.headline.endswith("Both nets had learned more before and were thrown back.")


def test_a_rate_that_was_changed_by_hand_leaves_no_mechanism():
    """The change is named as it was made; one after the last step is none of this run."""
    run = thrown((0.2, 0.95), (2.04, 0.2), 42), replace(BURST, loss=BURST.loss + 0.6)
    changes = ((42, 0.5), (50, 0.3), (900, 0.1))
    found = judged(*run, lr=0.02, lr_changes=changes)
    assert not {key for key, row in NOTES.items() if row.compares} & {n.key for n in found.notes}
    (said,) = (note.text for note in found.notes if "rate" in note.text)
    assert said == (
        "The learning rate was changed by hand at step 42 (0.02 to 0.5) and once more after: this "
        "run does not tell why one net is ahead or behind."
    )
    assert found.headline.endswith("The residual net had learned more before and was thrown back.")
    later = judged(outcome(LEARNED), BURST, lr_changes=changes[2:])
    assert {"degradation", "one rate"} <= {note.key for note in later.notes}
    sooner = judged(outcome(LEARNED), BURST, lr_changes=changes[:1])
    assert sooner.headline.endswith("By its last losses the residual net is ahead.")


# -- notes --------------------------------------------------------------------------------------

FADED = outcome(GUESSING, slopes=(-24.2, -24.0), rms=-20)
BURST = outcome(MIDDLING, slopes=(3.5, -0.2))
BLOWN = outcome(LEARNED, 4, slopes=(2.5, 2.5), rms=3, diverged_at="head.fc", diverged_step=3)
SCALED = tuple(replace(net, init="zero") for net in NO_NORM)
FIXED = tuple(replace(net, norm="fixup", init="fixup") for net in NETS)
PREACT = tuple(replace(net, order="preact") for net in NETS)


def direct(net, kept=1.0):
    """With records whose shortcuts pass on `kept` of the gradient at each block's output."""
    blocks = sum(stage.num_blocks for stage in NET.stages)
    ones = np.ones((120, blocks))
    return replace(net, input_grad=ones, grad_skip=kept * ones)


#: note -> (a run that has it, one that differs in one thing and has not)
CASES = {
    "vanishing": (
        (outcome(LEARNED, slopes=(-0.3, -0.3)), FADED, {"nets": NO_NORM}),
        (outcome(LEARNED, slopes=(-0.3, -0.3)), outcome(GUESSING), {"nets": NO_NORM}),
    ),
    "vanishing at start": (
        (outcome(LEARNED, 1), FADED, {"nets": NO_NORM}),
        (outcome(LEARNED), FADED, {"nets": NO_NORM}),
    ),
    "not vanishing": ((outcome(LEARNED), BURST, {}), (outcome(LEARNED), BURST, {"nets": NO_NORM})),
    "degradation": ((outcome(LEARNED), BURST, {}), (outcome(LEARNED), BURST, {"clip": 1.0})),
    "lags while growing": (
        (outcome(LEARNED), outcome(MIDDLING, slopes=(3.5, 1.5)), {}),
        (outcome(LEARNED), BURST, {}),
    ),
    "lags while shrinking": (
        (outcome(LEARNED), outcome(MIDDLING, slopes=(3.5, -1.5)), {}),
        (outcome(LEARNED), BURST, {}),
    ),
    "collapse": (
        (outcome(LEARNED), outcome(GUESSING, slopes=(7.1, -5.0)), {}),
        (outcome(LEARNED), outcome(GUESSING, slopes=(7.1, -1.0)), {}),
    ),
    "explodes": ((outcome(LEARNED), BURST, {}), (outcome(LEARNED), outcome(MIDDLING), {})),
    "blow-up": (
        (BLOWN, outcome(GUESSING), {"nets": NO_NORM}),
        (outcome(LEARNED, rms=0.3), outcome(GUESSING), {"nets": NO_NORM}),
    ),
    "open way": (
        (direct(outcome(LEARNED)), BURST, {"nets": PREACT}),
        (direct(outcome(LEARNED), 0.9), BURST, {"nets": PREACT}),
    ),
    "starts at zero": (
        (outcome(LEARNED), FADED, {"nets": SCALED}),
        (outcome(LEARNED), FADED, {"nets": NO_NORM}),
    ),
    "zero head": (
        (replace(outcome(LEARNED), input_grad=np.zeros((120, 5))), FADED, {"nets": FIXED}),
        (outcome(LEARNED), FADED, {"nets": FIXED}),
    ),
    "plain learns too": (
        (outcome((0.03, 0.99)), outcome((0.05, 0.99)), {}),
        (outcome((0.03, 0.99)), BURST, {}),
    ),
    "residual fails": ((outcome(GUESSING), BURST, {}), (outcome(LEARNED), BURST, {})),
    "changed rate": (
        (outcome(LEARNED), BURST, {"lr_changes": ((119, 0.5),)}),
        (outcome(LEARNED), BURST, {"lr_changes": ((120, 0.5),)}),
    ),
    "clipping": ((outcome(LEARNED), BURST, {"clip": 1.0}), (outcome(LEARNED), BURST, {})),
    "underflow": (
        (outcome(LEARNED), replace(FADED, input_grad=np.tile([0, 1e-38, 1], (120, 1))), {}),
        (outcome(LEARNED), FADED, {}),
    ),
    "precision": ((outcome(LEARNED), BURST, {"precision": "mixed"}), (outcome(LEARNED), BURST, {})),
    "adaptive": ((outcome(LEARNED), BURST, {"optimizer": "adamw"}), (outcome(LEARNED), BURST, {})),
    "no twin": (
        (outcome(LEARNED), BURST, {"nets": (cifar(56, "B"), NETS[1])}),
        (outcome(LEARNED), BURST, {}),
    ),
    "running statistics": (
        (outcome(LEARNED, 19, held_out=0.1), outcome(GUESSING, 19), {}),
        (outcome(LEARNED, 29, held_out=0.1), outcome(GUESSING, 29), {}),
    ),
    "one rate": ((outcome(LEARNED), BURST, {}), (outcome(LEARNED), outcome(LEARNED), {})),
    "one seed": ((outcome(LEARNED), BURST, {}), (outcome(LEARNED, 0), BURST, {})),
}


@pytest.mark.parametrize("key", NOTES)
def test_a_note_is_made_where_it_holds_and_not_where_it_does_not(key):
    (residual, plain, settings), (other, other_plain, other_settings) = CASES[key]
    assert key in notes_of(residual, plain, **settings)
    assert key not in notes_of(other, other_plain, **other_settings)


@pytest.mark.parametrize(("device", "flushed"), [("cpu", True), ("cuda:0", False)])
def test_subnormal_numbers_are_flushed_on_a_cpu_alone(device, flushed):
    residual, plain, _ = CASES["underflow"][0]
    notes = notes_of(residual, plain, precision="mixed", device=device)
    assert ("flushed" in notes["underflow"].text) == flushed
    assert ("become 0" in notes["precision"].text) == flushed
    assert "further apart" in notes["precision"].text


def test_degradation_is_told_without_vanishing_gradients():
    notes = notes_of(outcome(LEARNED), BURST)
    assert notes["not vanishing"].kind == "does not show"
    assert notes["not vanishing"].sentence == (
        "This is not vanishing gradients: batch norm is on, and from the last block to the first "
        "the plain net's gradients change by +3.5 decades at step 0, −0.2 decades over its last "
        "steps. (He et al. 2015, sec. 4.1)"
    )
    assert notes["degradation"].text.startswith(
        "The plain net is harder to optimise: over its last steps its gradients are about as "
        "large at the first block as at the last, and its loss is the higher one, by 1.75 nats."
    )
    assert "this is one depth after 120 steps" in notes["degradation"].text  # not what it compares
    assert "vanishing" not in notes


@pytest.mark.parametrize("decades", [0.9, -0.9])
def test_a_gradient_that_grows_or_shrinks_is_not_called_fine(decades):
    notes = notes_of(outcome(LEARNED), outcome(MIDDLING, slopes=(3.5, decades)))
    assert "degradation" not in notes
    how, size = ("growing", "large") if decades > 0 else ("shrinking", "small")
    assert f"too {size} a gradient may be a reason" in notes[f"lags while {how}"].text


def test_a_plain_net_that_does_train_is_said_to():
    calm = outcome((0.3, 0.9), slopes=(1.3, 0.2))
    text = notes_of(outcome(LEARNED), calm)["degradation"].text
    assert text.endswith("It does train, only more slowly.")
    assert "does train" not in notes_of(outcome(LEARNED), BURST)["degradation"].text


def test_vanishing_is_told_with_both_ways_and_both_nets():
    said = notes_of(outcome(LEARNED, slopes=(-0.3, -0.3)), FADED, nets=NO_NORM)["vanishing"].text
    assert said == (
        "Vanishing gradients. From the last block to the first the plain net's gradients change by "
        "−24.2 decades at step 0, −24.0 decades over its last steps; it is guessing. Its signal "
        "fades on the way forward as well (−20.0 decades). Those of the residual net change by "
        "−0.3 decades at step 0, −0.3 decades over its last steps; it learns."
    )


def test_the_direct_way_is_told_of_pre_activation_as_it_was_measured():
    net = direct(outcome(LEARNED))
    said = notes_of(net, BURST, nets=PREACT)["open way"].text
    assert said.startswith(
        "The direct way is open: past 8 blocks of stage 1 in a row the residual net's shortcuts "
        "pass on 1.000 of the gradient's norm at step 0."
    )
    assert "open way" not in notes_of(net, BURST)  # the original order
    for other in ({"shortcut": "C"}, {"num_blocks": 1}):
        stages = (replace(PREACT[0].stages[0], **other), *NET.stages[1:])
        nets = replace(PREACT[0], stages=stages), PREACT[1]
        assert "open way" not in notes_of(net, BURST, nets=nets)


def test_batch_norm_excuses_no_gradients_that_do_vanish():
    notes = notes_of(outcome(LEARNED), outcome(MIDDLING, slopes=(7.1, -5.0)))
    assert "not vanishing" not in notes
    assert "degradation" not in notes


def test_a_diverged_net_is_offered_no_higher_rate():
    said = notes_of(BLOWN, outcome(LEARNED), nets=NO_NORM, lr=0.03)["one rate"].text
    assert said.endswith("before blaming the net that diverged, try 0.01 and 0.003.")


@pytest.mark.parametrize(
    ("steps", "held_out", "norm", "is_told"),
    [
        (19, 0.114, "batch", True),
        (19, None, "batch", False),
        (19, 0.35, "batch", False),  # about what it gets right in training
        (19, 0.114, "group", False),  # has none
        (60, 0.114, "batch", False),  # by then they have come
    ],
)
def test_running_statistics_that_have_hardly_begun_are_named(steps, held_out, norm, is_told):
    nets = tuple(replace(net, norm=norm) for net in NETS)
    residual = outcome((0.1, 1.0), steps, held_out=held_out)
    found = notes_of(residual, outcome(GUESSING, steps, held_out=0.1), nets=nets)
    assert ("running statistics" in found) == is_told
    if is_told:
        assert found["running statistics"].text == (
            "On held-out images the residual net gets 11% right, of its last training batches 34%. "
            "Held-out images are normalised with batch norm's running statistics, which move by a "
            "tenth at each step: after 19 steps 14% of what they start at is left, at every layer."
        )


def test_running_statistics_are_of_a_net_by_itself():
    """Its twin diverged long before."""
    assert "running statistics" not in notes_of(BLOWN, outcome(LEARNED, held_out=0.5))


def test_one_step_is_not_said_to_have_learned():
    text = notes_of(outcome(LEARNED, 1), outcome(MIDDLING, 1))["one seed"].text
    assert text == "One seed (0) and one step: what is shown is of the start, before any training."


def test_clipping_is_named_where_it_may_be_the_reason():
    assert "keep it from learning" in notes_of(outcome(LEARNED), BURST, clip=1.0)["clipping"].text
    calm = notes_of(outcome(LEARNED), outcome(MIDDLING), clip=1.0)["clipping"].text
    assert "keep it from learning" not in calm


@pytest.mark.parametrize("key", NOTES)
def test_notes_that_claim_a_mechanism_have_a_source(key):
    assert NOTES[key].kind in ("shows", "does not show", "mind")
    assert NOTES[key].source or NOTES[key].kind != "shows"


def test_the_tables_are_closed_and_have_tones():
    for table in (GRADIENTS, SIGNALS, TRAINING):
        assert {row.tone for row in table.values()} <= {"good", "neutral", "warn", "bad"}


def test_without_a_config_the_records_still_speak():
    found = verdict_of(NETS, (outcome(LEARNED), BURST))
    assert "the residual net learned faster" in found.headline
    assert {"not vanishing", "one seed"} <= {note.key for note in found.notes}
    assert "one rate" not in {note.key for note in found.notes}


def test_gradients_in_lines_name_the_net_and_the_steps():
    lines = gradients_in_words(judged(outcome(LEARNED), BURST))
    assert [line.split()[0] for line in lines] == ["residual:", "residual:", "plain:", "plain:"]
    assert lines[2].startswith("plain: The gradient explodes by 3.5 decades")
    assert all(line.endswith("over steps 100 to 119.") for line in lines[1::2])


# -- several seeds ------------------------------------------------------------------------------


def test_several_seeds_give_median_range_and_how_many_agree():
    runs = [
        (
            NETS,
            (outcome(LEARNED, held_out=0.98), outcome((loss, 0.3), slopes=(3.5, -0.2))),
            RunConfig(net=NET, seed=seed),
        )
        for seed, loss in enumerate((1.5, 1.9, 1.7))
    ]
    found = verdict_of_series(runs)
    assert found.headline == (
        "After 120 steps the residual net: learns in 3 of 3 seeds; the plain net: learns more "
        "slowly in 3 of 3 seeds."
    )
    spreads = {(s.key, s.role): s for s in found.spreads}
    loss = spreads["loss", "plain"]
    assert (loss.median, loss.least, loss.most) == pytest.approx((1.7, 1.5, 1.9))
    assert loss.text == "1.7 (1.5 to 1.9) nats"
    assert spreads["held out", "residual"].text == "98% (98% to 98%)"
    assert spreads["held out", "plain"].text == "none"
    assert spreads["at start", "plain"].text == "+3.50 (+3.50 to +3.50) decades"
    assert found.classes["plain"]["gradients at step 0"] == {"exploding": 3}


def test_the_figures_of_seeds_tell_why_their_classes_differ():
    runs = [(NETS, (outcome(LEARNED, slopes=(d, d)), BURST), None) for d in (0.49, 0.51, 0.53)]
    found = verdict_of_series(runs)
    assert found.classes["residual"]["gradients at step 0"] == {"growing": 2, "healthy": 1}
    text = next(s.text for s in found.spreads if (s.key, s.role) == ("at start", "residual"))
    assert text == "+0.51 (+0.49 to +0.53) decades"


def test_seeds_that_disagree_are_counted():
    runs = [(NETS, (outcome(LEARNED), o), None) for o in (BURST, outcome(LEARNED), BURST)]
    runs.append((NETS, (outcome(LEARNED, 0), BURST), None))  # has not begun
    found = verdict_of_series(runs)
    assert (found.seeds, found.places) == (3, (0, 1, 2))
    assert found.headline.endswith(" So far this is 3 of 4 seeds; 1 has not come as far yet.")
    assert "the plain net: learns more slowly in 2 of 3, learns in 1 of 3 seeds" in found.headline


def test_a_seed_that_is_on_its_way_is_not_mixed_with_one_that_is_done():
    done, begun = (outcome(LEARNED), BURST), (outcome(LEARNED, 5), outcome(GUESSING, 5))
    found = verdict_of_series([(NETS, begun, None), (NETS, done, None), (NETS, begun, None)])
    assert (found.seeds, found.places) == (1, (1,))
    assert found.headline == (
        "After 120 steps the residual net: learns; the plain net: learns more slowly. So far this "
        "is 1 of 3 seeds; 2 have not come as far yet."
    )
    assert found.caution == ""  # the note on one seed stands
    assert not any(" to " in spread.text for spread in found.spreads)


@pytest.mark.parametrize(
    ("is_over", "said"),
    [
        (False, " So far this is 2 of 3 seeds; 1 has not come as far yet."),
        (True, " This is 2 of 3 seeds; the other one ended before that."),
    ],
)
def test_seeds_without_a_record_are_missed(is_over, said):
    """What waits has none, and is not among the runs that are given."""
    runs = [(NETS, (outcome(LEARNED), BURST), None)] * 2
    found = verdict_of_series(runs, 3, is_over)
    assert found.headline.endswith(said) and "in 2 of 2 seeds" in found.headline
    assert found.caution.startswith("2 seeds of at most 120 steps")
    assert (
        "of 3"
        not in verdict_of_series([*runs, runs[0]], 3, is_over=True).headline.partition(". ")[2]
    )


def test_a_series_without_a_step_has_no_verdict():
    assert verdict_of_series([(NETS, (outcome(LEARNED, 0), BURST), None)]) is None


# -- of records ---------------------------------------------------------------------------------


def test_an_outcome_takes_blocks_alone_at_the_steps_they_have():
    records = ModelRecords(
        model=1,
        labels={
            "input_grad": ("stage1.0", "stage1.1"),
            "act_rms": ("stem.conv", "stage1.0.residual.conv1", "stage1.0", "stage1.1", "head.fc"),
        },
        steps=np.arange(6),
        scalars={"loss": np.ones(6), "accuracy": np.zeros(6)},
        per_op={"input_grad": np.ones((3, 2)), "act_rms": np.tile(np.arange(5.0), (2, 1))},
        probe_steps={"input_grad": np.array([0, 1, 4]), "act_rms": np.array([0, 4])},
    )
    end = ModelEnd(how="diverged", step=5, path="head.fc", what="output", cause="Too fast.")
    found = outcome_of(records, ModelProgress(model=1, steps_done=6, end=end))
    assert found.act_rms.tolist() == [[2, 3], [2, 3]]
    assert found.grad_steps.tolist() == [0, 1, 4]
    assert (found.diverged_at, found.diverged_step, found.cause) == ("head.fc", 5, "Too fast.")
    assert outcome_of(records, ModelProgress(model=1, steps_done=6)).diverged_at is None


def test_an_outcome_of_no_records_is_empty():
    found = outcome_of(ModelRecords(model=0, labels={}, steps=np.empty(0, dtype=np.int64)))
    assert found.last == -1
    assert judged(found, outcome(LEARNED)).notes == ()


def run(config):
    outcomes = []
    for model in (0, 1):
        trainer = Trainer(config, model, probes=("input_grad", "weight_grad", "act_rms"))
        outcomes.append(outcome_of_events(trainer.records(), trainer.labels))
    return verdict_of(pair_of(config), outcomes, config)


def test_of_a_real_run():
    """Depth 8 trains with and without shortcuts: no gradient vanishes, nobody is stuck."""
    found = run(RunConfig(net=digits(8), steps=45))
    assert found.headline.startswith("After 45 steps")
    assert {net.training.key for net in found.nets} <= {"learns", "slower"}
    assert {net.at_start.key for net in found.nets} <= {"healthy", "growing"}
    assert not {"vanishing", "collapse", "clipping"} & {note.key for note in found.notes}


def test_of_a_real_net_that_fades_to_zero():
    """110 layers without a norm, PyTorch's init: the signal itself is below float32."""
    net = replace(digits(110), norm="none", init="pytorch")
    found = run(RunConfig(net=net, steps=1))
    assert found.of("plain").at_start.key == "underflow"
    assert found.of("residual").at_start.key == "healthy"
    assert "vanishing at start" in {note.key for note in found.notes}
