"""Signs of shortcuts, folded convolutions and boxes to scale: what a reader tells apart."""

import re
import xml.etree.ElementTree as ET
from itertools import combinations

import pytest
from drawings import check_texts, groups
from hypothesis import given, settings
from nets import LARGEST, one_stage, opened_graphs

from resnet_core.blocks import ORDERS
from resnet_core.graph import trace, trace_to_mismatch
from resnet_core.picture import View, dot, draw, openable
from resnet_core.picture.outline import outline, walk
from resnet_core.picture.sizes import closed_size
from resnet_core.picture.skips import SIGNS, in_words, sign
from resnet_core.presets import cifar, imagenet, preset
from resnet_core.shortcuts import SHORTCUTS
from resnet_core.spec import NetSpec, StageSpec

FOLDS, TO_SCALE = View(folds=True), View(to_scale=True)
STAGE, BLOCK = frozenset({"stage1"}), frozenset({"stage1", "stage1.0"})
#: shortcuts that differ in what they are; B and C only in where
KINDS = ("A", "B", "D", "scaled", "gated", "gated-x", "dropout", "layer")


def signs(svg: str) -> list[str]:
    """Outlines of the signs in a drawing, in order."""
    return re.findall(r'<path class="i[^"]*" transform="[^"]*" d="([^"]*)"', svg)


def card(svg: str, id: str) -> str:
    return ET.tostring(groups(svg)[id], "unicode")


def folded(graph, opened=None):
    return outline(graph, openable(graph)["layers"] if opened is None else opened, FOLDS)


@pytest.mark.parametrize("key", SIGNS)
def test_only_an_identity_has_no_sign_and_each_sign_is_its_own(key):
    assert bool(sign(key, 0, 0)) == (key != "identity")
    others = [other.d for name, other in SIGNS.items() if name != key]
    assert SIGNS[key].d not in others


@pytest.mark.parametrize(
    ("opened", "id"), [(frozenset(), "stage1"), (STAGE, "stage1.0"), (BLOCK, "block")]
)
def test_each_kind_is_told_from_all_others_at_every_depth(opened, id):
    """By what is drawn: in an open block these are the signs on its pills and its joint."""
    drawn = {}
    for shortcut in (*KINDS, "none"):
        svg = draw(trace(one_stage(shortcut=shortcut)), opened).svg
        drawn[shortcut] = signs(svg) if id == "block" else card(svg, id)
        if id == "block":
            drawn[shortcut].append(str(svg.count('class="n add')))  # two around two layers
    for a, b in combinations(drawn, 2):
        assert drawn[a] != drawn[b], (a, b)


def test_a_stage_shows_that_only_its_first_block_projects():
    svg = draw(trace(one_stage(shortcut="B", num_blocks=3))).svg
    marks = card(svg, "stage1")
    assert marks.count("a9 9") == 3, "one small arc for each block"
    assert signs(marks.replace("ns0:", "")) == [SIGNS["conv"].d]
    svg = draw(trace(one_stage(shortcut="C", num_blocks=3))).svg
    assert signs(card(svg, "stage1")) == [SIGNS["conv"].d] * 3


def test_a_long_stage_shows_its_first_and_its_last_block():
    assert signs(card(draw(trace(cifar(56))).svg, "stage2")) == [SIGNS["zeropad"].d]
    assert signs(card(draw(trace(cifar(56))).svg, "stage1")) == []
    net = preset("resnet110-gated")
    assert signs(card(draw(trace(net)).svg, "stage2")) == [SIGNS["gate"].d] * 2


def test_dropout_is_a_broken_line_and_a_mistake_is_red():
    assert 'class="s z gap"' in draw(trace(one_stage(shortcut="dropout"))).svg
    assert "gap" not in draw(trace(one_stage(shortcut="B"))).svg
    svg = draw(trace_to_mismatch(one_stage(shortcut="identity"))).svg
    assert 'class="i r"' in card(svg, "stage1")


def test_shortcuts_in_words():
    assert in_words(("zeropad", "identity", "identity")) == "1 × zero-pad, 2 × identity"
    assert in_words(("gate",)) == "gate"
    assert in_words(("", "")) == ""
    label = groups(draw(trace(cifar(20))).svg)["stage2"].get("aria-label")
    assert "shortcuts: 1 × zero-pad, 2 × identity" in label


def test_the_shortcut_says_its_shape_where_it_changes_and_x_says_its_own():
    svg = draw(trace(one_stage(shortcut="B")), BLOCK).svg
    assert "32×16×16" in "".join(groups(svg)["stage1.0.shortcut.conv"].itertext())
    assert "32×16×16" not in "".join(groups(svg)["stage1.0.shortcut.norm"].itertext())
    free = [t.text for t in ET.fromstring(f"<svg>{svg}</svg>").iter("text")]
    assert free.count("16×32×32") == 2, "into the stage, and where x forks off"


@settings(max_examples=60, deadline=None)
@given(opened_graphs())
def test_a_folded_box_is_one_convolution_in_a_row_that_nothing_leaves_half_way(case):
    graph, *_ = case
    taken = [i for op in graph.ops for i in op.inputs]
    for node in walk(folded(graph)):
        if node.children or node.can_open or len(node.ops) == 1:
            continue
        kinds = [op.kind for op in node.ops]
        assert kinds.count("conv") == 1 and set(kinds) <= {"conv", "norm", "act"}
        assert (node.kind, node.id) == ("conv", node.layer.path)
        for before, after in zip(node.ops, node.ops[1:], strict=False):
            assert after.inputs == (before.path,)
            assert taken.count(before.path) == 1


@pytest.mark.parametrize("view", [View(), FOLDS, TO_SCALE, View(True, True)])
@pytest.mark.parametrize("level", ["net", "stages", "blocks", "layers"])
def test_the_largest_numbers_find_room(level, view):
    graph = trace(LARGEST)
    opened = openable(graph)[level]
    if level == "layers":
        opened -= {id for id in opened if ".." in id or id > "stage2.1"}
    check_texts(draw(graph, opened, view))


@pytest.mark.parametrize("order", ORDERS)
def test_a_net_folds_as_its_order_says(order):
    """He et al. 2016, fig. 4: norm and activation behind each convolution, or before it."""
    graph = trace(one_stage(shortcut="A", order=order))
    block = folded(graph, frozenset({"stage1", "stage1.1"}))[2].children[1]
    assert block.id == "stage1.1"
    assert [" ".join(op.kind for op in n.ops) for n in block.children] == FOLDED[order]


#: order -> the boxes of a basic block
FOLDED = {
    "original": ["conv norm act", "conv norm", "identity", "add", "act"],
    "norm-after-add": ["conv norm act", "conv", "identity", "add", "norm", "act"],
    "act-before-add": ["conv norm act", "conv norm act", "identity", "add"],
    "act-first": ["act conv norm", "act conv norm", "identity", "add"],
    "preact": ["norm act conv", "norm act conv", "identity", "add"],
}


def test_a_fold_ends_where_a_projection_leaves():
    """A pre-activation net projects what norm and activation give: they stand alone there."""
    graph = trace(one_stage(shortcut="B", order="preact"))
    block = folded(graph, BLOCK)[2].children[0]
    kinds = [" ".join(op.kind for op in node.ops) for node in block.children]
    assert kinds == ["norm", "act", "conv", "norm act conv", "conv", "add"]


def test_readers_see_where_the_batch_norm_is():
    svg = draw(trace(cifar(20)), BLOCK, FOLDS).svg
    box = groups(svg)["stage1.0.residual.conv1"]
    assert [t.text for t in box.iter("text")] == ["conv 3×3", "16", "BN", "ReLU"]
    assert "behind it: batch norm, ReLU" in box.get("aria-label")
    assert box.get("data-holds") == "stage1.0.residual.norm1 stage1.0.residual.act1"
    third = groups(draw(trace(cifar(20)), BLOCK | {"stage1.2"}, FOLDS).svg)
    held = third["stage1.2.residual.conv1"].get("data-holds")
    assert held == "stage1.2.residual.norm1 stage1.2.residual.act1", "drawn once for equal blocks"
    assert box.get("aria-label").endswith("parameters: 2,336; MACs: 2,359,296")


def sized(graph, id, view=TO_SCALE):
    nodes = walk(outline(graph, openable(graph)["layers"], view))
    node = next(n for n in nodes if n.id == id)
    return closed_size(node, view, graph.net.input_shape)


def test_more_channels_are_higher_and_fewer_pixels_narrower():
    graph = trace(imagenet(50))
    boxes = [sized(graph, f"stage{n}.0.residual.norm3") for n in (1, 2, 3, 4)]
    assert [h for _, _, h in boxes] == sorted({h for _, _, h in boxes})
    assert [w for _, w, _ in boxes] == sorted({w for _, w, _ in boxes}, reverse=True)
    assert sized(graph, "stage1.0.residual.norm3", View())[1:] == (152, 28)


def test_a_picture_can_fade_all_that_a_plain_net_lacks():
    """What a plain block has is left when everything that `.ghost` fades is taken away."""
    skip = {"skip", "s", "o", "q", "i", "k"}
    for shortcut in SHORTCUTS:
        if shortcut in ("none", "identity"):
            continue
        root = ET.fromstring(f"<svg>{draw(trace(one_stage(shortcut=shortcut)), BLOCK).svg}</svg>")
        for parent in list(root.iter()):
            for child in list(parent):
                if skip & set(child.get("class", "").split()):
                    parent.remove(child)
        left = {g.get("data-id") for g in root.iter("g")} - {None}
        plain = draw(trace(one_stage(shortcut="none")), BLOCK).nodes
        assert left == set(plain)
        assert "+" not in "".join(root.itertext())
        assert root.iter("path") and any(
            p.get("class") == "through e" for p in root.iter("path")
        ), "the main path runs on"


def test_dot_tells_kinds_of_shortcuts_at_every_depth():
    graph = trace(one_stage(shortcut="dropout"))
    assert "3 × dropout" in dot(graph)
    assert "style=dashed" in dot(graph, BLOCK) and "style=dashed" not in dot(graph, STAGE)
    assert '"stage1.0.add" [label="+\\n32×16×16"' in dot(graph, BLOCK)
    assert dot(graph, BLOCK).count("shape=circle") == 1
    assert "1 × zero-pad, 2 × identity" in dot(trace(one_stage(shortcut="A")))
    assert "batch norm · ReLU" in dot(trace(cifar(20)), BLOCK, FOLDS)


def test_a_narrow_deep_stage_has_room_for_its_lines():
    stages = (StageSpec(num_blocks=40, width=4096, stride=2, block="bottleneck", shortcut="D"),) * 5
    graph = trace(NetSpec(name="deep", input_shape=(3, 512, 512), stages=stages))
    check_texts(draw(graph, frozenset(), TO_SCALE))
    check_texts(draw(graph, openable(graph)["stages"], TO_SCALE))
