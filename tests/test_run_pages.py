"""The page around the charts: whose a run is, what is said of it, series, experiments, replays."""

from dataclasses import replace

import pytest
from app_pages import after, html, opened, shown, texts
from stored_runs import stored_run
from streamlit.runtime.context import ContextProxy

from explorer import cached, key, replay, run_words, visitor
from explorer.cookie import COOKIE
from explorer.link import Experiment, encode
from explorer.watched import Watched
from resnet_core.data import DATASETS
from resnet_core.experiments import EXPERIMENTS
from resnet_core.presets import digits
from resnet_core.proof import Proof
from resnet_core.runs.engine import WAITS, Run, User
from resnet_core.runs.recording_file import ENDING, read, record
from resnet_core.runs.recordings import Recordings
from resnet_core.runs.run import ModelProgress, SeriesPlace
from resnet_core.spec import SpecError

pytestmark = pytest.mark.usefixtures("data_folder")
SMALL = Experiment(net=digits(8), steps=12)
MINE, OTHERS = "m" * 32, "o" * 32  # cookies


@pytest.fixture
def visit(monkeypatch):
    """visit(cookie) makes the pages that follow those of this browser, and gives its user."""

    def come(cookie: str) -> User:
        monkeypatch.setattr(ContextProxy, "cookies", {COOKIE: cookie})
        monkeypatch.setattr(visitor.state, "is_lecturer", lambda: False)
        return visitor.user()

    yield come


def submitted(by: User, **settings) -> int:
    return cached.engine().submit(replace(SMALL, **settings).config(), str(settings), by)


def buttons(app) -> list[str]:
    return [button.label for button in app.button]


def status(app) -> str:
    return app.get("progress")[0].proto.text.replace("\\", "")


def test_a_run_of_somebody_else_has_no_buttons_and_says_why(visit):
    run_id = submitted(visit(OTHERS))
    visit(MINE)
    app = opened(run=str(run_id))
    assert not {"Pause", "Stop", "Resume"} & set(buttons(app))
    assert "Somebody else's run" in texts(app)
    assert not app.button(key="start").disabled  # one's own can be queued behind it
    visit(OTHERS)
    app = opened(run=str(run_id))  # a reload, or the next day
    assert {"Pause", "Stop"} <= set(buttons(app)) and "Somebody" not in texts(app)
    app.button(key="stop").click().run()
    run = cached.engine().run(run_id)
    assert run.want == "stop" or run.is_over


def test_a_button_that_is_pressed_all_the_same_changes_nothing(visit):
    """Anybody can send anything over a socket."""
    run_id = submitted(visit(OTHERS))
    visit(MINE)
    call = f"from explorer import cached, next_run; e = cached.engine(); r = e.run({run_id})"
    app = after(opened(run=str(run_id)), f"{call}; next_run.attempt(e.stop, [r])")
    assert "started by somebody else" in shown(app.error[0])
    assert cached.engine().run(run_id).want == "run"


def test_with_the_key_every_run_can_be_stopped(data_folder, visit, monkeypatch):
    run_id, me = submitted(visit(OTHERS)), visit(MINE)
    monkeypatch.setattr(visitor.state, "is_lecturer", lambda: visitor.state.SS.is_lecturer)
    monkeypatch.setenv(key.KEY, "open sesame")
    monkeypatch.setattr(key, "DOOR", key.Door())
    app = opened(run=str(run_id))
    app.session_state["runs"] = True
    app.run()
    app.text_input(key="key").set_value("open says me").run()
    assert key.WRONG in texts(app) and "Stop" not in buttons(app)
    for _ in range(key.OF_A_BROWSER):  # in other sessions
        key.DOOR.refusal("open, please", me.id, None)
    app.text_input(key="key").set_value("open sesame!").run()
    assert key.TOO_MANY in texts(app) and "Stop" not in buttons(app)
    monkeypatch.setattr(key, "DOOR", key.Door())  # a minute later
    app.text_input(key="key").set_value("open sesame").run()
    assert "You have the key" in texts(app) and "With the key" in texts(app)
    app.button(key="stop").click().run()
    run = cached.engine().run(run_id)
    assert run.want == "stop" or run.is_over


def a_run(**fields) -> Run:
    config = SMALL.config()
    models = tuple(ModelProgress(model=model, steps_done=3) for model in (0, 1))
    usual = {"resolved": None, "ended": None, "reason": None, "sentence": WAITS, "position": None}
    usual |= {"want": "run", "total_steps": 12, "models": models, "proof": Proof()}
    usual |= {"id": 1, "request_id": "r", "config": config, "queued_at": 0.0, "state": "running"}
    return Run(**usual | fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "queued", "position": 1}, "Queued on the CPU: next in line"),
        ({"state": "queued", "position": 3, "wait_s": 40.0},
         "Queued on the CPU: 2 before it, about 40 s"),
        ({"state": "queued", "position": 2, "config": SMALL.config("cuda:1")},
         "Queued on GPU 1: 1 before it"),
        ({"state": "queued", "position": 1, "sentence": "A paused run keeps it."},
         "Queued on the CPU: next in line. A paused run keeps it\\."),
        ({"state": "starting"}, "Starting: 0 of 12 steps done"),
        ({"state": "starting", "total_steps": None,
          "config": replace(SMALL, seconds=30).config()},
         "Calibrating: how many steps fit into 30 s"),
        ({"eta_s": 8.0}, "Training: 3 of 12 steps done, about 8 s left"),
        ({"state": "paused"}, "Paused: 3 of 12 steps done"),
        ({"recorded": "a lecture"}, "**Recorded.** Playing: 3 of 12 steps done"),
    ],
)  # fmt: skip
def test_where_a_run_is_is_said_in_a_line(fields, words):
    if fields.get("state") == "starting":
        fields = fields | {"models": tuple(ModelProgress(model=m, steps_done=0) for m in (0, 1))}
    run = a_run(**fields)
    assert run_words.status(Watched(run, (run,))) == words


def test_a_series_is_queued_at_once_and_shown_as_one(visit):
    me = visit(MINE)
    begin = "from explorer import cached, next_run; next_run.start_series(cached.engine(), 'seeds')"
    app = after(opened(x=encode(SMALL)), f"{begin}; {begin.partition('; ')[2]}")  # pressed twice
    runs = cached.engine().runs()
    assert [run.config.seed for run in reversed(runs)] == [0, 1, 2]
    assert {run.owner for run in runs} == {me.id} and app.session_state.run == runs[-1].id
    assert status(app).startswith("1 of 3 (seed 0): Queued")
    app.session_state["runs"] = True
    app.run()
    rows = [label for label in buttons(app) if "yours" in label]
    assert len(rows) == 1 and "3 runs" in rows[0]
    assert rows[0].startswith("**1 ·")  # bold: it is on screen


def test_the_learning_rate_of_a_run_that_goes_on_is_changed_and_kept(data_folder):
    stored_run(data_folder, SMALL.config())
    menu = next(box for box in opened(run="1").selectbox if "earning rate" in box.label)
    assert menu.value == SMALL.lr
    app = menu.set_value(0.005).run()
    assert cached.engine().run(1).lr == 0.005
    for page in (app, opened(run="1")):
        assert next(b for b in page.selectbox if "earning rate" in b.label).value == 0.005


def test_back_to_the_bare_address_leaves_the_experiment():
    app = after(opened(), "state.choose_experiment('vanishing')")
    assert app.session_state.experiment.net.norm == "none"
    app.query_params.clear()
    app.run()
    assert app.session_state.named is None and app.session_state.experiment == Experiment()


@pytest.mark.parametrize("key", ["vanishing", "fixup"])
def test_an_experiment_brings_its_net_and_settings_and_says_what_to_look_at(key):
    row = EXPERIMENTS[key]
    app = after(opened(), f"state.choose_experiment({key!r})")
    now = app.session_state.experiment
    assert now.config() == row.config and app.session_state.probe == row.probe
    assert app.query_params["named"] in (key, [key])
    assert row.look in texts(app) and row.question in texts(app)
    app.button(key="start").click().run()
    runs = cached.engine().runs()
    assert [run.config for run in reversed(runs)] == [config for _, config in row.parts(row.config)]
    assert row.look in texts(app)  # of the run, too
    app.button(key="tool_undo").click().run()
    assert app.session_state.experiment == Experiment()


def test_an_experiment_has_a_link_and_an_edit_makes_another_of_it():
    told = {key: opened(named=key).session_state.probe for key in ("zero-init", "pre-activation")}
    assert told == {key: EXPERIMENTS[key].probe for key in told}
    assert EXPERIMENTS["zero-init"].probe != EXPERIMENTS["board"].probe
    app = opened(named="board")
    assert app.session_state.experiment.config() == EXPERIMENTS["board"].config
    assert EXPERIMENTS["board"].question in texts(app)
    app = after(app, "state.SS.setting_seed = 7; state.edit_setting('seed')")
    assert EXPERIMENTS["board"].question in texts(app)  # whatever its seed
    app = after(app, "state.SS.setting_lr = 0.5; state.edit_setting('lr')")
    assert EXPERIMENTS["board"].question not in texts(app) and "named" not in app.query_params
    assert not opened(named="no such thing").exception


def test_a_run_says_whether_it_shows_its_experiment(data_folder, monkeypatch):
    """Eight layers do not blow up; that they diverge later cannot be told from two steps."""
    row = EXPERIMENTS["blow-up"]
    row = replace(row, config=replace(row.config, net=replace(digits(8), norm="none"), steps=2))
    monkeypatch.setitem(EXPERIMENTS, "blow-up", row)
    stored_run(data_folder, row.config, "steps")
    said = html(opened(run="1"))
    assert "0 of 3 claims hold" in said and said.count("</span>does not show it<") == 1 + 2
    assert said.count("</span>not reached<") == 1 and "It diverges within 20 steps." in said


@pytest.fixture(scope="module")
def shelf():
    return Recordings(cached.RECORDED).shelf()


def test_every_recording_that_ships_is_played_and_says_so(shelf):
    for tape in shelf.values():
        run = tape.run_at(tape.duration_s / 2)
        assert run_words.status(Watched(run, (run,))).startswith("**Recorded.** Playing: ")
        assert (run.recorded, run.is_over, tape.run.is_over) == (tape.title, False, True)
        assert 0 < min(model.steps_done for model in run.models) < tape.run.total_steps


def test_a_recording_is_played_by_its_name(shelf, monkeypatch):
    monkeypatch.setattr(cached.engine().recordings, "_clock", lambda: 0.0)  # some last a second
    tape = next(iter(shelf.values()))
    app = opened(replay=replay.name_of(tape))
    assert cached.engine().recordings.tape(app.session_state.run).title == tape.title
    assert "Recorded" in texts(app) and status(app).startswith("**Recorded.** Playing")
    assert not app.button(key="start").disabled and cached.engine().runs() == []
    app.button(key="stop").click().run()  # to the end
    assert status(app).startswith("**Recorded.** ") and "steps" in status(app)
    assert app.session_state.experiment.net == tape.config.net


def test_an_opened_file_is_listed_for_its_browser_alone(visit, shelf):
    mine, opener = file_named("Mine"), visit(MINE)
    run_id = cached.engine().recordings.open(mine, opener)
    assert "Mine" in recordings_listed()
    visit(OTHERS)
    assert "Mine" not in recordings_listed()
    assert "**Recorded.**" in status(opened(run=str(run_id)))  # with the address
    assert cached.engine().run(run_id).series is None


def test_an_opened_file_does_not_take_the_name_of_another_recording(visit, shelf):
    cached.engine().recordings.open(file_named("Mine"), visit(MINE))
    assert replay.played(cached.engine(), "mine") is None


def file_named(title: str) -> bytes:
    """A recording of a series that ships, under another name."""
    path = next(cached.RECORDED.glob(f"seeds*{ENDING}"))
    tape = read(path)
    return record(tape.run, tape.records_at(tape.duration_s), title=title)


def recordings_listed() -> list[str]:
    app = opened()
    app.session_state["runs"] = True
    return buttons(app.run())


@pytest.mark.parametrize("number", ["-1", "-999999000"])
def test_a_recording_that_is_not_here_is_told(number):
    app = opened(run=number)
    assert any("There is no run" in shown(element) for element in app.info)


def test_a_name_that_no_recording_has_is_told_with_the_names_there_are(shelf):
    said = "\n".join(shown(element) for element in opened(replay="no-such").info)
    assert "There is no recording 'no-such' here." in said
    assert all(replay.name_of(tape) in said for tape in shelf.values())


def test_the_beginning_of_a_name_plays_a_recording_unless_several_begin_so():
    engine = cached.engine()
    names = list(replay.shipped(engine))
    for name in names:
        assert replay.played(engine, name) is not None
        alone = sum(other.startswith(name[:5]) for other in names) == 1
        assert (replay.played(engine, name[:5]) is not None) == alone
    assert replay.played(engine, "") is None


def test_a_recording_brings_its_net_and_settings_and_undo_takes_them_back(shelf):
    run_id, tape = next(iter(shelf.items()))
    before = opened(x=encode(SMALL))
    play = f"from explorer import cached, recording_panel as p; p.play(cached.engine(), {run_id}, "
    app = after(before, play + "'at once')")
    assert app.session_state.experiment == Experiment.of_run(tape.config) != SMALL
    assert "has been edited since" not in texts(app)
    app.button(key="tool_undo").click().run()
    assert app.session_state.experiment == SMALL


def test_a_chosen_experiment_is_told_beside_the_run_of_another(data_folder, monkeypatch):
    old, new = EXPERIMENTS["blow-up"], EXPERIMENTS["fixup"]
    old = replace(old, config=replace(old.config, net=digits(8), steps=2))
    monkeypatch.setitem(EXPERIMENTS, "blow-up", old)
    run_id = stored_run(data_folder, old.config, "steps")
    app = opened(run=str(run_id))
    assert old.look in texts(app) and "Chosen for Run" not in texts(app)
    app = after(app, "state.choose_experiment('fixup')")
    said = texts(app)
    assert new.look in said and f"The curves below are of run {run_id}, not of this one." in said
    assert old.look not in said and f"Run {run_id}: **{old.title}**" in said
    assert "The net on screen is that of the experiment" in said
    kinds = [element.type for element in app.main if element.type in ("caption", "progress")]
    first = next(n for n, kind in enumerate(kinds) if kind == "progress")
    captions = [shown(caption) for caption in app.caption]
    said_above = captions[: kinds[:first].count("caption")]
    assert any("Chosen for Run" in caption for caption in said_above)  # what is next comes first
    assert any("**Run** trains" in caption for caption in said_above)


def test_few_images_lower_the_batch_to_what_they_fill(tiny):
    app = after(opened(x=encode(SMALL)), "state.choose_data('tiny')")
    assert app.session_state.experiment.batch_size == 32
    assert "**Run** trains" in texts(app)


def test_a_batch_that_the_images_cannot_fill_is_a_sentence_and_no_exception(tiny, data_folder):
    tight = "from dataclasses import replace; s = state.SS; s.experiment = "
    stored_run(data_folder, replace(SMALL, steps=2).config(), "steps")
    for words in ({}, {"run": "1"}):
        app = after(opened(**words), tight + "replace(s.experiment, dataset='tiny', batch_size=64)")
        assert "64 is more than the 40 training images" in texts(app)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(DATASETS, "tiny", replace(DATASETS["digits"], num_train=40))


def test_a_series_that_is_over_says_how_many_of_its_runs_are_done():
    def over(index: int, ended: str, sentence: str) -> Run:
        place = SeriesPlace("s", "sweep", "Depths", index, 2, f"depth {index}")
        ends = {"state": "ended", "ended": ended, "sentence": sentence, "elapsed_s": 4.0}
        return a_run(id=index + 1, series=place, **ends)

    done = [over(index, "steps", "The only step is done.") for index in (0, 1)]
    said = run_words.status(Watched(done[0], tuple(done))).replace("\\", "")
    assert said.startswith("All 2 runs are done. 8.0 s")
    half = done[0], over(1, "stopped", "Stopped.")
    said = run_words.status(Watched(half[1], half)).replace("\\", "")
    assert said.startswith("1 of 2 runs are done. Stopped. 8.0 s")


def test_what_this_device_cannot_do_is_said_and_done_without():
    app = opened(x=encode(replace(SMALL, precision="tf32")))
    assert "This device has no TF32: float32 instead." in texts(app)
    app.button(key="start").click().run()
    assert cached.engine().run(1).config.precision == "float32"
    assert app.session_state.experiment.precision == "tf32"


def test_data_that_are_not_here_are_offered_with_how_to_get_them():
    app = opened()
    app.selectbox(key="setting_dataset").select("cifar10").run()
    assert "not on this machine" in texts(app) and "data download cifar10" in texts(app)
    app.button(key="start").click().run()
    assert "not on this machine" in shown(app.error[0]) and app.session_state.run is None
    app.button(key="tool_undo").click().run()
    assert app.session_state.experiment == Experiment()


def test_the_other_settings_are_in_a_fold_and_what_is_unusual_is_said():
    app = opened()
    app.session_state["more"] = True
    app.run()
    app.selectbox(key="setting_optimizer").select("adamw").run()
    app.session_state["more"] = True
    app.run()
    app.select_slider(key="setting_clip").set_value(1.0).run()
    now = app.session_state.experiment
    assert (now.optimizer, now.clip) == ("adamw", 1.0)
    label = next(p.proto.popover.label for p in app.get("popover") if "steps" in str(p.proto))
    assert "AdamW · clip 1" in label
    app.session_state["more"] = True
    app.run()
    app.button(key="usual").click().run()
    assert app.session_state.experiment == Experiment()
    assert "usual" not in [button.key for button in app.button]


def test_settings_that_a_run_would_refuse_are_told():
    with pytest.raises(SpecError):
        replace(SMALL, momentum=2.0).config()
