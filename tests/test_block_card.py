"""The block card: its words and numbers, and how tables and picture mark the same part."""

from dataclasses import replace

import numpy as np
import pytest
from app_pages import html, opened, texts
from stored_runs import stored_run

from explorer import block_card, block_text, cached, selectable
from explorer.block_numbers import Seen, seen, sentence
from explorer.link import Experiment, encode
from resnet_core.geometry import receptive_fields
from resnet_core.graph import trace
from resnet_core.presets import PRESETS, digits, preset
from resnet_core.runs.run import ModelRecords
from resnet_core.terms import terms

pytestmark = pytest.mark.usefixtures("data_folder")


def with_selected(path: str, **query):
    app = opened(**query)
    app.session_state["selected"] = path
    app.run()
    assert not app.exception
    return app


def test_a_selected_block_shows_its_sum_and_where_its_parameters_are():
    app = with_selected("stage1.1", x=encode(Experiment(net=preset("resnet50"), base="resnet50")))
    latex = "".join(element.value for element in app.latex)
    assert r"\mathrm{ReLU}(\underset{256{\times}56{\times}56}{F(x)}" in latex
    assert "256·64 =" in html(app) and "<td>70,400</td>" in html(app)
    assert "= tfrac{17}{16},C^2$ = 69,632 weights" in texts(app)
    assert "$18,C^2$ = 1,179,648" in texts(app)


def test_a_selected_layer_is_marked_in_the_card_of_its_block():
    app = with_selected("stage1.0.residual.conv2")
    assert html(app).count("<tr class=on>") == 1 and "Stage 1, block 1, F, conv2" in html(app)


def test_a_stage_has_no_block_card():
    assert 'class="terms"' in html(with_selected("stage1.0"))
    app = with_selected("stage1")
    assert 'class="terms"' not in html(app) and not app.latex


@pytest.mark.parametrize("key", {row.family: key for key, row in PRESETS.items()}.values())
def test_a_card_can_be_written_for_every_block(key):
    graph = trace(preset(key))
    for block in {block: block for block in graph.blocks}.values():
        found = terms(graph, block.path)
        assert f"<td>{sum(t.params for t in found):,}</td>" in block_text.table(found, None)
        assert "of the input" in block_text.notes(graph, block, receptive_fields(graph))[0]
        assert "weights" in block_text.in_squares(block)


def test_a_run_of_blocks_shows_the_first_of_them():
    graph = trace(preset("resnet20"))
    assert block_card.block_of(graph, "stage2.1..2").path == "stage2.1"
    assert block_card.block_of(graph, "stage2") is None is block_card.block_of(graph, None)


class AnyCurve:
    """The newest numbers need no graph."""

    role = "residual"

    def __init__(self, **columns):
        labels = dict.fromkeys(columns, ("stage1.0",))
        per_op = {key: np.float32(values).reshape(-1, 1) for key, values in columns.items()}
        steps = np.arange(len(next(iter(columns.values()))))
        self.records = ModelRecords(model=0, labels=labels, steps=steps, per_op=per_op)


def test_numbers_are_those_of_the_newest_step_that_was_measured():
    curve = AnyCurve(x_norm=[1, 2], f_norm=[3, 4])
    assert seen([curve], "stage1.0") == [Seen("residual", 1, {"x_norm": 2, "f_norm": 4})]
    assert seen([curve], "stage1.1") == [] == seen([AnyCurve(loss=[1])], "stage1.0")
    assert seen([AnyCurve(input_grad=[1, 2])], "stage1.0") == []  # an old run has nothing more


def test_both_nets_are_compared_at_the_same_step():
    ahead, behind = AnyCurve(x_norm=[1, 2, 3, 4]), AnyCurve(x_norm=[5, 6, 7])
    behind.role = "plain"
    assert [(s.step, s.values["x_norm"]) for s in seen([ahead, behind], "stage1.0")] == [
        (2, 3),
        (2, 7),
    ]


def test_the_sentence_says_no_more_than_the_numbers():
    values = {"x_norm": 4.0, "f_norm": 1.0, "share_skip": 0.75}
    said = sentence([Seen("residual", 0, values)])
    assert "0.25 times as large as x" in said and "75% came through the shortcut" in said
    assert "cancel" in sentence([Seen("residual", 0, {"share_skip": 1.5})])
    assert sentence([Seen("plain", 0, values)]) == ""


def test_what_is_not_finite_is_said_and_no_sentence_rests_on_it():
    """A dash would say that the net does not have it."""
    found = seen([AnyCurve(x_norm=[1], f_norm=[np.inf], share_skip=[np.nan])], "stage1.0")
    table = block_text.numbers_table([*found, Seen("plain", 0, {"x_norm": 2.0})])
    assert "<td>not finite</td><td>–</td>" in table
    assert sentence(found) == ""


def test_each_probe_has_steps_of_its_own():
    rare = {"x_norm": np.array([0, 10, 20])}
    curve = AnyCurve(input_grad=range(25), x_norm=[1, 2, 3])
    curve.records = replace(curve.records, steps=np.arange(25), probe_steps=rare)
    assert seen([curve], "stage1.0") == [Seen("residual", 20, {"x_norm": 3, "input_grad": 20})]


def test_the_parts_of_a_real_gradient_are_those_of_its_step(data_folder):
    config = Experiment(net=digits(8), steps=60).config()
    stored_run(data_folder, config, "steps")
    curves = cached.curves(config, cached.engine().records(1))
    records = curves[0].records
    assert len(records.steps_of("grad_skip")) < len(records.steps)  # or this shows nothing
    for block in curves[0].graph.blocks:
        found = seen(curves, block.path)[0]
        assert found.step == records.steps_of("grad_skip")[-1]
        place = records.labels["input_grad"].index(block.path)
        whole, one, other = (
            found.values[key] for key in ("input_grad", "grad_skip", "grad_residual")
        )
        assert whole == records.per_op["input_grad"][found.step, place]
        assert abs(one - other) * 0.999 <= whole <= (one + other) * 1.001  # triangle inequality


def test_a_run_shows_its_numbers_in_the_card(data_folder):
    experiment = Experiment(net=digits(8), steps=12)
    stored_run(data_folder, experiment.config(), "steps")
    app = with_selected("stage1.0", run="1", x=encode(experiment))
    assert "‖F(x)‖" in html(app) and 'class="plain"' in html(app)
    other = replace(experiment, net=preset("resnet20"))
    assert "‖F(x)‖" not in html(with_selected("stage1.0", run="1", x=encode(other)))


@pytest.mark.parametrize(
    ("rows", "cells", "ticked", "row"),
    [
        ([], [(7, "MACs")], [], 7),  # a cell
        ([3], [], [], 3),  # a box
        ([3, 9], [], [3], 9),  # another box
        ([2, 4], [], [2, 3, 4], 3),  # a layer of the block that is marked
        ([], [], [3], None),  # its own box again
    ],
)
def test_a_click_into_a_table_names_a_row(rows, cells, ticked, row):
    assert selectable.chosen(rows, cells, ticked) == row


def test_the_layer_table_marks_what_is_selected():
    app = with_selected("stage1.0")
    app.session_state["fold_table_rows"] = True
    app.run()
    paths = [op.path for op in trace(app.session_state.experiment.net).ops]
    ticked = app.session_state["layer_table"]["selection"]["rows"]
    assert [paths[row] for row in ticked] == [p for p in paths if p.startswith("stage1.0.")]
