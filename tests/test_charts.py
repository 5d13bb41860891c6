"""Figures say what the records say: nothing dropped, nothing moved."""

import base64
import math
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import depth_chart, depth_profile, learning_chart, learning_lines, theme
from explorer.curve import ALL_OF_FIRST, Curve, curve_of, depth_of, on_main_path, thinned
from explorer.depth_chart import DepthView, Drawing
from explorer.depth_profile import MAX_STEPS
from explorer.scrub import MISSING, SCALE, ZERO, counts
from explorer.span import Span
from resnet_core.graph import trace
from resnet_core.picture.style import PALETTES
from resnet_core.presets import preset
from resnet_core.probes import PROBES, labels
from resnet_core.runs.run import ModelRecords
from resnet_core.twins import twin_of

ROOT = Path(__file__).resolve().parents[1]
NET = preset("digits20")


def curve(net, values: np.ndarray, probe: str = "input_grad") -> Curve:
    """A curve of `net` with these norms [steps, ops] and a loss that falls."""
    steps = np.arange(len(values))
    scalars = {"loss": np.exp(-steps / 10), "accuracy": np.linspace(0, 1, len(steps))}
    found = {key: paths for key, paths in labels(net).items() if paths}
    per_op = {probe: values} if probe in found else {}
    records = ModelRecords(model=0, labels=found, steps=steps, scalars=scalars, per_op=per_op)
    return curve_of(trace(net), records)


def pair(steps: int, probe: str = "input_grad") -> list[Curve]:
    nets = NET, twin_of(NET)
    shapes = [(steps, len(labels(net)[probe])) for net in nets]
    values = [np.exp(np.random.default_rng(0).normal(size=s)).astype(np.float32) for s in shapes]
    return [curve(n, v, probe) for n, v in zip(nets, values)]


def drawn(curves: list[Curve], probe: str, total: int, **how) -> DepthView:
    return depth_chart.draw(depth_profile.alone(curves, probe), probe, total, Drawing(**how))


def learned(curves: list[Curve]):
    return learning_chart.draw(learning_chart.alone(curves)).figure


def decoded(scrub: dict, part: int) -> np.ndarray:
    raw = base64.b64decode(scrub["parts"][part]["values"])
    return np.frombuffer(raw, "<i2").reshape(-1, scrub["parts"][part]["width"])


@pytest.mark.parametrize("probe", PROBES)
def test_the_browser_gets_the_numbers_that_were_recorded(probe):
    curves = pair(12, probe)
    view = drawn(curves, probe, 11)
    for number, shown in enumerate(curves):
        columns, paths, depths = on_main_path(shown, probe)
        line = view.figure.data[view.scrub["parts"][number]["line"]]
        assert list(line.x) == depths and [path for path, _ in line.customdata] == paths
        if not columns:  # a plain net has no (+): nothing is sent, and the figure says so
            assert view.scrub["parts"][number]["values"] == ""
            assert any("it has no (+) around" in a.text for a in view.figure.layout.annotations)
            continue
        numbers = shown.records.per_op[probe][:, columns]
        expected = np.log10(numbers) if PROBES[probe].is_log else numbers
        got = decoded(view.scrub, number) / view.scrub["scale"]
        assert np.allclose(got, expected, atol=0.002)


@pytest.mark.parametrize("probe", PROBES)
def test_no_two_points_of_a_line_lie_above_each_other(probe):
    for net in (NET, preset("resnet50"), preset("preact110")):
        if found := labels(net)[probe]:
            _, _, depths = on_main_path(curve(net, np.ones((1, len(found))), probe), probe)
            assert (np.diff(depths) > 0).all()


def test_a_share_has_a_linear_axis_and_no_number_of_it_is_cut_off():
    curves = pair(3, "share_skip")
    curves[0].records.per_op["share_skip"][:, :3] = [-40, 0, np.nan]
    view = drawn(curves, "share_skip", 2)
    assert list(decoded(view.scrub, 0)[1, :3]) == [-40 * view.scrub["scale"], 0, MISSING]
    low, high = view.figure.layout.yaxis.range
    assert low < -40 and 1 < view.scrub["ceiling"] < high
    assert "−40" in view.figure.layout.yaxis.ticktext


def test_the_slider_has_the_steps_at_which_a_probe_looked():
    some = np.array([0, 1, 2, 4, 8])
    curves = [
        Curve(c.role, c.graph, replace(c.records, steps=np.arange(9), probe_steps={"dead": some}))
        for c in pair(5, "dead")
    ]
    view = drawn(curves, "dead", 8)
    assert view.scrub["steps"] == some.tolist() == list(view.figure.data[2].y)


def test_a_run_of_an_older_version_is_drawn_without_what_it_has_not_recorded():
    view = drawn(pair(5), "act_rms", 4)
    assert view.scrub["steps"] == [] == list(view.figure.data[0].y)
    assert any("not recorded in this run" in a.text for a in view.figure.layout.annotations)


def test_a_block_sits_at_the_depth_of_its_first_layer():
    curves = pair(1)
    _, paths, depths = on_main_path(curves[0], "input_grad")
    assert paths[0] == "stage1.0" and depths == list(range(2, 20, 2))
    assert depth_of(curves[0].graph, "head.fc") == 20


def test_projections_are_not_on_the_main_path():
    net = preset("resnet18")
    values = np.ones((2, len(labels(net)["weight_grad"])), np.float32)
    _, paths, depths = on_main_path(curve(net, values, "weight_grad"), "weight_grad")
    assert len(paths) == 18 == len(set(depths))
    assert not any("shortcut" in path for path in paths)


def test_exact_zeros_and_nan_are_marked_and_zeros_get_a_floor():
    curves = pair(3)
    values = curves[1].records.per_op["input_grad"]
    values[1, 0], values[1, 1], values[1, 2] = 0, np.nan, np.inf
    view = drawn(curves, "input_grad", 2)
    assert list(decoded(view.scrub, 1)[1, :3]) == [ZERO, MISSING, MISSING]
    low, high = view.figure.layout.yaxis.range
    finite = np.log10(values[np.isfinite(values) & (values > 0)])
    assert low < view.scrub["floor"] < finite.min() < finite.max() < view.scrub["ceiling"] < high
    assert any("exactly 0" in a.text for a in view.figure.layout.annotations)


def test_tiny_norms_survive_the_way_to_the_browser():
    span = Span(True, -38, 38, (-38, 38), zeros=False, broken=False)
    sent = counts(np.array([1e-38, 1e38], np.float32), span)
    assert np.allclose(sent / SCALE, [-38, 38], atol=0.01)


@settings(max_examples=60)
@given(st.integers(1, 30_000))
def test_long_runs_are_thinned_without_losing_the_first_steps(length):
    rows = thinned(length, MAX_STEPS)
    assert len(rows) <= MAX_STEPS + 2
    assert list(rows[:ALL_OF_FIRST]) == list(range(min(length, ALL_OF_FIRST)))
    assert rows[-1] == length - 1 and (np.diff(rows) > 0).all()


def test_a_figure_does_not_grow_with_the_run():
    figures = [drawn(pair(n), "input_grad", n).figure for n in (500, 5000)]
    sizes = [len(figure.to_json()) for figure in figures]
    assert sizes[1] < 1.1 * sizes[0]


def test_the_chance_line_is_on_the_loss_chart():
    figure = learned(pair(5))
    assert figure.layout.shapes[0].y0 == figure.layout.shapes[0].y1 == math.log(10)


def test_raw_points_stay_visible_behind_the_smoothing():
    figure = learned(pair(5))
    raw = [trace for trace in figure.data if trace.opacity == 0.35]
    assert len(raw) == 4
    assert np.allclose(raw[0].y, np.exp(-np.arange(5) / 10), rtol=1e-4)


def test_smoothing_keeps_a_gap_a_gap_and_a_constant_a_constant():
    smooth = learning_lines.smoothed(np.array([2, 2, np.nan, 2]))
    assert np.isnan(smooth[2]) and np.allclose(smooth[[0, 1, 3]], 2)


def test_figures_are_json_without_nan():
    curves = pair(3)
    curves[0].records.scalars["loss"][1] = np.nan
    assert "NaN" not in learned(curves).to_json()


def test_twins_are_told_apart_by_colour_and_by_dash():
    curves = pair(2)
    lines = [drawn(curves, "input_grad", 1).figure.data[i].line for i in (0, 3)]
    assert lines[0].color != lines[1].color and lines[0].dash != lines[1].dash


def test_an_empty_run_can_be_drawn():
    for maps in (True, False):
        view = drawn(pair(0), "input_grad", 10, selected="stage1.0", maps=maps)
        assert view.scrub["steps"] == []


def test_dark_colours_can_be_swapped_in_for_light_ones():
    """The browser replaces text: no light colour may be another token's dark one."""
    lights = [light for light, _ in theme.PAIRS.values()]
    darks = [dark for _, dark in theme.PAIRS.values()]
    assert len(set(lights)) == len(lights) and not set(lights) & set(darks)


def test_page_picture_and_charts_have_the_same_colours():
    """They stand in three places: theme file, exported picture and page each need their own."""
    config = tomllib.loads((ROOT / "explorer/.streamlit/config.toml").read_text())["theme"]
    for place, mode in enumerate(("light", "dark")):
        colours = {token: pair[place] for token, pair in theme.PAIRS.items()}
        assert config[mode]["primaryColor"] == colours["mark"]
        assert config[mode]["backgroundColor"] == colours["surface"]
        assert config[mode]["borderColor"] == colours["border"]
        assert PALETTES[mode]["skip"].lower() == colours["residual"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(853_018, "853.0 k"), (11_689_512, "11.69 M"), (9_999, "9,999"), (1_814_073_344, "1.81 G")],
)
def test_counts_are_shown_with_a_unit_prefix(value, text):
    assert theme.count(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.26, "4.3 s"), (90, "90 s"), (150, "2 min 30 s"), (11_100, "3 h 5 min")]
)
def test_durations_are_said_as_people_say_them(seconds, text):
    assert theme.duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(1.06e9, "0.987 GiB"), (1_610_612_736, "1.5 GiB"), (752 * 2**20, "752 MiB")]
)
def test_memory_is_shown_with_three_digits(size, text):
    assert theme.memory(size) == text


def test_a_loss_that_is_not_finite_is_marked_where_it_happened():
    curves = pair(5)
    curves[0].records.scalars["loss"][3:] = np.nan
    mark = learned(curves).data[-1]
    assert list(mark.x) == [3] and math.isclose(mark.y[0], math.exp(-0.2), rel_tol=1e-6)


def test_exact_zeros_have_a_colour_of_their_own_in_the_maps():
    curves = pair(3)
    plain = drawn(curves, "input_grad", 2).figure.layout.coloraxis
    curves[1].records.per_op["input_grad"][1, 0] = 0
    view = drawn(curves, "input_grad", 2)
    colours = view.figure.layout.coloraxis
    assert colours.cmin == view.scrub["floor"] < plain.cmin
    assert colours.colorscale[0][1] == theme.ZERO[0] != plain.colorscale[0][1]


def test_a_selected_layer_is_marked_at_its_depth():
    graph = trace(NET)
    assert depth_of(graph, "stage2.1.residual.norm2") == depth_of(graph, "stage2.1")
    assert depth_of(trace(preset("resnet18")), "stage2.0.shortcut.conv") is None


@pytest.mark.parametrize("text", ["www.evil.com", "http://evil.com", "a@b.co", "&lt;b&gt;", "*b*"])
def test_a_name_cannot_become_a_link_an_entity_or_markup(text):
    shown = theme.literal(text)
    assert text not in shown and "&lt;" not in shown
    assert not any(start in shown for start in ("http:", "www.", "@b"))
