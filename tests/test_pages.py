"""Every page under Streamlit's own test driver: what it shows, and what a wrong input does."""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from explorer import cached, stage_table
from explorer.link import Experiment, encode
from resnet_core import estimate
from resnet_core.graph import trace
from resnet_core.net import blocks_of
from resnet_core.presets import DEFAULT, PRESETS, preset
from resnet_core.runs.engine import Engine
from resnet_core.spec import NetSpec, SpecError

APP = str(Path(__file__).resolve().parents[1] / "explorer" / "app.py")


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    """Runs of a folder that cannot start any: pages are tested here, training elsewhere."""
    monkeypatch.setattr(Engine, "start", lambda self: None)
    monkeypatch.setenv("RESIDUAL_EXPLORER_DATA", str(tmp_path / "data"))
    st.cache_resource.clear()
    yield tmp_path / "data"
    cached.engine().close()
    st.cache_resource.clear()


def opened(**query) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def shown(element) -> str:
    """Its text as a reader sees it: without the escapes that keep markdown out."""
    return element.value.replace("\\", "")


def texts(app: AppTest) -> str:
    """Everything that the page says."""
    kinds = (app.markdown, app.caption, app.error, app.info, app.warning)
    return "\n".join(shown(element) for kind in kinds for element in kind) + html(app)


def html(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def edited(app: AppTest, where: str, value: str, action: str = "set") -> AppTest:
    """The page after an edit in the form; the test driver cannot fire a component's callback."""

    draft = stage_table.with_edit(
        app.session_state.draft, {"action": action, "where": where, "value": value}
    )
    app.session_state.draft = draft
    try:
        net = NetSpec.from_dict(draft)
        blocks_of(net)
    except SpecError as e:
        app.session_state.problem = e
    else:
        app.session_state.experiment = replace(app.session_state.experiment, net=net)
        app.session_state.problem = None
    return app.run()


def test_the_first_screen_has_a_pair_ready_to_run():
    app = opened()
    assert "852,730 trainable" in html(app)
    assert "without shortcuts" in texts(app)
    start = next(b for b in app.button if b.key == "start")
    assert start.label == "Run" and not start.disabled


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_can_be_chosen(key):
    app = opened()
    next(s for s in app.selectbox if s.label == "Preset").select(key).run()
    assert not app.exception
    assert app.session_state.experiment.net == preset(key)
    assert f"{trace(preset(key)).params:,} trainable" in html(app)
    assert key == DEFAULT or "x" in app.query_params


def test_a_link_restores_the_experiment():
    experiment = Experiment(net=preset("resnet50"), base="resnet50", lr=0.005, steps=60)
    app = opened(x=encode(experiment))
    assert app.session_state.experiment == experiment
    assert "25,557,032 trainable" in html(app)


@pytest.mark.parametrize("code", ["garbage", "eJwDAAAAAAE", "%00", "x" * 10_000])
def test_a_broken_link_is_told_and_the_page_stays_usable(code):
    app = opened(x=code)
    assert "Link: it is" in shown(app.error[0])
    assert app.session_state.experiment.base == DEFAULT


@pytest.mark.parametrize("run", ["-1", "abc", "10" * 40, "7", "<script>", "%00"])
def test_a_link_to_no_run_is_told(run):
    app = opened(run=run)
    assert any("There is no run" in shown(element) for element in app.info)


def test_a_change_shows_in_the_totals_against_the_preset():
    app = edited(opened(), "stage3.width", "128")
    assert "MACs" in html(app) and "+" in html(app)
    assert app.session_state.experiment.net.stages[2].width == 128


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        ("stage2.width", "0", "Stage 2, width: 0 is out of range"),
        ("stage2.width", "-4", "Stage 2, width: -4 is out of range"),
        ("stage1.num_blocks", "1000000", "Stage 1, blocks: 1,000,000 is out of range"),
        ("stage1.width", "9" * 17, "Stage 1, width: a number of more than 15 digits"),
        ("stage3.width", "16", "zero-padding (A) can only add channels"),
        ("size", "2", "nothing to subsample"),
        ("num_classes", "many", "'many' is not a whole number"),
    ],
)
def test_a_net_that_cannot_be_built_is_told_and_the_last_good_one_stays(where, value, words):
    app = edited(opened(), where, value)
    assert not app.exception
    assert words in shown(app.error[0])
    assert "852,730 trainable" in html(app)
    next(b for b in app.button if b.label.startswith("Back to the last good")).click().run()
    assert not app.error and not app.exception


def test_undo_and_redo():
    app = opened()
    next(s for s in app.selectbox if s.label == "Preset").select("resnet18").run()
    next(b for b in app.button if "undo" in b.label).click().run()
    assert app.session_state.experiment.base == DEFAULT
    next(b for b in app.button if "redo" in b.label).click().run()
    assert app.session_state.experiment.base == "resnet18"


def test_what_does_not_fit_is_refused_with_the_figure_and_what_would_do(monkeypatch):
    monkeypatch.setattr(estimate, "free_bytes", lambda device: 8 * 2**30)
    app = opened(x=encode(Experiment(net=preset("resnet152"), base="resnet152")))
    next(b for b in app.button if b.key == "start").click().run()
    said = shown(app.error[0])
    assert "GiB to train at batch 64 on 224×224" in said and "8.0 GiB are free" in said
    assert "Use a batch of at most" in said
    assert app.session_state.run is None


def test_what_is_adapted_for_the_run_is_said():
    app = opened(x=encode(Experiment(net=preset("resnet18"), base="resnet18")))
    said = texts(app)
    assert "images resized from 8×8 to 224×224" in said
    assert "head has 10 outputs instead of 1000" in said


def test_a_hostile_name_is_shown_as_it_is():
    name = "<script>alert(1)</script> **b** $x$ :red[r]"
    net = replace(preset("resnet20"), name=name)
    app = opened(x=encode(Experiment(net=net)))
    assert "<script>alert" not in html(app)
    assert json.loads(app.session_state.experiment.net.to_json())["name"] == name


def test_presentation_mode_leaves_the_editor_out():
    assert not [s for s in opened(view="present").selectbox if s.label == "Preset"]


def test_a_database_of_a_newer_version_is_told_and_editing_goes_on(data_folder):
    data_folder.mkdir(parents=True)
    with sqlite3.connect(data_folder / "runs.sqlite") as database:
        database.execute("pragma user_version = 999")
    app = opened()
    assert any("newer version" in shown(element) for element in app.warning)
    assert "852,730 trainable" in html(app)
