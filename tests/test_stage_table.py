"""The form shows a draft that may be wrong, and an edit changes one thing."""

import json

import pytest
from hypothesis import given, settings
from nets import any_nets

from explorer.stage_table import COLUMNS, FIELDS, draft_of, form, with_edit
from resnet_core.blocks import BLOCKS
from resnet_core.layers import ATTENTIONS
from resnet_core.presets import cifar, imagenet, preset
from resnet_core.resolve import TABLES, blocks_of
from resnet_core.shortcuts import SHORTCUTS
from resnet_core.spec import NetSpec, SpecError


def edit(where: str, value: object, action: str = "set") -> dict:
    return {"action": action, "where": where, "value": str(value)}


@settings(max_examples=50)
@given(any_nets)
def test_a_form_of_any_net_gives_the_net_back(net):
    draft = draft_of(net)
    for field in form(draft, None, None)["fields"]:
        draft = with_edit(draft, edit(field["where"], field["value"]))
    for stage in form(draft, None, None)["stages"]:
        for cell in stage["cells"] + stage["more"]:
            draft = with_edit(draft, edit(cell["where"], cell["value"]))
    assert NetSpec.from_dict(draft) == net


@pytest.mark.parametrize("field", [field for field in COLUMNS if field != "layers"])
def test_an_edit_of_a_cell_changes_that_cell_alone(field):
    before = draft_of(cifar(20))
    after = with_edit(before, edit(f"stage2.{field}", "3"))
    assert after["stages"][1].pop(field) == 3
    before["stages"][1].pop(field)
    assert after == before


def stage_after(*edits: tuple[str, str]) -> dict:
    draft = draft_of(imagenet(50))
    for field, value in edits:
        draft = with_edit(draft, edit(f"stage1.{field}", value))
    return draft["stages"][0]


def test_an_F_of_ones_own_begins_as_the_F_that_was_there():
    row = stage_after(("block", "composed"))
    assert (row["layers"], row["width"]) == ([[1, 64], [3, 64], [1, 256]], 256)
    row = stage_after(("base_width", "128"), ("block", "composed"))
    assert (row["layers"][1], row["base_width"]) == ([3, 128], 64)


@pytest.mark.parametrize(
    "text", ["1x8, 3×16 5*32", "1×8,3×16,5×32", "1x8; 3x16 · 5x32", "1 X 8, 3 x 16 5×32"]
)
def test_convolutions_are_typed_as_they_are_written(text):
    row = stage_after(("block", "composed"), ("layers", text))
    assert (row["layers"], row["width"]) == ([[1, 8], [3, 16], [5, 32]], 32)


def test_the_last_convolution_puts_out_the_stages_width():
    row = stage_after(("block", "composed"), ("width", "96"))
    assert row["layers"] == [[1, 64], [3, 64], [1, 96]]


@pytest.mark.parametrize("text", ["3", "", "3x", "axb", "3×-4", "3×1e9", "3×0", "2×8", "3×9999999"])
def test_convolutions_that_cannot_be_read_stay_as_typed(text):
    draft = with_edit(draft_of(cifar(20)), edit("stage2.block", "composed"))
    draft = with_edit(draft, edit("stage2.layers", text))
    with pytest.raises(SpecError) as caught:
        blocks_of(NetSpec.from_dict(draft))
    shown = form(draft, caught.value, None)
    assert shown["marked"] == "stage2.layers"
    cell = next(c for c in shown["stages"][1]["more"] if c["where"] == "stage2.layers")
    assert cell["value"] == text and draft["stages"][1]["width"] == 32


def test_a_block_without_groups_has_none():
    row = stage_after(("cardinality", "32"), ("base_width", "4"), ("block", "basic"))
    assert (row["cardinality"], row["base_width"], row["layers"]) == (1, 64, [])


def test_what_few_nets_need_is_folded_away_until_it_says_something():
    usual, resnext = (
        form(draft_of(preset(key)), None, None) for key in ("resnet50", "resnext50-32x4d")
    )
    assert not usual["is_special"] and not any(s["is_special"] for s in usual["stages"])
    assert all(s["is_special"] for s in resnext["stages"])
    assert form(draft_of(preset("resnetv2-50")), None, None)["is_special"]


def test_every_field_can_be_read_and_named():
    shown = {field["where"]: field for field in form(draft_of(cifar(20)), None, None)["fields"]}
    assert shown.keys() == FIELDS.keys()
    assert all(field["name"] and field["help"] for field in shown.values())


def test_an_input_need_not_be_square():
    draft = with_edit(draft_of(cifar(20)), edit("size", "32x48"))
    assert NetSpec.from_dict(draft).input_shape == (3, 32, 48)
    assert form(draft, None, None)["fields"][0]["value"] == "32×48"


def test_stages_are_added_below_and_removed():
    draft = with_edit(draft_of(cifar(20)), edit("stage2", "", "add"))
    assert [(s["width"], s["stride"]) for s in draft["stages"]] == [
        (16, 1),
        (32, 2),
        (32, 1),
        (64, 2),
    ]
    draft = with_edit(draft, edit("stage1", "", "remove"))
    assert [s["width"] for s in draft["stages"]] == [32, 32, 64]


@pytest.mark.parametrize("typed", ["0", "-3", "abc", "", "9" * 30, "1.5", "<b>"])
def test_what_was_typed_stays_and_its_cell_is_marked(typed):
    draft = with_edit(draft_of(cifar(20)), edit("stage2.width", typed))
    with pytest.raises(SpecError) as caught:
        NetSpec.from_dict(draft)
    shown = form(draft, caught.value, None)
    assert shown["marked"] == "stage2.width"
    assert str(shown["stages"][1]["cells"][2]["value"]) == typed


def test_a_mistake_in_a_block_marks_the_cell_of_its_stage():
    shown = form(draft_of(cifar(20)), SpecError("stage2.0.shortcut", "a", "b"), "stage2.1.conv1")
    assert (shown["marked"], shown["selected"]) == ("stage2.shortcut", "stage2")


def test_the_form_is_json():
    assert json.loads(json.dumps(form(draft_of(cifar(20)), None, None)))


MENUS = {**TABLES, "block": BLOCKS, "shortcut": SHORTCUTS, "attention": ATTENTIONS}


@pytest.mark.parametrize(
    ("field", "key"), [(f, key) for f, table in MENUS.items() for key in table]
)
def test_every_row_of_every_table_is_offered_and_explained(field, key):
    asked, row = {**FIELDS, **COLUMNS}[field], MENUS[field][key]
    assert [key, row.title] in [option[:2] for option in asked["options"]]
    assert f"{row.title}: {row.what}" in asked["help"].splitlines()
