"""How the picture is looked at, in words of the URL and back."""

from dataclasses import replace
from functools import cache

import pytest
from app_pages import after, opened
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.look import MAX_OPEN, SWITCHES, TWINS, WORDS, Look
from resnet_core.graph import LayerGraph, trace
from resnet_core.picture import View, openable
from resnet_core.picture.quantities import QUANTITIES
from resnet_core.presets import cifar, preset

LAW = settings(max_examples=60, deadline=None)


@cache
def graph() -> LayerGraph:
    return trace(cifar(56))


@st.composite
def looks(draw):
    return Look(
        opened=frozenset(draw(st.sets(st.sampled_from(sorted(openable(graph())["layers"]))))),
        view=View(**{name: draw(st.booleans()) for name in SWITCHES}),
        twin=draw(st.sampled_from(TWINS)),
        colour=draw(st.sampled_from([None, *QUANTITIES])),
        as_dot=draw(st.booleans()),
    )


@LAW
@given(looks())
def test_a_look_survives_the_url(look):
    assert Look.of(look.words(graph()), graph()) == look


def test_the_usual_look_adds_nothing_to_the_url():
    assert Look().words(graph()) == {}
    assert Look.of({}, graph()) == Look()


@pytest.mark.parametrize("level", ["stages", "blocks", "layers"])
def test_a_level_is_one_word_whatever_the_net(level):
    for key in ("resnet56", "resnet152"):
        net = trace(preset(key))
        look = Look(opened=openable(net)[level])
        assert look.words(net) == {"open": level}
        assert Look.of({"open": level}, net) == look


def test_where_no_blocks_are_folded_the_deeper_name_of_a_level_is_said():
    net = trace(preset("resnet18"))
    assert openable(net)["stages"] == openable(net)["blocks"]
    assert Look(opened=openable(net)["stages"]).words(net) == {"open": "blocks"}


def test_no_link_opens_all_layers_of_a_net_that_no_browser_could_draw():
    net = trace(preset("resnet1202"))
    assert Look.of({"open": "layers"}, net).opened == openable(net)["blocks"]


def longer(net):
    first, second, *rest = net.net.stages
    return trace(replace(net.net, stages=(first, replace(second, num_blocks=10), *rest)))


@pytest.mark.parametrize("level", ["net", "stages", "blocks", "layers"])
def test_a_level_stays_one_when_the_net_is_edited(level):
    look = Look(opened=openable(graph())[level])
    assert look.carried(graph(), longer(graph())).opened == openable(longer(graph()))[level]


def test_an_open_run_of_blocks_stays_open_when_it_grows():
    look = Look(opened=frozenset({"stage2", "stage2.2..8", "stage1.0"}))
    carried = look.carried(graph(), longer(graph()))
    assert carried.opened == {"stage2", "stage2.2..9", "stage1.0"}
    assert carried.carried(longer(graph()), graph()) == look


def test_switches_share_one_word():
    look = Look(view=View(folds=True), twin="both", as_dot=True, colour="macs")
    assert look.words(graph()) == {"look": "folds,both,dot", "colour": "macs"}


@LAW
@given(st.dictionaries(st.sampled_from(WORDS), st.text(max_size=80)))
def test_any_words_are_read_without_a_complaint(words):
    look = Look.of(words, graph())
    assert Look.of(look.words(graph()), graph()) == look


@pytest.mark.parametrize("id", ["stage1", "stage2.0", "stage2.1..8", "stage1.0.residual.attention"])
def test_ids_are_told_from_anything_else(id):
    hostile = ["<b>", "stage1;drop", "../x", "stage1..", "1", "", "stage1 stem"]
    assert Look.of({"open": ",".join([id, *hostile])}, graph()).opened == {id}


def test_a_url_stays_short():
    net = trace(preset("resnet1202"))
    blocks = sorted(block.path for block in net.blocks)
    look = Look(opened=frozenset(blocks), twin="both")
    assert look.words(net) == {"look": "both"}  # too many to name, and no level
    assert sum(map(len, blocks)) > MAX_OPEN
    most = Look.of({"open": ",".join(blocks)}, net).opened
    assert 0 < len(most) < len(blocks)


def test_a_click_with_the_address_from_before_the_last_one_takes_nothing_back():
    """The browser sends each click with the address that it has; an answer may be on its way."""
    stale = "import streamlit as st; st.query_params.clear()"
    click = "state.SS.diagram = SimpleNamespace(selected='stage1'); state.select_in_diagram()"
    opens = "state.look_at(opened=frozenset({'stage3'}))"
    app = after(
        opened(),
        f"from types import SimpleNamespace; {opens}; {stale}; {click}; state.begin()",
    )
    assert app.session_state.look.opened == {"stage3"}
    assert app.session_state.selected == "stage1"
