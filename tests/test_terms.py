"""The terms of a block are arithmetic that adds up to what the graph counts."""

import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from nets import nets

from resnet_core.graph import trace
from resnet_core.presets import PRESETS, preset
from resnet_core.spec import SpecError
from resnet_core.terms import other, squares, terms


def computed(formula: str) -> Fraction:
    """A formula's value, by Python's own arithmetic: so that what is read is what is counted."""
    assert re.fullmatch(r"[\d·+/()]*", formula)
    exact = re.sub(r"(\d+)", r"Fraction(\1)", formula.replace("·", "*"))
    return eval(exact, {"Fraction": Fraction}) if formula else Fraction(0)


def check(net) -> None:
    graph = trace(net)
    for block in {block: block for block in graph.blocks}.values():
        found = terms(graph, block.path)
        ops = [op for op in graph.ops if op.path.startswith(f"{block.path}.")]
        assert sum(term.params for term in found) == sum(op.params for op in ops)
        assert sum(term.macs for term in found) == sum(op.macs for op in ops)
        for term in found:
            assert computed(term.formula) == term.params
            assert computed(term.macs_formula) == term.macs


@given(nets)
@settings(max_examples=60, deadline=None)
def test_the_terms_of_any_block_add_up_to_what_the_graph_counts(net):
    check(net)


@pytest.mark.parametrize("key", [key for key in PRESETS if "1202" not in key])
def test_the_terms_of_every_preset_add_up(key):
    check(preset(key))


def block_at(key: str, path: str):
    graph = trace(preset(key))
    return graph, next(block for block in graph.blocks if block.path == path)


def test_a_bottleneck_says_reduce_and_expand():
    graph, _ = block_at("resnet50", "stage1.1")
    said = [(t.letter, t.what, t.formula, t.params) for t in terms(graph, "stage1.1")]
    assert said == [  # He et al. 2015, table 1
        ("W1", "1×1 reduce", "256·64", 16_384),
        ("W2", "3×3", "64·64·9", 36_864),
        ("W3", "1×1 expand", "64·256", 16_384),
        ("", "batch norm", "2·(64+64+256)", 768),
    ]


def test_a_bottleneck_has_17_16_of_c_squared_where_a_basic_block_has_18():
    _, thin = block_at("resnet50", "stage1.1")
    assert squares(thin).parts == (Fraction(1, 4), Fraction(9, 16), Fraction(1, 4))
    assert squares(thin).total == Fraction(17, 16)
    assert sum(other(thin).weights) == 18 * 256**2 and other(thin).title == "basic"
    _, basic = block_at("resnet18", "stage1.1")
    assert squares(basic).total == 18
    assert Fraction(sum(other(basic).weights), 64**2) == Fraction(17, 16)


def test_a_block_that_changes_channels_is_no_multiple_of_one_square():
    assert squares(block_at("resnet50", "stage2.0")[1]) is None


def test_arms_are_counted_apart():
    graph, _ = block_at("se-resnet50", "stage2.0")
    arms = [term.arm for term in terms(graph, "stage2.0")]
    assert list(dict.fromkeys(arms)) == ["F", "attention", "shortcut"]
    graph, _ = block_at("resnet110-gated", "stage1.0")
    gate = [term for term in terms(graph, "stage1.0") if term.arm == "gate"]
    assert [(t.letter, t.formula) for t in gate] == [("Wg", "16·16"), ("bg", "16")]


def test_what_is_no_block_is_told():
    with pytest.raises(SpecError, match="Use a path such as"):
        terms(trace(preset("resnet20")), "stage1")
