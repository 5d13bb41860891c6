"""The picture: laws for any net opened anywhere, and names that try to be markup."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import combinations, pairwise
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import nets

from resnet_core.graph import LayerGraph, Op, trace
from resnet_core.picture import Picture, dot, draw, openable, standalone
from resnet_core.picture.layout import AXIS, Box, layout
from resnet_core.picture.lettering import fit, text_width
from resnet_core.picture.outline import outline, walk
from resnet_core.picture.style import PALETTES
from resnet_core.presets import cifar, imagenet
from resnet_core.spec import NetSpec, StageSpec

LAW = settings(max_examples=40, deadline=None)  # a busy machine may take its time
LARGEST = NetSpec(
    name="W" * 80,
    input_shape=(1024, 2048, 2048),
    stem_width=8192,
    num_classes=100_000,
    stages=(
        StageSpec(num_blocks=2, width=4096, stride=4, block="bottleneck", shortcut="C"),
        StageSpec(num_blocks=1000, width=8192, stride=4, block="bottleneck", shortcut="C"),
        StageSpec(num_blocks=6, width=8192, stride=4, shortcut="B"),
    ),
)
SIZES = {"t": (15, True), "u": (14, True), "l": (13, False)}  # class -> font, as in style.SHEET
HOSTILE = [
    "<script>alert(1)</script>",
    "\"'&lt;&",
    "</svg><b>",
    "<b>bold</b>",
    "\\N \\l",
    "אבג abc",
    "😀🧪",
]


@st.composite
def opened_graphs(draw_from):
    """A small net, long enough to fold, with any of its cards opened."""
    net = draw_from(nets)
    first = net.stages[0]
    if draw_from(st.booleans()):
        longer = replace(first, num_blocks=draw_from(st.integers(5, 9)))
        net = replace(net, stages=(longer, *net.stages[1:]))
    graph = trace(net)
    everything = sorted(openable(graph)["layers"])
    opened = draw_from(st.sets(st.sampled_from(everything)))
    return graph, frozenset(everything) if draw_from(st.booleans()) else frozenset(opened)


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(f"<svg>{svg}</svg>")


def groups(svg: str) -> dict[str, ET.Element]:
    return {g.get("data-id"): g for g in parsed(svg).iter("g")}


def extent(text: ET.Element) -> tuple[int, int]:
    """Left and right end of a text by the width table."""
    size, bold = next((SIZES[c] for c in text.get("class", "").split() if c in SIZES), (12, False))
    width = text_width("".join(text.itertext()), size, bold)
    x = int(text.get("x"))
    left = {"end": x - width, "middle": x - width // 2}.get(text.get("text-anchor"), x)
    return left, left + width


def box_of(rect: ET.Element) -> Box:
    return Box(*(int(rect.get(name)) for name in ("x", "y", "width", "height")))


def inside(inner: Box, outer: Box) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.right <= outer.right
        and inner.bottom <= outer.bottom
    )


def overlap(a: Box, b: Box) -> bool:
    return a.x < b.right and b.x < a.right and a.y < b.bottom and b.y < a.bottom


def axis_lines(svg: str) -> list[tuple[int, int]]:
    """The pieces of the main path that are drawn: from y, to y."""
    ends = re.findall(rf"M{AXIS} (\d+)V(\d+)", svg)
    return sorted((int(start), int(end)) for start, end in ends)


def is_covered(start: int, end: int, lines: list[tuple[int, int]]) -> bool:
    """Whether the lines lead from `start` to `end` without a gap."""
    for low, high in lines:
        if low <= start < high:
            start = high
    return start >= end - 1  # an arrow's head ends a pixel above its box


def check_texts(picture: Picture) -> None:
    """Every text is inside a frame of its own node, open headers leave the main path free."""
    for id, group in groups(picture.svg).items():
        frames = [box_of(rect) for rect in group.iter("rect")]
        for text in group.iter("text"):
            left, right = extent(text)
            y = int(text.get("y"))
            assert any(
                f.x <= left and right <= f.right and f.y < y - 6 and y <= f.bottom for f in frames
            ), (id, "".join(text.itertext()))
        if group.get("aria-expanded") == "true":
            assert not any(extent(t)[0] < AXIS < extent(t)[1] for t in group.iter("text"))
    for text in parsed(picture.svg).iter("text"):
        assert extent(text)[0] >= 0
        assert extent(text)[1] <= picture.width


@LAW
@given(opened_graphs())
def test_every_node_is_drawn_once_and_all_open_is_every_op(case):
    graph, opened = case
    picture = draw(graph, opened)
    drawn = re.findall(r'data-id="([^"]*)"', picture.svg)
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == set(picture.nodes)
    everything = draw(graph, openable(graph)["layers"])
    assert {op.path for op in graph.ops} <= set(everything.nodes)


@LAW
@given(opened_graphs())
def test_every_op_is_in_exactly_one_smallest_node(case):
    graph, opened = case
    leaves = [node for node in walk(outline(graph, opened)) if not node.children]
    assert sorted(op.path for node in leaves for op in node.ops) == sorted(
        op.path for op in graph.ops
    )


@LAW
@given(opened_graphs())
def test_boxes_nest_and_siblings_stay_apart(case):
    nodes = outline(*case)
    plan = layout(nodes)
    page = Box(0, 0, plan.width, plan.height)
    assert all(inside(box, page) for box in plan.boxes.values())
    for node in walk(nodes):
        boxes = [plan.boxes[child.id] for child in node.children]
        assert all(inside(box, plan.boxes[node.id]) for box in boxes)
        assert not any(overlap(a, b) for a, b in combinations(boxes, 2))
    assert all(plan.boxes[a.id].bottom < plan.boxes[b.id].y for a, b in pairwise(nodes))


@LAW
@given(opened_graphs())
def test_the_main_path_is_drawn_from_node_to_node(case):
    graph, opened = case
    picture = draw(graph, opened)
    lines = axis_lines(picture.svg)
    on_shortcut = {n.id for n in walk(outline(graph, opened)) if n.on_shortcut}
    for tail, head in picture.edges:
        if not {tail, head} & on_shortcut:
            a, b = picture.nodes[tail], picture.nodes[head]
            assert is_covered(a.bottom, b.y, lines), (tail, head)


@LAW
@given(opened_graphs())
def test_a_shortcut_swings_out_past_the_layers_and_enters_the_addition_from_the_side(case):
    graph, opened = case
    picture = draw(graph, opened)
    marks = groups(picture.svg)
    for block in walk(outline(graph, opened)):
        lane = [child for child in block.children if child.on_shortcut]
        if not lane:
            assert block.kind != "block" or not block.children or not any(block.skips)
            continue
        arc = marks[lane[0].id].find("path").get("d")
        start = re.match(rf"M{AXIS} (\d+)H(\d+)a", arc)
        layers = [picture.nodes[c.id] for c in block.children if not c.on_shortcut]
        add = picture.nodes[f"{block.id}.add"]
        assert int(start[1]) < layers[0].y
        lane_xs = {picture.nodes[c.id].x + picture.nodes[c.id].w // 2 for c in lane}
        assert min(lane_xs) > max(layer.right for layer in layers) + 8
        assert re.search(rf"H{add.right + 4}m7-6", arc), "the arrow points left, at the circle"
        assert arc.count("V") == len(lane) + 1, "one line between any two pills"


@LAW
@given(opened_graphs())
def test_text_stays_in_its_frame(case):
    picture = draw(*case)
    check_texts(picture)


@pytest.mark.parametrize("level", ["net", "stages", "blocks", "layers"])
def test_the_largest_numbers_find_room(level):
    graph = trace(LARGEST)
    opened = openable(graph)[level]
    if level == "layers":
        opened -= {id for id in opened if ".." in id or id > "stage2.1"}  # two blocks are enough
    check_texts(draw(graph, opened))


@LAW
@given(opened_graphs())
def test_plain_nets_have_no_arcs_and_residual_blocks_have_one_at_every_depth(case):
    graph, opened = case
    svg = draw(graph, opened).svg
    marks = groups(svg)
    assert ('class="s' in svg) == (not graph.net.is_plain)
    for node in walk(outline(graph, opened)):
        if node.kind in ("stage", "run", "block") and not node.children:
            has_arc = marks[node.id].find("path[@class='s']") is not None
            has_chain = marks[node.id].find("path[@class='s z']") is not None
            assert (has_arc or has_chain) == any(node.skips)


@LAW
@given(opened_graphs())
def test_the_same_net_gives_the_same_text(case):
    assert draw(*case) == draw(*case)
    assert dot(*case) == dot(*case)


@LAW
@given(opened_graphs())
def test_any_path_can_be_shown_and_is_held_by_some_card(case):
    graph, opened = case
    picture = draw(graph, opened)
    for op in graph.ops[::7]:
        assert picture.holder(op.path) in picture.nodes
        assert op.path in draw(graph, openable(graph)["layers"]).nodes
    assert picture.holder("nowhere.7") is None


@LAW
@given(opened_graphs())
def test_dot_has_the_same_nodes_and_edges(case):
    graph, opened = case
    source, picture = dot(graph, opened), draw(graph, opened)
    for node in walk(outline(graph, opened)):
        assert f'"cluster_{node.id}"' in source or node.id in source
    assert source.count(" -> ") == len(picture.edges)


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
    assert picture.holder("stage2.5.conv1") == "stage2.2..8"
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


def chain(*ops: tuple) -> tuple[Op, ...]:
    """(path, kind, input, ...) -> ops of one block behind the stem."""
    return tuple(
        Op(f"stage1.0.{path}", kind, inputs, (8, 4, 4), 0, 0) for path, kind, *inputs in ops
    )


def with_block(*ops: tuple) -> LayerGraph:
    """A net of one block whose layers are `ops`; inputs without a stage are the block's own."""
    graph = trace(NetSpec(name="one", stages=(StageSpec(num_blocks=1, width=16),)))
    start = next(op.path for op in reversed(graph.ops) if op.path.startswith("stem"))
    made = [
        replace(op, inputs=tuple(start if i == "x" else f"stage1.0.{i}" for i in op.inputs))
        for op in chain(*ops)
    ]
    before = [op for op in graph.ops if op.path.split(".")[0] in ("input", "stem")]
    head = [op for op in graph.ops if op.path.startswith("head")]
    head[0] = replace(head[0], inputs=(made[-1].path,))
    return replace(graph, ops=(*before, *made, *head))


def test_a_shortcut_may_leave_after_the_first_layers():
    """Full pre-activation projects what its first norm and ReLU give (He et al. 2016)."""
    graph = with_block(
        ("norm1", "norm", "x"),
        ("relu1", "relu", "norm1"),
        ("conv1", "conv", "relu1"),
        ("shortcut", "conv", "relu1"),
        ("add", "add", "conv1", "shortcut"),
    )
    picture = draw(graph, frozenset({"stage1", "stage1.0"}))
    arc = groups(picture.svg)["stage1.0.shortcut"].find("path").get("d")
    fork = int(re.match(r"M\d+ (\d+)", arc)[1])
    boxes = picture.nodes
    assert boxes["stage1.0.relu1"].bottom < fork < boxes["stage1.0.conv1"].y


def test_a_layer_that_takes_an_earlier_one_gets_a_line_of_its_own():
    """Channel attention: a product takes the map and its gate."""
    graph = with_block(
        ("conv1", "conv", "x"),
        ("pool", "pool", "conv1"),
        ("gate", "linear", "pool"),
        ("scale", "mul", "conv1", "gate"),
    )
    picture = draw(graph, frozenset({"stage1", "stage1.0"}))
    a, b = (picture.nodes[f"stage1.0.{name}"] for name in ("conv1", "scale"))
    assert f"M{a.x} {a.middle}H{a.x - 8}V{b.middle}H{b.x - 1}" in picture.svg


def test_a_file_has_fixed_colours_only():
    svg = standalone(trace(cifar(20)), dark=True)
    assert "var(" not in svg
    assert PALETTES["dark"]["skip"] in svg
    assert PALETTES["light"]["skip"] not in svg


@pytest.mark.parametrize("text", ["", "Stage 2", "x" * 80, "中文" * 20, "e\u0301" * 30])
def test_fit_gives_what_has_room(text):
    assert text_width(fit(text, 100, 13), 13) <= 100
    assert fit(text, 10_000, 13) == text


def test_a_deep_net_is_laid_out_at_once():
    """Everything open, ResNet-152 takes 8 ms; a generous bound, for a busy machine."""
    graph = trace(imagenet(152))
    opened = openable(graph)["layers"]
    draw(graph, opened)
    start = perf_counter()
    draw(graph, opened)
    assert perf_counter() - start < 0.2
