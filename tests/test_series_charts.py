"""Runs that belong together: bands, boards and sweeps say what their runs say."""

import math
from dataclasses import replace

import numpy as np
import pytest
from test_charts import NET, curve, decoded

from explorer import depth_chart, depth_profile, drawn, learning_chart, rate_line, sweep_chart
from explorer.curve import Curve
from explorer.depth_chart import Drawing
from explorer.depth_profile import CELLS, LEAST_STEPS, common_steps, middle
from explorer.scrub import MISSING, ZERO
from explorer.span import span_of
from resnet_core.graph import trace
from resnet_core.presets import preset
from resnet_core.probes import PROBES, labels
from resnet_core.run_config import RunConfig
from resnet_core.schedules import SCHEDULES, lr_at
from resnet_core.twins import twin_of

BLOCKS = len(labels(NET)["input_grad"])


def run_of(size: float, steps: int = 6) -> list[Curve]:
    """Twins whose gradients are `size` everywhere."""
    return [curve(n, np.full((steps, BLOCKS), size, np.float32)) for n in (NET, twin_of(NET))]


def seeds_of(*sizes: float, steps=(6, 6, 6)) -> list[tuple[str, list[Curve]]]:
    return [(f"seed {n}", run_of(s, k)) for n, (s, k) in enumerate(zip(sizes, steps))]


def test_the_middle_of_seeds_is_their_geometric_mean():
    view = depth_chart.draw(
        depth_profile.together(seeds_of(1, 10, 100), "input_grad"), "input_grad", 5
    )
    assert np.allclose(decoded(view.scrub, 0) / view.scrub["scale"], 1, atol=0.002)


@pytest.mark.parametrize(
    ("seeds", "is_log", "expected"),
    [
        ([1, 100], True, 10),
        ([0, 4, 100], True, 4),  # the median: a geometric mean with a zero is 0
        ([0, 0, 100], True, 0),
        ([1, np.nan, 100], True, 10),
        ([0.2, 0.4], False, 0.3),
        ([np.nan, np.inf], True, np.nan),
    ],
)
def test_zeros_and_what_is_not_finite_do_not_spoil_the_middle(seeds, is_log, expected):
    found = middle(np.array(seeds, dtype=float)[:, None], is_log)[0]
    assert found == pytest.approx(expected, nan_ok=True)


def test_a_band_goes_from_the_lowest_seed_to_the_highest():
    (panel,) = depth_profile.together(seeds_of(2, 8, 4), "input_grad")
    for profile in panel.profiles:
        assert (profile.spread.low == 2).all() and (profile.spread.high == 8).all()
        assert profile.spread.of(0) == "3 seeds"


def test_steps_that_some_seeds_have_not_reached_say_so():
    (panel,) = depth_profile.together(seeds_of(1, 10, 100, steps=(6, 4, 0)), "input_grad")
    spread = panel.profiles[0].spread
    assert [spread.of(step) for step in (0, 3, 4, 5)] == ["2 of 3 seeds"] * 2 + ["1 of 3 seeds"] * 2
    assert (panel.profiles[0].values[5] == 1).all()  # the seed that is there


def test_a_seed_that_diverged_reaches_the_top_of_the_band_and_is_crossed_in_the_loss():
    runs = seeds_of(1, 10, 100)
    sick = runs[1][1][1].records
    sick.per_op["input_grad"][4:, 3] = np.nan
    sick.scalars["loss"][4:] = np.nan
    view = depth_chart.draw(depth_profile.together(runs, "input_grad"), "input_grad", 5)
    part = view.scrub["parts"][1]
    high = decoded({"parts": [{"values": part["band"][1], "width": part["width"]}]}, 0)
    assert high[4, 3] == MISSING and high[3, 3] != MISSING != high[4, 2]
    assert view.figure.layout.yaxis.range[1] > view.scrub["ceiling"]
    crosses = [t for t in learned(learning_chart.together(runs)).data if t.mode == "markers"]
    assert [list(cross.x) for cross in crosses] == [[4]]


def learned(panels, rate=None):
    return learning_chart.draw(panels, rate=rate).figure


def test_the_learning_chart_of_seeds_has_their_mean_and_a_band():
    runs = seeds_of(1, 1, 1)
    for number, (_, curves) in enumerate(runs):
        for one in curves:
            one.records.scalars["accuracy"][:] = [0.2, 0.5, 0.8][number]
    figure = learned(learning_chart.together(runs))
    bands = [t for t in figure.data if t.fill == "toself" and t.yaxis == "y2"]
    lines = [t for t in figure.data if t.text is not None and t.yaxis == "y2"]
    assert len(bands) == len(lines) == 2
    assert np.allclose(lines[0].y, 0.5) and set(bands[0].y) == {0.2, 0.8}
    assert lines[0].text[0] == "20% to 80% over 3 seeds"


@pytest.mark.parametrize("loss", [2.302585, 2.35, 0.7, 40])
def test_a_loss_that_does_not_change_has_a_scale(loss):
    """As that of a net through which no gradient comes."""
    curves = run_of(1)
    for one in curves:
        one.records.scalars["loss"][:] = loss
    scale = learned(learning_chart.alone(curves)).layout.yaxis
    ends = sorted([loss, math.log(10)])
    low, high = 10 ** np.array(scale.range) if scale.range else ends
    shown = [at for at in scale.tickvals if low / 1.01 <= at <= high * 1.01]
    assert len(shown) >= 2 and low <= loss <= high


def test_the_charts_of_a_board_share_one_scale_and_one_slider():
    runs = [("batch norm", run_of(1e-3)), ("no norm", run_of(1e-12))]
    view = depth_chart.draw(depth_profile.side_by_side(runs, "input_grad"), "input_grad", 5)
    layout = view.figure.layout
    assert layout.yaxis2.matches == "y" and list(layout.yaxis2.range) == list(layout.yaxis.range)
    assert layout.yaxis.range[0] < -12 < -3 < layout.yaxis.range[1]
    assert len(view.scrub["parts"]) == 4 and view.scrub["steps"] == list(range(6))
    said = [note.text for note in layout.annotations]
    assert "<b>batch norm</b>" in said and "<b>no norm</b>" in said


def test_a_board_goes_below_each_other_where_it_is_narrow():
    runs = [("batch norm", run_of(1)), ("no norm", run_of(1))]
    view = depth_chart.draw(depth_profile.side_by_side(runs, "input_grad"), "input_grad", 5)
    wide, narrow = view.figure.layout, view.narrow
    assert wide.xaxis.domain[1] < wide.xaxis2.domain[0]
    assert narrow["xaxis"]["domain"] == narrow["xaxis2"]["domain"] == [0, 1]
    assert narrow["yaxis"]["domain"][0] > narrow["yaxis2"]["domain"][1]


def test_both_learning_layouts_of_a_board_keep_their_charts_apart():
    runs = [("a", run_of(1)), ("b", run_of(1))]
    view = learning_chart.draw(learning_chart.side_by_side(runs))
    for layout in (view.figure.layout.to_plotly_json(), view.narrow):
        cells = [
            (*layout[f"xaxis{n}"]["domain"], *layout[f"yaxis{n}"]["domain"])
            for n in ("", "2", "3", "4")
        ]
        for i, (a, b, c, d) in enumerate(cells):
            assert 0 <= a < b <= 1 and 0 <= c < d <= 1
            for e, f, g, h in cells[:i]:
                assert b <= e or f <= a or d <= g or h <= c


def test_drawn_figures_are_json_with_their_narrow_layout():
    runs = [("a", run_of(1)), ("b", run_of(1))]
    assert '"narrow":{' in drawn.board(runs, "input_grad", 5, Drawing()).depth
    assert "narrow" not in drawn.one_run(run_of(1), "input_grad", 5, Drawing()).depth


def test_twins_of_different_length_are_drawn_at_the_same_steps():
    """One net ends at step 700, the other goes on: both keep to the steps of the longer."""
    values = [np.arange(n, dtype=np.float32)[:, None].repeat(BLOCKS, 1) + 1 for n in (2000, 700)]
    curves = [curve(NET, values[0]), curve(twin_of(NET), values[1])]
    (panel,) = depth_profile.alone(curves, "input_grad")
    for profile in panel.profiles:
        assert (profile.values[:, 0] == profile.steps + 1).all()
    assert panel.profiles[1].steps[-1] == 699


@pytest.mark.parametrize("length", [1, 300, 20_000])
def test_what_goes_to_the_browser_is_bounded_for_any_depth_and_length(length):
    net = preset("preact110")
    layers = len(labels(net)["weight_grad"])
    tall = curve(net, np.ones((length, layers), np.float32), "weight_grad")
    steps = common_steps([tall], "weight_grad")
    assert len(steps) <= max(CELLS // layers, LEAST_STEPS) + 2
    assert steps[-1] == length - 1


def test_gradients_near_the_end_of_float32_are_shown_where_it_ends():
    curves = run_of(1)
    curves[1].records.per_op["input_grad"][:, 0] = 1e-34
    view = depth_chart.draw(depth_profile.alone(curves, "input_grad"), "input_grad", 5)
    said = " ".join(note.text for note in view.figure.layout.annotations)
    assert "smallest normal number, 1.2·10<sup>−38</sup>" in said and "exactly 0" not in said
    assert view.figure.layout.yaxis.range[0] < math.log10(2.0**-126)


def test_a_zero_that_faded_is_told_from_one_that_did_not():
    def said(smallest: float, device: str = "cpu") -> str:
        curves = run_of(1)
        curves[1].records.per_op["input_grad"][:, :2] = [0, smallest]
        panels, how = depth_profile.alone(curves, "input_grad"), Drawing(device=device)
        view = depth_chart.draw(panels, "input_grad", 5, how)
        assert decoded(view.scrub, 1)[0, 0] == ZERO
        return " ".join(note.text for note in view.figure.layout.annotations)

    assert "exactly 0: smaller numbers are flushed to 0" in said(1e-35)
    assert "exactly 0" in said(1e-3) and "flushed" not in said(1e-3)
    for device in ("cuda:0", "mps"):  # set_flush_denormal is of the CPU alone
        assert "exactly 0" in said(1e-35, device) and "flushed" not in said(1e-35, device)


def test_zeros_lie_below_the_smallest_number():
    curves = run_of(1)
    curves[1].records.per_op["input_grad"][:, :2] = [0, 1e-31]
    (panel,) = depth_profile.alone(curves, "input_grad")
    span = span_of(panel.profiles, PROBES["input_grad"].is_log, 2.0**-126)
    assert span.range[0] < span.floor < span.smallest < span.low


def test_another_precision_is_named_on_the_chart():
    panels = depth_profile.alone(run_of(1), "input_grad")
    texts = {
        key: [
            n.text for n in depth_chart.draw(panels, "input_grad", 5, how).figure.layout.annotations
        ]
        for key, how in ((k, Drawing(precision=k)) for k in ("float32", "mixed"))
    }
    assert "bfloat16: 8 bits" in texts["mixed"]
    assert not any("float" in text for text in texts["float32"])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_drawn_rate_is_that_of_the_optimizer(schedule):
    warmup = 0 if schedule == "one-cycle" else 5
    config = RunConfig(net=NET, steps=50, schedule=schedule, warmup=warmup, lr_changes=((20, 0.1),))
    rate = rate_line.rate_of(config, 30)
    plan = {
        "steps": 50,
        "lr": 0.02,
        "schedule": schedule,
        "warmup": warmup,
        "changes": ((20, 0.1),),
    }
    assert rate.steps == list(range(30)) and rate.changes == ((20, 0.1),)
    assert np.allclose(rate.values, [lr_at(step, **plan) for step in range(30)], rtol=1e-3)


def test_a_rate_that_never_changes_is_not_drawn():
    config = RunConfig(net=NET)
    assert rate_line.rate_of(config, 30) is None
    assert rate_line.rate_of(replace(config, warmup=3), 30) is not None


def test_a_change_by_hand_is_marked_on_every_chart():
    config = RunConfig(net=NET, steps=50, lr_changes=((3, 0.1),))
    panels = learning_chart.alone(run_of(1))
    before, after = (learned(panels, rate).layout for rate in (None, rate_line.rate_of(config, 6)))
    marks = [shape for shape in after.shapes if shape.x0 == shape.x1 == 3]
    assert len(before.shapes) == 2 and len(marks) == 3
    assert after.shapes[0].y0 == math.log(10)  # the chance line stays


def sweep_of(*ratios: float):
    runs = []
    for number, ratio in enumerate(ratios):
        curves = run_of(1, 1)
        curves[1].records.per_op["input_grad"][0, 0] = ratio
        runs.append(sweep_chart.SweepRun(10 + number, f"depth {number}", curves))
    return runs


def test_a_sweep_has_the_ratio_of_first_to_last_and_a_place_for_exact_zeros():
    figure = sweep_chart.draw(sweep_of(1e-6, 0.0, np.nan), selected=11)
    plain = figure.data[1]
    assert plain.y[0] == pytest.approx(-6, abs=1e-3)
    low, high = figure.layout.yaxis.range
    assert low < plain.y[1] < -6 and 0 < plain.y[2] < high
    assert [mark[0] for mark in plain.customdata] == ["10", "11", "12"]  # what a click tells
    assert "exactly 0" in plain.text[1] and "not finite" in plain.text[2]
    assert figure.layout.yaxis.ticktext[-2:] == ("0", "not finite")


def test_no_text_of_a_sweep_lies_where_points_may_be():
    """Right of the chart, or above it."""
    figure = sweep_chart.draw(sweep_of(1e-6, 0.0), selected=11)
    level = [note for note in figure.layout.annotations if note.yref == "y"]
    assert {note.y for note in level} == {0, figure.data[1].y[1]}
    assert {(note.x, note.xanchor) for note in level} == {(1, "left")}
    assert figure.layout.margin.r >= 80


def test_a_net_whose_gradients_are_all_exactly_0_is_told_so():
    """As Fixup's are at step 0, whose classifier starts at 0."""
    (run,) = sweep_of(0.0)
    for one in run.curves:
        one.records.per_op["input_grad"][:] = 0
    for line in sweep_chart.draw([run], 10).data:
        assert "exactly 0" in line.text[0] and "not finite" not in line.text[0]


def test_a_sweep_marks_the_run_that_is_watched_at_the_depth_of_its_net():
    figure = sweep_chart.draw(sweep_of(1e-6), selected=10)
    assert figure.layout.shapes[-1].x0 == trace(NET).depth


def test_a_sweep_can_be_drawn_before_its_first_record():
    runs = [sweep_chart.SweepRun(1, "depth 8", [])]
    assert [list(line.x) for line in sweep_chart.draw(runs, None).data] == [[], []]


HOSTILE = '<a href="https://evil.example">&lt;img&gt;</a><b>'


def test_a_label_is_written_as_it_is_in_every_chart():
    """Of a recording that somebody sends: plotly would make a link of it."""
    runs = [(HOSTILE, run_of(1, 1)), ("b", run_of(1, 1))]
    depth = depth_chart.draw(depth_profile.side_by_side(runs, "input_grad"), "input_grad", 0)
    learning = learning_chart.draw(learning_chart.side_by_side(runs))
    swept = sweep_chart.draw([sweep_chart.SweepRun(1, *runs[0])], 1)
    said = [note["text"] for note in depth.plain["layout"]["annotations"]]
    said += [note["text"] for note in learning.plain["layout"]["annotations"]]
    said += [text for line in swept.data for text in line.text]
    told = [text for text in said if "evil" in text]
    assert len(told) == 1 + 2 + 2
    assert all("<a" not in text and "&amp;lt;img" in text for text in told)
