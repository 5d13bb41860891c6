"""What the browser gets to colour pictures: values of both twins, on one scale."""

import base64
import json
import math

import numpy as np
import pytest

from explorer import paints
from explorer.curve import ALL_OF_FIRST, curve_of, thinned
from explorer.folds import take_away
from explorer.link import Experiment
from explorer.look import Look
from resnet_core.graph import trace, trace_to_mismatch
from resnet_core.picture import colours
from resnet_core.picture.quantities import QUANTITIES, values
from resnet_core.presets import preset
from resnet_core.probes import labels
from resnet_core.runs.run import ModelRecords
from resnet_core.spec import NetSpec, StageSpec
from resnet_core.twins import twin_of

NET = preset("resnet18")
STATIC = [key for key, row in QUANTITIES.items() if not row.is_measured]


def table(part: dict) -> np.ndarray:
    numbers = np.frombuffer(base64.b64decode(part["values"]), "<f4")
    return numbers.reshape(-1, len(part["ids"]))


def run(steps: int, probe: str) -> list:
    """Curves of a net and its twin: the net's numbers are below 1, the twin's above."""
    curves = []
    for model, net in enumerate((NET, twin_of(NET))):
        places = {probe: tuple(labels(net)[probe])}
        rows = np.geomspace(1, 100, steps)[:, None] * np.ones(len(places[probe]))
        rows = (rows if model else rows / 1000).astype(np.float32)
        records = ModelRecords(
            model=model, labels=places, steps=np.arange(steps) * 2, per_op={probe: rows}
        )
        curves.append(curve_of(trace(net), records))
    return curves


@pytest.mark.parametrize("key", STATIC)
@pytest.mark.parametrize("folds", [False, True])
def test_both_twins_have_their_own_values_and_texts_on_one_scale(key, folds):
    sent = json.loads(json.dumps(paints.of_net(NET, key, 8, folds)))
    every = []
    for role, net in (("residual", NET), ("plain", twin_of(NET))):
        found = values(trace(net), key, batch_size=8, folds=folds)
        expected = {id: value for id, value in found.items() if value is not None}
        part = sent["nets"][role]
        assert dict(zip(part["ids"], table(part)[0], strict=True)) == pytest.approx(expected)
        assert sent["texts"][role] == [QUANTITIES[key].text(v) for v in expected.values()]
        every += expected.values()
    assert 10 ** sent["low"] == pytest.approx(min(every))
    assert 10 ** sent["high"] == pytest.approx(max(every))


@pytest.mark.parametrize("key", ["input_grad", "weight_grad"])
def test_a_run_is_sent_at_some_of_its_steps_the_first_and_last_among_them(key):
    curves = run(300, key)
    sent = json.loads(json.dumps(paints.of_run(curves, key, folds=False)))
    for curve in curves:
        part = sent["nets"][curve.role]
        steps, rows = part["steps"], table(part)
        assert len(steps) == len(rows) <= paints.MAX_STEPS + 1
        assert (steps[0], steps[-1]) == (0, 598)
        found = values(curve.graph, key, curve.records, steps[7])
        assert dict(zip(part["ids"], rows[7], strict=True)) == pytest.approx(
            {id: value for id, value in found.items() if value is not None}
        )
    lowest, highest = (table(sent["nets"][role]) for role in ("residual", "plain"))
    assert 10 ** sent["low"] == pytest.approx(lowest.min())
    assert 10 ** sent["high"] == pytest.approx(highest.max())


@pytest.mark.parametrize("ops", [1, 70, 1_000, 4_000, 100_000])
def test_a_deep_net_is_sent_at_few_steps_but_at_all_of_the_first_and_the_last(ops):
    """Most of the story is in the first steps (curve.ALL_OF_FIRST)."""
    sent = thinned(10_000, paints.steps_for(ops)).tolist()
    assert sent[:ALL_OF_FIRST] == list(range(ALL_OF_FIRST)) and sent[-1] == 9_999
    assert len(sent) <= paints.MAX_STEPS + 1
    assert len(sent) <= ALL_OF_FIRST + 6 or (len(sent) - 1) * ops <= paints.MAX_VALUES


def test_more_layers_never_mean_more_steps():
    steps = [paints.steps_for(ops) for ops in range(1, 20_000, 7)]
    assert steps == sorted(steps, reverse=True)
    assert steps[0] == paints.MAX_STEPS and ALL_OF_FIRST < steps[-1] < paints.MAX_STEPS


def test_a_run_without_the_quantity_colours_nothing():
    sent = paints.of_run(run(3, "input_grad"), "act_rms", folds=False)
    assert [part["ids"] for part in sent["nets"].values()] == [(), ()]


def test_a_net_that_cannot_be_built_is_coloured_as_far_as_it_goes():
    stages = (
        StageSpec(num_blocks=1, width=8),
        StageSpec(num_blocks=1, width=16, shortcut="identity"),
    )
    net = NetSpec(name="broken", stages=stages)
    assert trace_to_mismatch(net).broken
    assert list(paints.of_net(net, "params", 8, False)["nets"]) == ["residual"]


@pytest.fixture
def look_at(monkeypatch):
    """look_at(key, step) colours the screen by a quantity, at the step of the slider."""

    def look(key: str, step: int | None = None) -> None:
        experiment = Experiment(net=NET, batch_size=16)
        monkeypatch.setattr(take_away.state, "look_of", lambda: Look(colour=key))
        monkeypatch.setattr(take_away.state, "experiment", lambda: experiment)
        monkeypatch.setattr(take_away.state, "step", lambda: step)

    return look


@pytest.mark.parametrize("key", STATIC)
def test_a_file_has_the_scale_of_the_screen(look_at, key):
    look_at(key)
    tint, sent = take_away.tint(trace(NET)), paints.of_net(NET, key, 16, folds=False)
    assert (math.log10(tint.scale.low), math.log10(tint.scale.high)) == (sent["low"], sent["high"])
    assert set(tint.values) == set(sent["nets"]) and tint.note == ""


def test_a_file_of_a_run_has_the_scale_of_all_its_steps_and_says_its_own(look_at, monkeypatch):
    look_at("input_grad")
    curves = run(300, "input_grad")
    monkeypatch.setattr(take_away, "curves_of", lambda graph: curves)
    tint, sent = take_away.tint(trace(NET)), paints.of_run(curves, "input_grad", folds=False)
    assert (math.log10(tint.scale.low), math.log10(tint.scale.high)) == (sent["low"], sent["high"])
    assert tint.note == "step 598"
    for step, note in ((None, "step 598"), (3, "step 2")):
        look_at("input_grad", step)
        tint = take_away.tint(trace(NET))
        assert tint.note == note
        for curve in curves:
            found = values(curve.graph, "input_grad", curve.records, int(note.split()[1]))
            expected = {id: value for id, value in found.items() if value is not None}
            assert tint.values[curve.role] == expected
    for nothing in ([], run(0, "input_grad"), run(3, "act_rms")):
        monkeypatch.setattr(take_away, "curves_of", lambda graph, curves=nothing: curves)
        assert take_away.tint(trace(NET)) is None


def test_there_is_a_css_colour_for_each_shade_in_both_themes():
    light, dark = colours.shades(False), colours.shades(True)
    assert paints.SHADES[0] == f"light-dark({light[0]}, {dark[0]})"
    assert len(paints.SHADES) == colours.SHADES


@pytest.mark.parametrize(("step", "row"), [(None, 3), (0, 0), (7, 1), (8, 2), (99, 3)])
def test_a_file_shows_the_last_row_at_or_before_the_sliders_step(step, row):
    assert range(4)[paints.row_at([2, 4, 8, 12], step)] == row
