"""Every page under Streamlit's own test driver: what it shows, and what a wrong input does."""

import io
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from app_pages import after, edited, html, opened, shown, texts, with_preset
from stored_runs import stored_run
from streamlit.testing.v1 import AppTest

from explorer import cached
from explorer.link import Experiment, encode
from resnet_core import estimate
from resnet_core.graph import trace
from resnet_core.net import build
from resnet_core.presets import DEFAULT, PRESETS, digits, preset

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.usefixtures("data_folder")


def test_the_first_screen_has_a_pair_ready_to_run():
    app = opened()
    assert "852,730 trainable" in html(app)
    assert "without shortcuts" in texts(app)
    start = next(b for b in app.button if b.key == "start")
    assert start.label == "Run" and not start.disabled


@pytest.mark.parametrize("key", {row.family: key for key, row in PRESETS.items()}.values())
def test_a_preset_of_each_family_can_be_chosen(key):
    app = with_preset(opened(), key)
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
    assert "+" in html(app).split("Parameters")[1].split("MACs")[0]
    assert app.session_state.experiment.net.name == "ResNet-56 for digits, edited"
    assert app.session_state.experiment.net.stages[2].width == 128


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        ("stage2.width", "0", "Stage 2, width: 0 is out of range"),
        ("stage2.width", "-4", "Stage 2, width: -4 is out of range"),
        ("stage1.num_blocks", "1000000", "Stage 1, blocks: 1,000,000 is out of range"),
        ("stage1.width", "9" * 17, "Stage 1, width: a number of more than 15 digits"),
        ("stage3.width", "16", "zero-padding (A) can only add channels"),
        ("stage2.shortcut", "identity", "F(x) is 32×4×4 and x is 16×8×8"),
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


def test_a_mismatch_at_the_addition_is_told_with_repairs_that_are_one_click():
    app = edited(opened(), "stage2.shortcut", "identity")
    assert "F has stride 2 and puts out 32 channels" in shown(app.error[0])
    assert any("must match the size of tensor" in code.value for code in app.code)
    repair = next(b for b in app.button if "Projection" in b.label)
    repair.click().run()
    assert not app.error and not app.exception
    assert app.session_state.experiment.net.stages[1].shortcut == "B"
    app.button(key="tool_undo").click().run()
    assert app.session_state.experiment == Experiment()


def test_an_unwise_net_gets_a_hint_that_is_one_click_from_its_repair():
    app = opened(x=encode(Experiment(net=replace(preset("resnet18"), input_shape=(3, 32, 32)))))
    hints = next(e for e in app.expander if e.label.endswith(("hint", "hints")))
    assert "stem" in "".join(m.value for m in hints.markdown).lower()
    hints.button[0].click().run()
    assert not app.exception
    assert app.session_state.experiment.net != replace(preset("resnet18"), input_shape=(3, 32, 32))


def test_one_convolution_is_one_click_away_and_equals_a_single_one():
    app = opened()
    app.session_state["fold_redo"] = True
    app.run()
    assert "F is not linear" in texts(app) or "not linear" in texts(app)
    next(b for b in app.button if b.label.startswith("Try one")).click().run()
    assert not app.exception
    assert app.session_state.experiment.net.stages[0].layers == ((3, 16),)
    assert "equal one 3×3 convolution with kernel" in texts(app)


def test_undo_and_redo():
    app = opened()
    app = with_preset(app, "resnet18")
    app.button(key="tool_undo").click().run()
    assert app.session_state.experiment.base == DEFAULT
    app.button(key="tool_redo").click().run()
    assert app.session_state.experiment.base == "resnet18"


def test_undo_takes_a_mistake_in_the_form_back_first():
    app = opened()
    app = with_preset(app, "resnet18")
    app = edited(app, "stage2.width", "0")
    app.button(key="tool_undo").click().run()
    assert not app.error and app.session_state.experiment.base == "resnet18"


def test_an_edit_that_restores_the_preset_restores_its_name():
    app = edited(edited(opened(), "stage2.width", "48"), "stage2.width", "32")
    assert app.session_state.experiment == Experiment()


def test_an_edit_after_undo_leaves_nothing_to_redo():
    app = edited(opened(), "stage2.width", "48")
    app.button(key="tool_undo").click().run()
    assert not app.button(key="tool_redo").disabled
    app = edited(app, "stage1.width", "24")
    assert app.button(key="tool_redo").disabled


def test_the_budget_menu_follows_undo():
    app = opened()
    app.segmented_control(key="budget").set_value("seconds").run()
    assert app.session_state.experiment.seconds == 15
    app.button(key="tool_undo").click().run()
    assert app.segmented_control(key="budget").value == "steps"
    assert app.select_slider[0].label == "Steps"


def test_the_chosen_device_is_kept_where_its_menu_is_not(monkeypatch):
    monkeypatch.setattr(cached, "devices", lambda: {"cuda:0": "a GPU", "cpu": "CPU"})
    monkeypatch.setattr(estimate, "free_bytes", lambda device: 2**40)
    app = opened()
    assert app.selectbox(key="device_menu").value == "cuda:0"  # the best one is the default
    app.selectbox(key="device_menu").select("cpu").run()
    app.button(key="tool_cast").click().run()
    app.button(key="tool_close_fullscreen").click().run()
    assert app.selectbox(key="device_menu").value == "cpu"


def test_what_does_not_fit_is_refused_with_the_figure_and_what_would_do(monkeypatch):
    monkeypatch.setattr(estimate, "free_bytes", lambda device: 8 * 2**30)
    app = opened(x=encode(Experiment(net=preset("resnet152"), base="resnet152")))
    next(b for b in app.button if b.key == "start").click().run()
    said = shown(app.error[0])
    assert "GiB to train at batch 64 on 224×224" in said and "8.0 GiB are free" in said
    assert len(app.warning) == 0  # said once
    assert "Use a batch of at most" in said
    assert app.session_state.run is None


def test_what_is_adapted_for_the_run_is_said():
    app = opened(x=encode(Experiment(net=preset("resnet18"), base="resnet18")))
    said = texts(app)
    assert "images resized from 8×8 to 224×224" in said
    assert "head has 10 outputs instead of 1000" in said


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "**b** $x$ :red[r]", "&lt;b &copy;"])
def test_a_hostile_name_is_shown_as_it_is(name):
    net = replace(preset("resnet20"), name=name)
    app = opened(x=encode(Experiment(net=net)))
    assert "<script>" not in html(app)
    told = next(m for m in app.markdown if "trains" in m.value)
    assert name in shown(told) and name not in told.value


def test_presentation_mode_leaves_the_editor_out():
    app = opened(view="present")
    assert (
        not [e for e in app.expander if e.label == "Take away"]
        and not app.button(key="start").disabled
    )


def test_a_database_of_a_newer_version_is_told_and_editing_goes_on(data_folder):
    data_folder.mkdir(parents=True)
    with sqlite3.connect(data_folder / "runs.sqlite") as database:
        database.execute("pragma user_version = 999")
    app = opened()
    assert any("newer version" in shown(element) for element in app.warning)
    assert "852,730 trainable" in html(app)


@pytest.fixture(scope="module")
def small() -> Experiment:
    return Experiment(net=digits(8), steps=12)


def test_a_run_that_ended_shows_its_curves_and_what_was_seen(data_folder, small):
    stored_run(data_folder, small.config(), "steps", sentence="All 12 steps are done.")
    app = opened(run="1")
    said = texts(app)
    assert "12 steps are too few to compare how the two learn" in said
    assert ">training<" in said and "The gradient" in said
    assert "Matched twins: 8 of 8 shared tensors identical" in said
    assert f"Trained: {trace(small.net).params:,} parameters" in said
    assert not app.button(key="start").disabled
    assert app.session_state.experiment.net == small.net  # a link to a run shows its net
    app.selectbox(key="probe").set_value("weight_grad").run()
    assert not app.exception


def test_a_run_that_goes_on_can_be_stopped_and_not_started_again(data_folder, small):
    stored_run(data_folder, small.config())
    app = opened(run="1")
    assert app.button(key="start").disabled
    app.button(key="pause").click().run()
    assert app.button(key="pause").label == "Resume"
    app.button(key="stop").click().run()
    assert not app.exception


def test_a_net_that_diverged_is_named_with_its_place(data_folder, small):
    wild = replace(small, lr=5.0, net=replace(small.net, norm="none"))
    stored_run(data_folder, wild.config(), "diverged", sentence="Every net diverged.")
    said = texts(opened(run="1"))
    assert "net diverged at" in said and "is not finite. Its curves are kept." in said


@pytest.mark.parametrize(
    ("ended", "reason", "sentence"),
    [
        ("interrupted", "killed", "The training process was killed (signal 9)."),
        ("failed", "disk", "There was no room left to store the curves."),
    ],
)
def test_a_run_that_broke_off_says_why_and_keeps_its_curves(
    data_folder, small, ended, reason, sentence
):
    stored_run(data_folder, small.config(), ended, reason, sentence)
    app = opened(run="1")
    assert sentence in "\n".join(shown_text(app)) and "After 12 steps" in texts(app)


def shown_text(app: AppTest) -> list[str]:
    """Texts of the progress bars, without the escapes."""
    return [bar.proto.text.replace("\\", "") for bar in app.get("progress")]


def test_a_run_in_line_says_its_place(data_folder, small):
    stored_run(data_folder, small.config())
    config = replace(small, seed=1).config()
    assert cached.engine().submit(config, "second") == 2
    assert "Queued on the CPU: next in line" in shown_text(opened(run="2"))


def test_after_an_edit_the_curves_say_whose_they_are_and_offer_the_way_back(data_folder, small):
    stored_run(data_folder, small.config(), "steps")
    app = edited(opened(run="1"), "stage1.width", "24")
    assert "has been edited since" in texts(app)
    app.button(key="back").click().run()
    assert app.session_state.experiment.net == small.net
    assert "has been edited since" not in texts(app)


def test_the_way_back_is_the_net_that_was_on_screen(data_folder):
    net = replace(digits(8), num_classes=1000)
    stored_run(data_folder, Experiment(net=net, steps=1).config(), "steps")
    assert opened(run="1").session_state.experiment.net == net


def test_what_the_next_run_will_take_is_said_after_a_run_too(data_folder, small):
    stored_run(data_folder, small.config(), "steps")
    app = opened(run="1")
    app = with_preset(app, "resnet18")
    said = texts(app)
    assert "images resized from 8×8 to 224×224" in said and "for both nets" in said


def test_a_refusal_is_gone_when_a_run_starts(data_folder, monkeypatch):
    free = [2**20]
    monkeypatch.setattr(estimate, "free_bytes", lambda device: free[0])
    app = opened()
    app.button(key="start").click().run()
    assert "Memory" in app.error[0].value
    free[0] = 2**40
    app.button(key="start").click().run()
    assert not app.error and app.session_state.run == 1


def test_what_takes_too_long_is_refused_with_what_would_do(monkeypatch):
    monkeypatch.setattr(estimate, "free_bytes", lambda device: 2**40)
    experiment = Experiment(net=preset("resnet152"), base="resnet152", steps=2000)
    app = opened(x=encode(experiment))
    app.button(key="start").click().run()
    assert "hours" in shown(app.error[0]) and "Use at most" in shown(app.error[0])


def test_a_budget_in_seconds_counts_the_steps_that_it_takes_at_least():
    config = Experiment(net=preset("resnet152"), seconds=5).config()
    assert estimate.estimate(config, None).seconds > 60


@pytest.mark.parametrize(
    ("fold", "words"), [("fact_check", "torchinfo **852,730**"), ("download", "address bar")]
)
def test_folds_show_what_they_promise(fold, words):
    app = opened()
    app.session_state[f"fold_{fold}"] = True
    app.run()
    assert not app.exception and words in texts(app)


def test_the_layer_table_lists_every_op():
    app = opened()
    app.session_state["fold_table_rows"] = True
    app.run()
    assert len(app.dataframe[0].value) == len(trace(preset(DEFAULT)).ops)


def with_file(app: AppTest, name: str, content: bytes) -> AppTest:
    """The page after a file was opened."""
    return after(app, f"import io; state.show_file({name!r}, io.BytesIO({content!r}))")


def weights_of(net, **other) -> bytes:
    file = io.BytesIO()
    torch.save({**build(net).state_dict(), **other}, file)
    return file.getvalue()


def file_fold(app: AppTest) -> AppTest:
    app.session_state["fold_folder_open"] = True
    return app.run()


def test_a_spec_is_opened():
    net = replace(preset("resnet20"), name="mine", order="preact")
    app = with_file(opened(), "net.json", net.to_json().encode())
    assert app.session_state.experiment.net == net
    app.button(key="tool_undo").click().run()
    assert app.session_state.experiment == Experiment()


def test_a_checkpoint_is_opened_and_what_is_assumed_is_said():
    app = file_fold(with_file(opened(), "w.pth", weights_of(preset("resnet20"))))
    assert app.session_state.experiment.net == preset("resnet20")
    assert app.session_state.experiment.base == "resnet20"
    assert "Init: kaiming" in texts(app) and "All 116 tensors fit" in app.success[0].value


def test_what_does_not_fit_the_net_on_screen_is_said_after_an_edit():
    content = weights_of(preset("resnet20"), extra=torch.zeros(3))
    app = file_fold(with_file(opened(), "w.pth", content))
    app = edited(app, "stage3.width", "32")
    app = file_fold(app)
    assert "Of the file's 117 tensors" in shown(app.warning[0])
    assert any("stage3.0.residual.conv1.weight is 64×32×3×3" in c.value for c in app.code)
    app = file_fold(with_preset(app, "resnet18"))
    assert not app.warning and not app.success  # another net was chosen: the file is history


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.json", b"{"), ("x.json", b"\xff" * 9), ("x.pth", b"junk"), ("x.safetensors", b"")],
)
def test_a_file_that_is_no_net_is_told(name, content):
    app = file_fold(with_file(opened(), name, content))
    assert app.error and not app.exception
    assert app.session_state.experiment == Experiment()


@pytest.mark.parametrize("init", ["kaiming", "zero", "fixup"])
def test_what_the_twins_share_at_the_start_is_said(init):
    net = replace(preset(DEFAULT), init=init, norm="fixup" if init == "fixup" else "batch")
    said = texts(opened(x=encode(Experiment(net=net))))
    assert ("same weights at step 0" in said) == (init == "kaiming")
    assert ("the residual net alone sets F to zero" in said) == (init != "kaiming")


@pytest.mark.slow
def test_a_program_that_ends_while_presets_are_still_counted_ends_well():
    ask = "def ask():\n    from explorer import cached\n    cached.preset_rows()\n"
    code = f"import threading\n{ask}page = threading.Thread(target=ask, daemon=True)\n"
    code += "page.start()\npage.join()"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
