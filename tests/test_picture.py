"""The picture: laws for any net opened anywhere, and names that try to be markup."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from drawings import (
    Drawn,
    axis_lines,
    check_texts,
    draw,
    enters,
    extent,
    groups,
    inside,
    is_covered,
    leaves,
    overlap,
    parsed,
    strokes,
)
from hypothesis import given, settings
from nets import one_stage, opened_graphs

from resnet_core import picture
from resnet_core.graph import trace, trace_to_mismatch
from resnet_core.picture import dot, openable, opened_for, standalone
from resnet_core.picture.layout import AXIS, Box
from resnet_core.picture.lettering import fit, text_width
from resnet_core.picture.outline import edges, outline, walk
from resnet_core.picture.sizes import closed_size
from resnet_core.picture.skips import SIGNS
from resnet_core.picture.style import PALETTES
from resnet_core.picture.ways import arcs
from resnet_core.presets import cifar, imagenet
from resnet_core.shortcuts import SHORTCUTS
from resnet_core.spec import NetSpec, StageSpec

HOSTILE = [
    "<script>alert(1)</script>",
    "\"'&lt;&",
    "</svg><b>",
    "<b>bold</b>",
    "\\N \\l",
    "אבג abc",
    "😀🧪",
]


def every_node_is_drawn_once_and_all_open_is_every_op(drawn: Drawn) -> None:
    ids = re.findall(r'data-id="([^"]*)"', drawn.picture.svg)
    assert len(ids) == len(set(ids))
    assert set(ids) == set(drawn.picture.nodes)
    everything = picture.draw(drawn.graph, openable(drawn.graph)["layers"])
    assert {op.path for op in drawn.graph.ops} <= set(everything.nodes)


def every_op_is_in_exactly_one_smallest_node(drawn: Drawn) -> None:
    inside = [op.path for node in drawn.leaves for op in node.ops]
    assert sorted(inside) == sorted(op.path for op in drawn.graph.ops)


def edges_are_those_of_the_graph(drawn: Drawn) -> None:
    graph = drawn.graph
    holder = {op.path: node.id for node in drawn.leaves for op in node.ops}
    between = {(holder[i], holder[op.path]) for op in graph.ops for i in op.inputs}
    assert set(edges(graph, drawn.outline)) == {pair for pair in between if pair[0] != pair[1]}
    everything = outline(graph, openable(graph)["layers"])
    assert set(edges(graph, everything)) == {(i, op.path) for op in graph.ops for i in op.inputs}


def boxes_nest_and_siblings_stay_apart(drawn: Drawn) -> None:
    boxes = drawn.picture.nodes
    page = Box(0, 0, drawn.picture.width, drawn.picture.height)
    assert all(inside(box, page) for box in boxes.values())
    for node in walk(drawn.outline):
        children = [boxes[child.id] for child in node.children]
        assert all(inside(box, boxes[node.id]) for box in children)
        assert not any(overlap(a, b) for a, b in combinations(children, 2))
    assert all(boxes[a.id].bottom < boxes[b.id].y for a, b in pairwise(drawn.outline))


def every_box_is_in_the_middle_of_the_main_path(drawn: Drawn) -> None:
    for node in walk(drawn.outline):
        x, width, _ = closed_size(node, drawn.view, drawn.graph.net.input_shape)
        assert x + width / 2 == AXIS


def every_edge_is_a_line_from_box_to_box(drawn: Drawn) -> None:
    axis, lines = axis_lines(drawn.picture.svg), drawn.strokes
    forks = {y for line in lines for x, y in line[:1] if x == AXIS}
    for tail, head in edges(drawn.graph, drawn.outline):
        a, b = drawn.picture.nodes[tail], drawn.picture.nodes[head]
        assert is_covered(a.bottom, b.y, axis) or any(
            leaves(line[0], a, axis, forks) and enters(line[-1], b) for line in lines
        ), (tail, head)


def lines_and_letters_keep_clear_of_layers(drawn: Drawn) -> None:
    boxes = [drawn.picture.nodes[node.id] for node in drawn.leaves]
    smaller = [Box(b.x + 2, b.y + 2, b.w - 4, b.h - 4) for b in boxes]
    for line in drawn.strokes:
        for (x1, y1), (x2, y2) in pairwise(line):
            piece = Box(min(x1, x2), min(y1, y2), abs(x2 - x1) + 1, abs(y2 - y1) + 1)
            assert not any(overlap(piece, box) for box in smaller), (line, piece)
    for text in parsed(drawn.picture.svg).findall("text"):  # those that belong to no node
        left, right = extent(text)
        around = Box(left, int(text.get("y")) - 9, right - left, 11)
        assert not any(overlap(around, box) for box in boxes), "".join(text.itertext())


def a_shortcut_swings_out_past_the_layers_and_enters_its_joint_from_the_side(drawn: Drawn) -> None:
    boxes = drawn.picture.nodes
    for block in walk(drawn.outline):
        ways = arcs(block)
        if block.kind == "block" and block.children:
            assert bool(ways) == any(block.skips)
        for way in ways:
            arc = drawn.groups[way.lane[0].id].find("path").get("d")
            start = re.match(rf"M{AXIS} (\d+)H(\d+)a", arc)
            joint = boxes[way.joint.id]
            layers = [boxes[c.id] for c in block.children if not c.on_shortcut]
            top = boxes[way.source].bottom if way.source else boxes[block.id].y
            skipped = [layer for layer in layers if top < layer.y < joint.y]
            assert top < int(start[1]) < skipped[0].y
            lane = [boxes[child.id] for child in way.lane]
            assert min(b.x + b.w // 2 for b in lane) > max(b.right for b in layers) + 8
            assert int(start[1]) < lane[0].y and lane[-1].bottom < joint.middle
            assert re.search(rf"H{joint.right + 4}m7-6", arc), "its arrow points left, at the joint"
            assert arc.count("V") == len(lane) + 1, "one line between any two pills"


def text_stays_in_its_frame(drawn: Drawn) -> None:
    check_texts(drawn.picture)


def plain_nets_have_no_arcs_and_residual_blocks_have_one_at_every_depth(drawn: Drawn) -> None:
    assert ('class="s' in drawn.picture.svg) == any(op.kind == "add" for op in drawn.graph.ops)
    for node in walk(drawn.outline):
        if node.kind in ("stage", "run", "block") and not node.children:
            paths = [path.get("class").split() for path in drawn.groups[node.id].iter("path")]
            assert any("s" in classes for classes in paths) == any(node.skips)


def the_same_net_gives_the_same_text(drawn: Drawn) -> None:
    assert picture.draw(drawn.graph, drawn.opened, drawn.view) == drawn.stacked
    assert dot(drawn.graph, drawn.opened) == dot(drawn.graph, drawn.opened)


def dot_has_the_same_nodes_and_edges(drawn: Drawn) -> None:
    graph, nodes = drawn.graph, outline(drawn.graph, drawn.opened)
    source = dot(graph, drawn.opened)
    for node in walk(nodes):
        assert f'"cluster_{node.id}"' in source or node.id in source
    assert source.count(" -> ") == len(edges(graph, nodes))
    assert (PALETTES["light"]["wrong"] in source) == bool(graph.broken)


#: of any net, opened and viewed anyhow
LAWS = (
    every_node_is_drawn_once_and_all_open_is_every_op,
    every_op_is_in_exactly_one_smallest_node,
    edges_are_those_of_the_graph,
    boxes_nest_and_siblings_stay_apart,
    every_box_is_in_the_middle_of_the_main_path,
    every_edge_is_a_line_from_box_to_box,
    lines_and_letters_keep_clear_of_layers,
    a_shortcut_swings_out_past_the_layers_and_enters_its_joint_from_the_side,
    text_stays_in_its_frame,
    plain_nets_have_no_arcs_and_residual_blocks_have_one_at_every_depth,
    the_same_net_gives_the_same_text,
    dot_has_the_same_nodes_and_edges,
)


@settings(max_examples=80, deadline=None)  # a busy machine may take its time
@given(opened_graphs())
def test_any_picture_keeps_the_laws(case):
    """To make and to draw a net takes longer than to look at it: each is looked at by all."""
    drawn = Drawn(*case)
    for law in LAWS:
        law(drawn)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("dark", [False, True])
def test_a_hostile_name_is_only_text(name, dark):
    graph = trace(replace(cifar(20), name=name))
    svg = standalone(graph, openable(graph)["layers"], dark=dark)
    root = ET.fromstring(svg)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "g", "rect", "circle", "path", "text", "tspan", "style", "title"}
    assert any(
        "".join(text.itertext()) == name for text in root.iter() if text.tag.endswith("}text")
    )
    for element in root.iter():
        assert not any("href" in key or key.startswith("on") for key in element.attrib)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_label_in_dot(name):
    source = dot(trace(replace(cifar(20), name=name)))
    label = next(line for line in source.splitlines() if "labelloc" in line)
    assert "label=<" not in label, "that would be markup"
    shown = re.search(r'label="((?:[^"\\]|\\.)*)"', label)[1]
    read = shown.replace('\\"', '"').replace("\\\\", "\\").replace("&amp;", "&")
    assert read == name and ("&" not in name or "&amp;" in shown)  # Graphviz reads entities


@pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz")
@pytest.mark.parametrize("name", HOSTILE)
def test_graphviz_reads_the_source(name):
    graph = trace(replace(cifar(20), name=name))
    source = dot(graph, openable(graph)["layers"])
    subprocess.run(["dot", "-Tsvg"], input=source.encode(), check=True, capture_output=True)


def test_a_long_run_of_equal_blocks_is_one_card():
    graph = trace(cifar(56))
    picture = draw(graph, frozenset({"stage1", "stage2"}))
    assert "stage2.2..8" in picture.nodes, "the first block of stage 2 is strided, so not equal"
    assert "stage1.1..8" in picture.nodes
    assert "Blocks 3–9" in picture.svg
    assert "stage2.5" in draw(graph, frozenset({"stage2", "stage2.2..8"})).nodes


def test_four_equal_blocks_are_shown_one_by_one():
    stages = (StageSpec(num_blocks=4, width=16),)
    graph = trace(NetSpec(name="four", stages=stages))
    assert {"stage1.0", "stage1.1", "stage1.2", "stage1.3"} <= set(
        draw(graph, frozenset({"stage1"})).nodes
    )


def test_a_projection_is_drawn_on_the_shortcut_and_a_pad_says_what_it_adds():
    graph = trace(imagenet(50))
    svg = draw(graph, frozenset({"stage2", "stage2.0"})).svg
    assert "1×1, /2" in "".join(groups(svg)["stage2.0.shortcut.conv"].itertext())
    svg = draw(trace(cifar(20)), frozenset({"stage2", "stage2.0"})).svg
    words = "".join(groups(svg)["stage2.0.shortcut"].itertext())
    assert "subsample" in words
    assert "+ 16 zeros" in words


OPEN = frozenset({"stage1", "stage1.0"})


def test_a_projection_leaves_after_the_first_norm_and_activation():
    """Full pre-activation projects what these give (He et al. 2016); an identity takes x."""
    picture = draw(trace(one_stage(shortcut="B", order="preact")), OPEN)
    arc = groups(picture.svg)["stage1.0.shortcut.conv"].find("path").get("d")
    fork, boxes = int(re.match(r"M\d+ (\d+)", arc)[1]), picture.nodes
    assert boxes["stage1.0.act"].bottom < fork < boxes["stage1.0.residual.conv1"].y
    picture = draw(trace(one_stage(shortcut="A", order="preact")), OPEN)
    arc = groups(picture.svg)["stage1.0.shortcut"].find("path").get("d")
    assert int(re.match(r"M\d+ (\d+)", arc)[1]) < picture.nodes["stage1.0.norm"].y


def test_many_pills_make_room_beside_a_short_f():
    """Pool, conv and norm beside one convolution: 108 px beside 28."""
    net = one_stage(block="composed", layers=((1, 32),), shortcut="D", order="norm-after-add")
    boxes = draw(trace(net), OPEN).nodes
    pills = [boxes[f"stage1.0.shortcut.{name}"] for name in ("pool", "conv", "norm")]
    assert boxes["stage1.0"].y + 32 < pills[0].y
    assert pills[-1].bottom < boxes["stage1.0.add"].middle - 8


def test_attention_is_one_card_of_f_that_opens():
    graph = trace(one_stage(attention="se"))
    card = "stage1.0.residual.attention"
    closed, opened = draw(graph, OPEN), draw(graph, OPEN | {card})
    assert "SE" in "".join(groups(closed.svg)[card].itertext())
    assert "3 SE basic blocks · 32 wide" in draw(graph).svg
    assert f"{card}.reduce" not in closed.nodes
    product, pool = opened.nodes[f"{card}.weigh"], opened.nodes[f"{card}.pool"]
    past = [line for line in strokes(opened.svg) if line[-1] == (product.x - 1, product.middle)]
    assert past and past[0][0][1] < pool.y and min(x for x, _ in past[0]) < pool.x


#: shortcut -> what its arc and its sum say in the block where the shape changes
SAID = {
    "none": ("", ""),
    "A": ("subsample+ 16 zeros32×16×16", "F(x) + x"),
    "B": ("1×1, /232×16×16batch norm", "F(x) + Wx"),
    "C": ("1×1, /232×16×16batch norm", "F(x) + Wx"),
    "D": ("pool 2×216×16×161×132×16×16batch norm", "F(x) + Wx"),
    "scaled": ("subsample+ 16 zeros32×16×16× 0.5", "F(x) / 2 + x / 2"),
    "gated": ("subsample+ 16 zeros32×16×16", "g·F(x) + (1−g)·x"),
    "gated-x": ("subsample+ 16 zeros32×16×16", "F(x) + (1−g)·x"),
    "dropout": ("subsample+ 16 zeros32×16×16dropout 0.5", "F(x) + dropout(x)"),
    "layer": ("1×1, /232×16×16batch normidentity", "F₂(x₁) + x₁"),
}


@pytest.mark.parametrize("shortcut", sorted(set(SHORTCUTS) - {"identity"}))
def test_each_shortcut_says_what_it_does(shortcut):
    graph = trace(one_stage(shortcut=shortcut))
    block = outline(graph, OPEN)[2].children[0]
    svg = draw(graph, OPEN).svg
    marks = groups(svg)
    lane = "".join("".join(marks[c.id].itertext()) for c in block.children if c.on_shortcut)
    sums = ["".join(text.itertext()) for text in parsed(svg).findall("text")]
    pills, total = SAID[shortcut]
    assert lane == pills and (total in sums or not total)


def test_each_sign_of_a_closed_shortcut_has_its_word():
    signs = {}
    for shortcut in sorted(set(SHORTCUTS) - {"identity"}):
        graph = trace(one_stage(shortcut=shortcut))
        signs[shortcut] = outline(graph)[2].skips[0]
        card = groups(draw(graph, frozenset({"stage1"})).svg)["stage1.0"]
        assert (SIGNS[signs[shortcut]].word if signs[shortcut] else "") in "".join(card.itertext())
    assert signs == {
        "none": "",
        "A": "zeropad",
        "B": "conv",
        "C": "conv",
        "D": "pooled",
        "gated": "gate",
        "gated-x": "gate-x",
        "scaled": "scale",
        "dropout": "dropout",
        "layer": "layers",
    }


def test_titles_are_those_of_the_papers():
    graph = trace(one_stage(norm="group", activation="silu"))
    words = {node.title for node in walk(outline(graph, openable(graph)["layers"]))}
    assert {"group norm", "SiLU", "conv 3×3", "global pool", "linear", "Stage 1"} <= words
    assert "batch norm" in draw(trace(imagenet(50)), frozenset({"stem"})).svg
    assert "max pool" in draw(trace(imagenet(50)), frozenset({"stem"})).svg


def test_a_composed_block_is_called_by_its_convolutions():
    graph = trace(one_stage(block="composed", layers=((3, 8), (1, 32))))
    assert "3 blocks of 3×3, 1×1 · 32 wide" in draw(graph).svg


def test_a_broken_addition_is_red_at_every_depth_and_says_both_shapes():
    graph = trace_to_mismatch(one_stage(shortcut="identity"))
    assert opened_for(graph) == OPEN
    for opened, card in ((frozenset(), "stage1"), ({"stage1"}, "stage1.0"), (OPEN, "stage1.0.add")):
        svg = draw(graph, frozenset(opened)).svg
        assert "broken" in groups(svg)[card].get("class").split()
        assert " r" in ET.tostring(groups(svg)[card], "unicode"), "its arc or its circle"
        assert "cannot be built" in svg and "10 classes" not in svg
    assert "F(x) 32×16×16" in svg and "x 16×32×32" in svg
    assert PALETTES["dark"]["wrong"] in standalone(graph, OPEN, dark=True)
    source = dot(graph, OPEN)
    assert "32×16×16 ≠ 16×32×32" in source and PALETTES["light"]["wrong"] in source


def test_a_net_that_is_whole_has_nothing_red():
    graph = trace(cifar(20))
    assert opened_for(graph) == frozenset()
    assert "broken" not in draw(graph, openable(graph)["layers"]).svg


def test_a_file_has_fixed_colours_only():
    svg = standalone(trace(cifar(20)), dark=True)
    assert "var(" not in svg
    assert PALETTES["dark"]["skip"] in svg
    assert PALETTES["light"]["skip"] not in svg


@pytest.mark.parametrize("text", ["", "Stage 2", "x" * 80, "中文" * 20, "e\u0301" * 30])
def test_fit_gives_what_has_room(text):
    assert text_width(fit(text, 100, 13), 13) <= 100
    assert fit(text, 10_000, 13) == text
