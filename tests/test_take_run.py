"""The watched run can be taken away from the fold "Take away", as it is when it is asked for."""

from __future__ import annotations

import pytest
from app_pages import opened, texts
from stored_runs import stored_run

from explorer import cached, take_run
from resnet_core.presets import digits
from resnet_core.run_config import RunConfig
from resnet_core.runs import recording_file
from resnet_core.runs.recording_file import read

CONFIG = RunConfig(net=digits(8), steps=3)


@pytest.fixture
def run_id(data_folder):
    return stored_run(data_folder, CONFIG, ended="steps", sentence="All 3 steps are done.")


def buttons(**query) -> dict:
    """label -> what the fold offers of a run."""
    app = opened(**query)
    app.session_state["fold_download"] = True
    app.run()
    found = [element.proto for element in app.get("download_button")]
    assert found  # the net's own files
    return {button.label: button for button in found if "take_run" in button.id}


def test_a_watched_run_can_be_taken_away_in_every_form(run_id):
    found = buttons(run=str(run_id))
    assert list(found) == [row.title for row in take_run.FILES.values()]
    assert not any(button.disabled for button in found.values())


def test_without_a_run_there_is_none_to_take(data_folder):
    assert not buttons()


def test_a_run_that_goes_on_gives_its_numbers_but_no_recording(data_folder):
    found = buttons(run=str(stored_run(data_folder, CONFIG)))
    assert [title for title, button in found.items() if button.disabled] == ["Recording"]


def test_a_run_of_too_many_records_for_a_recording_says_so_before_it_is_asked(run_id, monkeypatch):
    monkeypatch.setattr(recording_file, "MAX_CONTENT", 1000)
    app = opened(run=str(run_id))
    app.session_state["fold_download"] = True
    app.run()
    found = [e.proto for e in app.get("download_button") if "take_run" in e.proto.id]
    assert [button.label for button in found if button.disabled] == ["Recording"]
    assert "Take its numbers as CSV or Parquet" in texts(app)


@pytest.mark.parametrize("kind", take_run.FILES)
def test_every_file_of_a_real_run_is_made(run_id, kind):
    assert len(take_run.made(run_id, kind)) > 1000


def test_a_recording_of_a_run_holds_its_curves(run_id):
    tape = read(take_run.made(run_id, "recording"))
    (ours, theirs) = tape.records_at(1e9)[0], cached.engine().records(run_id)[0]
    assert (ours.per_op["input_grad"] == theirs.per_op["input_grad"]).all()
    assert tape.run.sentence == "All 3 steps are done."
