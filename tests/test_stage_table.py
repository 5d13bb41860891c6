"""The form shows a draft that may be wrong, and an edit changes one thing."""

import json

import pytest
from hypothesis import given, settings
from nets import any_nets

from explorer.stage_table import COLUMNS, FIELDS, draft_of, form, with_edit
from resnet_core.presets import cifar
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
        for cell in stage["cells"]:
            draft = with_edit(draft, edit(cell["where"], cell["value"]))
    assert NetSpec.from_dict(draft) == net


@pytest.mark.parametrize("field", COLUMNS)
def test_an_edit_of_a_cell_changes_that_cell_alone(field):
    before = draft_of(cifar(20))
    after = with_edit(before, edit(f"stage2.{field}", "3"))
    assert after["stages"][1].pop(field) == 3
    before["stages"][1].pop(field)
    assert after == before


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
