"""Whatever a browser reports, the page goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import events, stage_table
from resnet_core.graph import trace
from resnet_core.picture import openable
from resnet_core.presets import PRESETS

PLACES = stage_table.places(stage_table.draft_of(PRESETS["digits56"].net))
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
EDITS = st.fixed_dictionaries(
    {"action": st.sampled_from([*events.ACTIONS, "drop"]), "where": ANYTHING, "value": ANYTHING}
)


@given(ANYTHING | EDITS)
def test_anything_is_read_as_something_or_nothing(value):
    assert events.path(value) in (None, value)
    assert all(id in value for id in events.ids(value))
    assert events.stamp(value) >= 0
    found = events.edit(value, PLACES)
    assert found is None or all(isinstance(text, str) for text in found.values())


@pytest.mark.parametrize("key", ["digits56", "resnet1202", "se-resnet50", "resnet110-fixup"])
def test_every_id_of_a_net_is_one(key):
    graph = trace(PRESETS[key].net)
    known = [*openable(graph)["layers"], *(op.path for op in graph.ops)]
    assert events.ids(known[: events.MOST_IDS]) == frozenset(known[: events.MOST_IDS])


@pytest.mark.parametrize(
    "value",
    ["", "stage1.0..2000000000", "a" * 200, "stage1.0\n", "<b>", "stage1.", 3, ["stage1"], {}],
)
def test_what_is_no_path_selects_nothing(value):
    assert events.path(value) is None


@pytest.mark.parametrize(
    ("where", "action"),
    [
        ("stage9.width", "set"),
        ("stage0.width", "set"),
        ("nothing", "remove"),
        ("stage1.a.b", "cycle"),
    ],
)
def test_an_edit_of_what_the_net_has_not_is_none(where, action):
    assert events.edit({"action": action, "where": where, "value": "1"}, PLACES) is None


def test_an_edit_is_read():
    edit = {"action": "set", "where": "stage3.num_blocks", "value": "10"}
    assert events.edit(edit | {"more": 1}, PLACES) == edit
    assert events.edit({**edit, "where": "input_shape.channels"}, PLACES)
    assert events.edit({**edit, "action": "remove", "where": "stage1"}, PLACES)
