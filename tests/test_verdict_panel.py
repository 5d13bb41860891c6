"""The chips of a verdict: a sign and a word each, whatever the records say."""

import re
import sqlite3
from dataclasses import replace

import pytest
from app_pages import html, opened, texts
from stored_runs import stored_run

from explorer import cached, series_verdict, verdict_panel
from explorer.link import Experiment
from explorer.verdict_panel import TONES, chip, column, notes
from resnet_core.presets import digits
from resnet_core.runs.run import ModelEnd
from resnet_core.series import SERIES
from resnet_core.verdict import GRADIENTS, SIGNALS, TRAINING, Finding, NetVerdict, Note

CALM = Finding("healthy", "healthy", "The gradient keeps its size.", "good")
BLOWN = Finding("blow-up", "forward blow-up", "The signal grows by 7.0 decades.", "bad")
STUCK = Finding("stuck", "stuck at chance", "It is guessing.", "bad")
STEADY = Finding("steady", "steady", "The signal keeps its size.", "good")


def net(**found) -> NetVerdict:
    usual = {"at_start": CALM, "in_training": CALM, "signal": STEADY, "training": STUCK}
    usual |= {"loss": 2.3, "accuracy": 0.1}
    return NetVerdict(role="plain", **(usual | found))


@pytest.mark.parametrize(
    "table", [GRADIENTS, SIGNALS, TRAINING], ids=["gradients", "signals", "training"]
)
def test_every_class_has_a_sign_and_a_word(table):
    for row in table.values():
        sign, _ = TONES[row.tone]
        assert sign in chip(row.title, row.tone) and row.title in chip(row.title, row.tone)


def test_no_two_tones_share_a_sign():
    assert len({sign for sign, _ in TONES.values()}) == len(TONES)


def test_the_signal_is_told_only_where_it_is_the_trouble():
    assert "signal" not in column(net(), None)
    assert "forward blow-up" in column(net(signal=BLOWN), None)


def test_a_diverged_net_names_its_first_op_and_the_likely_cause():
    end = ModelEnd(
        how="diverged", step=1234, path="stage1.0.residual.conv2", what="output", cause="Too fast."
    )
    said = column(net(), end)
    assert "Diverged at step 1,234, first at Stage 1, block 1, F, conv2" in said
    assert "its output is not finite. Likely cause: Too fast. Its curves are kept." in said
    assert "Diverged" not in column(net(), replace(end, how="steps"))


def test_what_was_found_cannot_become_markup():
    bad = replace(STUCK, title="<b>", sentence="a < b & c")
    assert "&lt;b&gt;" in column(net(training=bad), None)
    assert "a &lt; b &amp; c" in column(net(training=bad), None)
    assert "&lt;i&gt;" in notes([Note("x", "shows", "<i>", "<i>")])


def test_notes_stand_under_their_heading_with_their_source():
    said = notes(
        [Note("b", "mind", "Mind this.", ""), Note("a", "shows", "It degrades.", "He 2015")]
    )
    assert said.index("What this run shows") < said.index("It degrades.") < said.index("Keep in")
    assert "He 2015" in said and "does not show" not in said


def test_headings_leave_out_no_level_under_a_page():
    """The report has sections of level 2 around them."""
    said = column(net(), None) + notes([Note("b", "mind", "Mind this.", "")])
    assert set(re.findall(r"<h(\d)", said)) == {"3"}


def test_seeds_that_disagree_are_counted():
    said = series_verdict.counts([STUCK, CALM, STUCK])
    assert "stuck at chance · 2 of 3" in said and "healthy · 1 of 3" in said
    assert "of" not in series_verdict.counts([STUCK, STUCK]).replace("title", "")


@pytest.fixture
def series(data_folder):
    """make(kind) -> the id of the first run of a small series that has ended."""

    def make(kind: str, name: str = "net", **settings) -> int:
        small = {"net": replace(digits(8), name=name), "steps": 6, "batch_size": 16} | settings
        made = SERIES[kind].make(Experiment(**small).config())
        ids = [stored_run(data_folder, config, "steps") for _, config in made.runs[:2]]
        with sqlite3.connect(data_folder / "runs.sqlite") as database:
            for index, run_id in enumerate(ids):
                row = ("a-series", kind, made.title, index, len(ids), made.runs[index][0], run_id)
                database.execute(
                    "update run set series=?, series_kind=?, series_title=?, series_index=?, "
                    "series_size=?, series_label=? where id=?",
                    row,
                )
        return ids[0]

    return make


def test_seeds_are_shown_together_and_each_alone(series):
    first = series("seeds")
    app = opened(run=str(first))
    assert "in 2 of 2 seeds" in texts(app) and "Matched twins" not in texts(app)
    switch = app.segmented_control(key="series_a-series")
    switch.set_value(str(first + 1)).run()
    assert not app.exception
    assert app.session_state.run == first + 1 and "Matched twins" in texts(app)


def test_a_seed_that_waits_is_missed_and_no_note_speaks_of_one_seed(series, data_folder):
    first = series("seeds")
    with sqlite3.connect(data_folder / "runs.sqlite") as database:
        database.execute("update run set series_size=3")
    app = opened(run=str(first))
    assert "This is 2 of 3 seeds; the other one ended before that." in texts(app)
    assert "2 seeds of at most 6 steps" in html(app) and "One seed" not in html(app)


def test_the_switch_between_seeds_names_the_one_that_is_drawn(series):
    first = series("seeds", steps=2)
    app = opened(run=str(first))
    switch = app.segmented_control(key="series_a-series")
    assert switch.value == "together"
    app = switch.set_value(str(first + 1)).run()
    app.query_params["run"] = str(first)  # Back, or the menu of runs
    app.run()
    assert app.session_state.run == first
    assert app.segmented_control(key="series_a-series").value == str(first)


def test_a_name_of_a_net_is_no_markdown_over_its_series(series):
    """An image in it would be loaded from elsewhere by whoever looks."""
    app = opened(run=str(series("seeds", "![x](https://evil.example/x.png)", steps=1)))
    label = app.segmented_control(key="series_a-series").label
    assert "evil" in label and "![" not in label and "](" not in label


def test_a_board_has_the_chips_of_every_run_and_their_figures_in_words(series):
    """A tooltip is nothing to a finger or a screen reader."""
    app = opened(run=str(series("board")))
    assert "<strong>batch norm</strong>" in html(app) and "<strong>no norm</strong>" in html(app)
    words = re.sub(r"<[^>]*>", " ", html(app))
    run = cached.engine().run(1)
    curves = cached.curves(run.config, cached.engine().records(1))
    for net in verdict_panel.of_run(run, curves).nets:
        assert net.at_start.sentence in words and net.training.sentence in words


def test_a_sweep_stands_over_the_run_that_is_watched(series):
    app = opened(run=str(series("depths")))
    said = texts(app)
    assert "Click a point to see that net" in said and "Matched twins" in said
    assert "at step 0" in said and "too few" not in said  # one step is all that was asked for


def test_only_runs_of_the_sweep_can_be_chosen_in_it():
    """A browser can send anything."""
    from explorer import series_panel

    assert series_panel.chosen({"path": "12"}, frozenset({"12"})) == 12
    for sent in (None, 12, {"path": 12}, {"path": "13"}, {"path": ["12"]}, {}):
        assert series_panel.chosen(sent, frozenset({"12"})) is None


def test_an_old_run_without_a_resolved_config_is_judged_by_what_was_asked(data_folder):
    run_id = stored_run(data_folder, Experiment(net=digits(8), steps=3).config(), "steps")
    run = cached.engine().run(run_id)
    assert run.resolved is None and verdict_panel.config_of(run) == run.config
