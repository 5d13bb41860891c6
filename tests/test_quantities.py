"""Colours of a picture say what is counted and what was recorded, for any net."""

import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import nets

from resnet_core import picture
from resnet_core.geometry import receptive_fields
from resnet_core.graph import trace
from resnet_core.memory import OPTIMIZERS, PRECISIONS, memory_by_layer, training_memory
from resnet_core.picture.colours import (
    BROKEN,
    SHADES,
    ZERO,
    Scale,
    colour_of,
    colours_of,
    scale_of,
    shades,
)
from resnet_core.picture.outline import outline, walk
from resnet_core.picture.painting import legend_svg, painted
from resnet_core.picture.quantities import QUANTITIES, spans, values
from resnet_core.picture.style import PALETTES
from resnet_core.picture.view import VIEW, View
from resnet_core.presets import preset
from resnet_core.probes import labels
from resnet_core.runs.run import ModelRecords

STATIC = [key for key, row in QUANTITIES.items() if not row.is_measured]
SUMS = ["params", "macs", "memory"]
SVG = "{http://www.w3.org/2000/svg}"


def recorded(net, probe: str, columns: np.ndarray) -> ModelRecords:
    places = {probe: tuple(labels(net)[probe])}
    steps = np.arange(len(columns)) * 10
    return ModelRecords(model=0, labels=places, steps=steps, per_op={probe: columns})


def all_nodes(graph, view=VIEW):
    """Every node at every depth, the closed cards included."""
    return {
        node.id: node
        for level in picture.openable(graph).values()
        for node in walk(outline(graph, level, view))
    }


@settings(deadline=None, max_examples=60)
@given(nets, st.sampled_from(STATIC))
def test_every_node_at_every_depth_has_an_entry(net, key):
    graph = trace(net)
    assert set(values(graph, key)) == set(all_nodes(graph))


@settings(deadline=None, max_examples=60)
@given(nets)
def test_a_card_has_the_sum_of_its_layers(net):
    graph = trace(net)
    nodes, memory = all_nodes(graph), memory_by_layer(graph, 64)
    params, macs, kept = (values(graph, key) for key in SUMS)
    for id, node in nodes.items():
        assert (params[id] or 0, macs[id] or 0) == (node.params, node.macs)
        assert (kept[id] or 0) == sum(memory[op.path] for op in node.ops)


@settings(deadline=None, max_examples=30)
@given(nets)
def test_a_folded_convolution_has_what_is_folded_in(net):
    graph = trace(net)
    found = values(graph, "params", folds=True)
    for id, node in all_nodes(graph, View(folds=True)).items():
        assert (found[id] or 0) == node.params


@settings(deadline=None, max_examples=40)
@given(nets, st.sampled_from(sorted(PRECISIONS)), st.sampled_from(sorted(OPTIMIZERS)))
def test_the_layers_memory_is_the_nets(net, precision, optimizer):
    graph = trace(net)
    parts = memory_by_layer(graph, 3, precision, optimizer)
    assert sum(parts.values()) == training_memory(graph, 3, precision, optimizer).total


@settings(deadline=None, max_examples=40)
@given(nets)
def test_a_card_sees_what_its_output_sees(net):
    graph = trace(net)
    fields, found = receptive_fields(graph), values(graph, "field")
    for id, node in all_nodes(graph).items():
        field = fields[node.ops[-1].path] if node.kind != "input" else None
        assert found[id] == (field and field.size)


def test_a_run_of_blocks_counts_its_own_blocks_alone():
    found = values(trace(preset("digits56")), "params")
    each = found["stage2.2"]
    assert found["stage2.2..8"] == 7 * each
    assert found["stage2.1"] == each != found["stage2.0"]


def test_cards_combine_what_was_recorded():
    net = preset("resnet18")
    graph, places = trace(net), labels(net)
    size = len(places["input_grad"])
    grads = np.arange(1, 2 * size + 1, dtype=np.float32).reshape(2, size)
    found = values(graph, "input_grad", recorded(net, "input_grad", grads), step=9)
    assert found["stage1.1"] == 2 and found["stage2"] == found["stage2.0"] == 3
    assert found["stem"] is None and found["stage2.0.residual.conv1"] is None
    newest = values(graph, "input_grad", recorded(net, "input_grad", grads))
    assert newest["stage1.0"] == size + 1

    ones = np.full((1, len(places["weight_grad"])), 2, np.float32)
    found = values(graph, "weight_grad", recorded(net, "weight_grad", ones), step=0)
    inside = [path for path in places["weight_grad"] if path.startswith("stage2.0.")]
    assert len(inside) == 3  # two convolutions and the projection
    assert found["stage2.0"] == pytest.approx(2 * math.sqrt(3))
    assert found["stage2.0.residual.conv1"] == 2 and found["stage2.0.residual.norm1"] is None


def test_a_block_has_its_own_output_not_that_of_its_last_layer():
    net = preset("resnet18")
    layers = ["stem.conv", "stage1.0.residual.conv1", "stage1.0.residual.conv2", "stage1.0"]
    records = ModelRecords(
        model=0,
        labels={"act_rms": tuple(layers)},
        steps=np.arange(4),
        per_op={"act_rms": np.float32([[1, 2, 3, 4]])},
        probe_steps={"act_rms": np.array([0])},
    )
    found = values(trace(net), "act_rms", records)
    assert [found[path] for path in layers] == [1, 2, 3, 4] and found["stage1"] == 4
    assert found["stem"] == 1 and found["stage1.1"] is None


def test_what_vanished_is_not_drowned_by_what_did_not():
    net = preset("digits20")
    grads = np.ones((1, len(labels(net)["weight_grad"])), np.float32)
    grads[0, 1:3] = 1e-20  # both convolutions of the first block
    found = values(trace(net), "weight_grad", recorded(net, "weight_grad", grads))
    assert found["stage1.0"] == pytest.approx(math.sqrt(2) * 1e-20, rel=1e-6)


@pytest.mark.parametrize("key", [key for key, row in QUANTITIES.items() if row.is_measured])
def test_before_a_run_nothing_is_measured(key):
    graph = trace(preset("digits20"))
    found = values(graph, key)
    assert set(found) == set(spans(graph)) and set(found.values()) == {None}
    nothing = ModelRecords(model=0, labels={}, steps=np.arange(3))
    assert set(values(graph, key, nothing).values()) == {None}


positive = st.floats(1e-30, 1e30)


@given(st.lists(positive, min_size=1, max_size=20), st.lists(positive, min_size=1, max_size=20))
def test_one_scale_holds_all_values_and_keeps_their_order(net, twin):
    scale = scale_of("weight_grad", [np.array(net), np.array(twin)])
    ordered = sorted(net + twin)
    assert scale.low <= ordered[0] and ordered[-1] <= scale.high
    assert not scale.zeros and not scale.broken
    places = [scale.place(value) for value in ordered]
    assert places == sorted(places) and {0 <= p <= 1 for p in places} == {True}
    assert all(0 <= place <= 1 for place, _ in scale.ticks)
    assert 2 <= len(scale.ticks) <= 7


@given(positive, positive)
def test_the_ends_of_the_scale_have_its_first_and_last_colour(one, other):
    scale = scale_of("weight_grad", [np.array([one, other])])
    if scale.low == min(one, other):
        assert colour_of(scale.low, scale, False) == shades(False)[0]
        assert colour_of(scale.high, scale, True) == shades(True)[-1]


def test_zero_and_what_is_not_finite_are_apart():
    scale = scale_of("weight_grad", [np.array([0, 1e-3, 10, math.nan])])
    assert (scale.low, scale.high, scale.zeros, scale.broken) == (1e-3, 10, True, True)
    for dark in (False, True):
        apart = {colour_of(0.0, scale, dark), colour_of(math.inf, scale, dark)}
        assert apart == {ZERO[dark], BROKEN[dark]} and not apart & set(shades(dark))
        assert colour_of(math.nan, scale, dark) == BROKEN[dark]
        assert colour_of(None, scale, dark) is None


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_on_every_colour(dark):
    ink = PALETTES["dark" if dark else "light"]["ink"]
    scale = Scale("weight_grad", 1e-9, 1e3)
    spread = [*np.geomspace(1e-9, 1e3, 256), 0.0, math.nan]
    assert min(contrast(colour_of(value, scale, dark), ink) for value in spread) >= 4.5


@pytest.mark.parametrize("dark", [False, True])
def test_more_is_darker_on_a_light_page_and_brighter_on_a_dark_one(dark):
    lights = [luminance(shade) for shade in shades(dark)]
    assert len(set(lights)) == SHADES and lights == sorted(lights, reverse=not dark)


def test_a_painted_file_is_a_picture_with_other_fills():
    """A layer without a value loses the colour of its kind; other boxes stay as they are."""
    graph, opened = trace(preset("resnet18")), frozenset({"stage2", "stage2.0"})
    found = values(graph, "params")
    scale = scale_of("params", [np.array([v for v in found.values() if v])])
    colours = colours_of(found, scale, dark=False)
    file = picture.standalone(graph, opened)
    before, after = boxes(file), boxes(painted(file, colours))
    seen = set()
    for node in walk(outline(graph, opened)):
        words, style = after[node.id]
        assert before[node.id] == (words - {"painted"}, None)
        is_layer, is_filled = "y" in words, node.id in colours and not node.children
        assert ("painted" in words) == is_filled
        fill = colours[node.id] if is_filled else PALETTES["light"]["paper"]
        assert ((style or "").startswith(f"fill:{fill};")) == (is_filled or is_layer)
        if node.children:
            assert style.startswith(f"stroke:{colours[node.id]};"), "an open card is a frame"
        else:
            assert (style is not None) == (is_filled or is_layer)
            seen.add((is_layer, is_filled))
    assert seen == {(layer, filled) for layer in (True, False) for filled in (True, False)}


def boxes(svg: str) -> dict[str, tuple[set[str], str | None]]:
    """Id -> classes of the node, style of its box."""
    found = {}
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        if id := group.get("data-id"):
            box = next(mark for mark in group if "b" in mark.get("class", "").split())
            found[id] = set(group.get("class").split()), box.get("style")
    return found


@pytest.mark.parametrize("key", QUANTITIES)
@pytest.mark.parametrize("dark", [False, True])
def test_a_legend_is_plain_svg_with_title_unit_and_ticks(key, dark):
    scale = scale_of(key, [np.array([0.0, 3.0, 40_000.0, np.inf])])
    text, height = legend_svg(scale, 300, dark)
    legend = ET.fromstring(f"<svg>{text}</svg>")
    words = [t.text for t in legend.iter("text")]
    row = QUANTITIES[key]
    assert words[0] == row.title and row.unit.startswith(words[1].rstrip("…"))
    assert {"exactly 0", "not finite", row.blank} <= set(words)
    assert {text for _, text in scale.ticks} <= set(words)
    assert all(float(r.get("x")) + float(r.get("width")) <= 300 for r in legend.iter("rect"))
    assert height >= max(float(t.get("y")) for t in legend.iter("text"))


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("params", 11_689_512, "11,689,512 parameters"),
        ("memory", 1_610_612_736, "1.5 GiB"),
        ("field", 483, "483×483 pixels"),
        ("weight_grad", 0.000012345, "1.2e-05"),
        ("weight_grad", 0, "exactly 0"),
        ("input_grad", math.nan, "not finite"),
    ],
)
def test_values_are_said_with_their_unit(key, value, text):
    assert QUANTITIES[key].text(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1000.0, "1000"), (0.02, "0.02"), (1e-7, "10⁻⁷"), (5e12, "5·10¹²")]
)
def test_ticks_are_powers_of_ten_where_they_are_far_from_one(value, text):
    assert QUANTITIES["weight_grad"].tick(value) == text
