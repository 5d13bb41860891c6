"""The mathematics of a block is that of its modules: letters, layers and shapes."""

import re

import pytest
from hypothesis import given, settings
from nets import nets

from resnet_core.equation import Line, equation, ops_of_block
from resnet_core.graph import trace
from resnet_core.presets import preset

PLAIN_WORDS = {"norm": "BN|GN", "pool": "mean|avg|blur", "drop": "drop|dropout", "zeropad": "pad"}


def plain(line: Line) -> str:
    """A line as text: without shapes, colours and braces."""
    text = re.sub(r"\\underset\{[^ ]*?\}\}?(?=\{)", "", line.value.replace(r"{\times}", "x"))
    text = re.sub(r"\\(mathrm|textcolor\{blue\}|left|right|!|,)", " ", text)
    text = text.replace(r"\odot", ".").replace("\\", "")
    return re.sub(r"\s+", " ", re.sub(r"[{}]", "", text)).strip()


def said(key: str, path: str) -> list[str]:
    lines = equation(trace(preset(key)), path)
    return [f"{re.sub('[{}]', '', line.name)} = {plain(line)}" for line in lines if line.value]


GOLDEN = {  # He et al. 2016, fig. 2 and 4; He et al. 2015, fig. 5
    ("resnet20", "stage1.0"): [
        "y = ReLU( F(x) + x)",
        "h_1 = ReLU( BN(W_1 * x))",
        "F(x) = BN(W_2 * h_1)",
    ],
    ("resnet50", "stage2.0"): [
        "y = ReLU( F(x) + BN(W_s x))",
        "h_1 = ReLU( BN(W_1 x))",
        "h_2 = ReLU( BN(W_2 * h_1))",
        "F(x) = BN(W_3 h_2)",
    ],
    ("preact164", "stage2.0"): [
        "y = F(x') + W_s x'",
        "x' = ReLU( BN(x))",
        "h_1 = ReLU( BN(W_1 x'))",
        "h_2 = ReLU( BN(W_2 * h_1))",
        "F(x') = W_3 h_2",
    ],
    ("resnet110-gated", "stage1.0"): [
        "y = ReLU(g . F(x) + ( 1 - g ) . x)",
        "h_1 = ReLU( BN(W_1 * x))",
        "F(x) = BN(W_2 * h_1)",
        "g = sigma(W_g x + b_g)",
    ],
    ("resnet110-act-before-add", "stage1.0"): [
        "y = ReLU(F(x)) + x",
        "h_1 = ReLU( BN(W_1 * x))",
        "F(x) = BN(W_2 * h_1)",
    ],
    ("resnet18-layer", "stage1.0"): [
        "y = ReLU( BN(W_2 * h_1) + h_1)",
        "h_1 = ReLU( BN(W_1 * x) + x)",
    ],
}


@pytest.mark.parametrize(("key", "path"), GOLDEN)
def test_a_block_of_the_literature_is_written_as_its_paper_has_it(key, path):
    found = [re.sub(r"\s", "", line) for line in said(key, path)]
    assert found == [re.sub(r"\s", "", line) for line in GOLDEN[key, path]]


@given(nets)
@settings(max_examples=60, deadline=None)
def test_every_layer_of_any_block_is_written_once(net):
    graph = trace(net)
    path = graph.blocks[-1].path
    lines, ops = equation(graph, path), ops_of_block(graph, path)
    written = " ".join(plain(line) for line in lines)
    for kind, words in PLAIN_WORDS.items():
        layers = [op for op in ops if op.kind == kind]
        assert len(re.findall(rf"\b({words})\(", written)) == len(layers)
    convs = [op for op in ops if op.kind == "conv"]
    assert len(re.findall(r"\bW_|\bw ", written)) == len(convs)


@given(nets)
@settings(max_examples=60, deadline=None)
def test_every_letter_is_explained_and_has_the_shape_of_its_value(net):
    graph = trace(net)
    for block in graph.blocks[:2]:
        y, x, *others = equation(graph, block.path)
        ops = ops_of_block(graph, block.path)
        assert (y.name, y.shape) == ("y", ops[-1].shape)
        assert (x.name, x.shape[0]) == ("x", block.in_channels)
        text = " ".join(line.value for line in (y, *others))
        names = {line.name for line in others}
        used = set(re.findall(r"h_\{\d\}|F\(x'?\)|x'(?!\))", text))
        assert used <= names and all(name in text for name in names)
        assert {line.shape for line in others} <= {op.shape for op in ops}
