"""A packed scene: what a browser stacks from its lists is what Python draws for a file."""

import json
import re

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from nets import opened_graphs

from resnet_core.graph import trace
from resnet_core.picture import draw, openable, packed, scene
from resnet_core.presets import cifar, preset

#: a busy machine may take its time, and shrinks deep nets for minutes: as found will do
LAW = settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
PATH, NUMBER = "\ue000", "\ue001"


def stacked(lists: dict, card: list, opened: frozenset[str]) -> tuple[str, int]:
    """SVG and height of a packed card, by the rule of explorer/components/diagram_stack.js."""
    states, _, path, number, *more = card

    def named(text: str) -> str:
        return text.replace(PATH, path).replace(NUMBER, number)

    of = lists["states"][states]
    state = max(i for i, (needs, _) in enumerate(of) if {*map(named, needs)} <= opened)
    svg, height = lists["pieces"][of[state][1]]
    below, children = more if more and state else (None, ())
    marks, y = [], height
    for child in children:
        room, lead = lists["edges"][child[1]]
        y += room
        inner, inner_height = stacked(lists, child, opened)
        marks.append(f'<g transform="translate(0 {y})">{lead}{inner}</g>')
        y += inner_height
    if children:
        room, tail = lists["edges"][below]
        marks.append(f'<g transform="translate(0 {y})">{tail}</g>')
        y += room
        svg = svg.replace('height="0"', f'height="{y}"', 1)
    return named(svg) + "".join(marks), y


def cards(card: list):
    yield card
    for child in card[5] if len(card) > 4 else ():
        yield from cards(child)


def ids_needed(lists: dict) -> set[str]:
    return {
        id.replace(PATH, card[2])
        for card in cards(lists["card"])
        for needs, _ in lists["states"][card[0]]
        for id in needs
    }


@LAW
@given(opened_graphs())
def test_what_a_browser_stacks_is_the_picture(case):
    graph, opened, view = case
    lists = json.loads(json.dumps(packed(scene(graph, view))))  # as it arrives
    svg, height = stacked(lists, lists["card"], opened)
    picture = draw(graph, opened, view)
    assert height == picture.height
    assert svg == picture.svg
    ids = re.findall(r'data-id="([^"]*)"', svg)
    assert len(ids) == len(set(ids))
    assert set(ids) == set(picture.nodes)


@LAW
@given(opened_graphs())
def test_the_ids_that_a_browser_can_open_are_those_that_can_be_opened(case):
    graph, _, view = case
    assert ids_needed(packed(scene(graph, view))) == openable(graph)["layers"]


@LAW
@given(opened_graphs())
def test_nothing_is_written_twice_or_in_vain(case):
    graph, _, view = case
    lists = packed(scene(graph, view))
    for name in ("pieces", "states", "edges"):
        assert len({json.dumps(row) for row in lists[name]}) == len(lists[name])
    used = list(cards(lists["card"]))
    assert {card[0] for card in used} == set(range(len(lists["states"])))
    edges = {place for card in used for place in (card[1], *card[4:5])}
    assert edges == set(range(len(lists["edges"])))
    pieces = {piece for states in lists["states"] for _, piece in states}
    assert pieces == set(range(len(lists["pieces"])))


@given(st.integers(5, 40))
@settings(max_examples=5, deadline=None)
def test_equal_blocks_share_one_entry(blocks):
    """A CIFAR net has 3 stages whose first block differs from the others but in the first stage."""
    lists = packed(scene(trace(cifar(6 * blocks + 2))))
    of_blocks = [card for card in cards(lists["card"]) if re.fullmatch(r"stage\d\.\d+", card[2])]
    assert len(of_blocks) == 3 * blocks
    assert len({card[0] for card in of_blocks}) == 5


@pytest.mark.parametrize(
    ("key", "most"), [("resnet1202", 100_000), ("resnet152", 120_000)], ids=str
)
def test_a_deep_net_is_sent_in_few_bytes(key, most):
    graph = trace(preset(key))
    sent = json.dumps(packed(scene(graph))).encode()
    assert len(sent) < most
    whole = draw(graph, openable(graph)["layers"]).svg
    assert whole.count('data-id="') > len(graph.ops) - 2  # all of it is in there
