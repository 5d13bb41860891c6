"""What the page says and offers beside a series of runs, and beside an experiment with a name."""

from dataclasses import replace

import pytest
from app_pages import after, edited, opened, shown, texts

from explorer import (
    cached,
    chart_panel,
    experiments_menu,
    next_run,
    run_controls,
    run_words,
    visitor,
)
from explorer.link import Experiment, encode
from explorer.watched import Watched
from resnet_core.experiments import EXPERIMENTS, GPU_NOTE, Claim
from resnet_core.presets import digits
from resnet_core.proof import Proof
from resnet_core.runs.engine import Run, SeriesPlace, User
from resnet_core.runs.run import ModelProgress, Resolved
from resnet_core.series import SERIES

pytestmark = pytest.mark.usefixtures("data_folder")
SMALL = Experiment(net=digits(8), steps=12)


def a_run(**fields) -> Run:
    usual = {"id": 1, "request_id": "r", "config": SMALL.config(), "queued_at": 0.0}
    usual |= {"resolved": None, "ended": None, "reason": None, "sentence": "", "position": None}
    usual |= {"want": "run", "total_steps": 12, "models": (), "proof": Proof(), "state": "running"}
    return Run(**usual | fields)


def series_of(*states: str) -> tuple[Run, ...]:
    size = len(states)
    places = [SeriesPlace("s", "seeds", "", n, size, f"seed {n}") for n in range(size)]
    return tuple(a_run(id=p.index, state=s, series=p) for s, p in zip(states, places))


@pytest.mark.parametrize(
    ("states", "watched", "now"),
    [
        (("ended", "running", "queued"), 2, 1),
        (("ended", "paused", "queued"), 0, 1),
        (("running", "running", "queued"), 1, 1),  # two slots: the one that is looked at
        (("ended", "queued", "queued"), 2, 1),
        (("ended", "ended"), 0, 0),
    ],
)
def test_the_buttons_of_a_series_act_on_the_run_that_trains(states, watched, now):
    """Whoever opens the third seed while the first trains would else pause the third alone."""
    runs = series_of(*states)
    found = Watched(runs[watched], runs)
    assert found.now.id == now


def test_a_series_has_no_menu_of_rates(monkeypatch):
    """A mean of three seeds is of three equal runs."""
    monkeypatch.setattr(visitor, "user", User)
    runs = series_of("running", "queued")
    assert not run_controls.is_adjustable(Watched(runs[0], runs))
    alone = a_run()
    assert run_controls.is_adjustable(Watched(alone, (alone,)))


@pytest.mark.parametrize("has_key", [True, False])
def test_the_key_is_spoken_of_where_there_is_one(has_key):
    said = run_words.whose(a_run(owner="o"), User("m"), has_key)
    assert said.startswith("Somebody else's run: ") and ("key" in said) is has_key


def test_the_largest_seed_has_no_next_ones_and_that_is_a_sentence():
    """Beside a series of seeds, of which the page asks what it would be of the net on screen."""
    cached.engine().submit_series(SERIES["seeds"].make(SMALL.config()), "press")
    largest = encode(replace(SMALL, seed=2**31 - 1))
    app = opened(run="1", x=largest)
    assert "has been edited since" not in texts(app)
    begin = "from explorer import cached, next_run; next_run.start_series(cached.engine(), 'seeds')"
    app = after(opened(x=largest), begin)
    assert "3 seeds from 2,147,483,647 on" in shown(app.error[0])


def test_stop_ends_the_whole_series_and_says_so():
    cached.engine().submit_series(SERIES["seeds"].make(SMALL.config()), "press")
    app = opened(run="2")
    assert app.button(key="stop").label == "Stop all"
    app.button(key="stop").click().run()
    assert all(run.want == "stop" or run.is_over for run in cached.engine().runs())


@pytest.mark.parametrize(("settings", "is_noted"), [("config", False), ("gpu", True)])
def test_settings_that_were_not_measured_say_so(settings, is_noted):
    row = EXPERIMENTS["exploding"]
    app = opened(named="exploding", x=encode(Experiment.of_run(getattr(row, settings))))
    assert row.look in texts(app) and (GPU_NOTE in texts(app)) is is_noted
    helps = "".join(element.proto.help for element in app.markdown).replace("\\", "")
    assert row.measured in helps
    assert ("Measured with three seeds on a CPU" in helps) is not is_noted


@pytest.mark.parametrize(
    ("holds", "is_over", "words"),
    [
        (True, True, "shows it"),
        (False, False, "does not show it"),
        (None, False, "not yet"),
        (None, True, "not reached"),
    ],
)
def test_a_claim_has_words_of_its_own(holds, is_over, words):
    claim = Claim("It learns.", holds, "96%")
    line = experiments_menu.line(claim, is_over)
    for said in (line, experiments_menu.answer([claim], is_over)):
        assert f"</span>{words}</b>" in said
        assert "as it should be" not in said and "than its twin" not in said


def test_the_fold_of_the_claims_says_nothing_that_changes():
    """A browser closes a fold whose heading or markup is another one at the next tick."""
    before, after_it = (
        Claim("It learns.", holds, f) for holds, f in ((None, "40%"), (True, "96%"))
    )
    assert experiments_menu.answer([before], False) != experiments_menu.answer([after_it], False)
    assert "<details" not in experiments_menu.answer([before], False)


def test_a_run_whose_rate_was_changed_is_not_judged():
    row = EXPERIMENTS["exploding"].config
    changed = replace(row, lr_changes=((1, 0.1),))
    settled = {"threads": 1, "torch": "2.13.0", "device": "CPU"}
    run = a_run(
        config=row,
        resolved=Resolved(config=changed, **settled),
        models=tuple(ModelProgress(model=m, steps_done=9) for m in (0, 1)),
    )
    said = experiments_menu.why_of(Watched(run, (run,)))
    assert said.startswith("The learning rate was changed by hand at step 1 (0.02 to 0.1)")
    same = replace(run, resolved=Resolved(config=row, **settled))
    assert experiments_menu.why_of(Watched(same, (same,))) is None


def test_the_same_sweep_again_is_not_announced_beside_the_sweep(monkeypatch):
    """The deepest net is watched, and the form has the one that all were made from."""
    config = EXPERIMENTS["depths"].config
    _, deepest = SERIES["depths"].make(config).runs[-1]
    last = a_run(config=deepest, series=SeriesPlace("s", "depths", "", 7, 8, "depth 110"))
    monkeypatch.setattr(next_run, "named_series", lambda: "depths")
    assert deepest != config and next_run.is_again(config, last)
    assert not next_run.is_again(replace(config, lr=0.3), last)
    assert not next_run.is_again(config, replace(last, series=None))


def test_a_net_of_a_sweep_is_no_edit_of_the_others():
    """Its name says its depth; it may be on screen while another depth is watched."""
    cached.engine().submit_series(SERIES["depths"].make(SMALL.config()), "press")
    app = opened(run="2")  # brings the net of 14 layers
    assert "has been edited since" not in texts(app)
    app.query_params["run"] = "3"
    assert "has been edited since" not in texts(app.run())
    app = edited(app, "stage1.width", "24")
    assert "has been edited since" in texts(app)


@pytest.mark.parametrize(
    ("holds", "answer"),
    [((True, True, True), True), ((True, True), None), ((True, False), False), ((None,), None)],
)
def test_a_claim_on_a_repeated_experiment_holds_if_every_seed_shows_it(holds, answer):
    seeds = [[Claim("It learns.", one, f"{place} nats")] for place, one in enumerate(holds)]
    (claim,) = experiments_menu.of_all(seeds, count=3)
    assert claim.holds is answer and claim.text == "It learns."
    assert claim.figures == "; ".join(f"{place} nats" for place in range(len(holds)))


def test_an_experiment_that_is_repeated_is_that_experiment():
    config = EXPERIMENTS["vanishing"].config
    for kind, name in ((None, "vanishing"), ("seeds", "vanishing"), ("norms", None)):
        place = SeriesPlace("s", kind, "", 0, 3, "") if kind else None
        assert experiments_menu.name_of(a_run(config=config, series=place)) == name


@pytest.mark.parametrize(("state", "last"), [("running", 11), ("ended", 4)])
def test_the_last_step_of_a_run_that_was_stopped_is_the_last_that_it_did(state, last):
    done = ModelProgress(model=0, steps_done=5)
    assert chart_panel.last_step(a_run(state=state, models=(done,))) == last
