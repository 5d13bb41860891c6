"""The picture: laws for any net opened anywhere, and names that try to be markup."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import nets

from resnet_core import picture
from resnet_core.graph import trace, trace_to_mismatch
from resnet_core.picture import Picture, View, dot, openable, opened_for, standalone
from resnet_core.picture.layout import AXIS, LANE, TAP, Box
from resnet_core.picture.lettering import fit, text_width
from resnet_core.picture.outline import edges, outline, walk
from resnet_core.picture.skips import SIGNS
from resnet_core.picture.style import PALETTES
from resnet_core.picture.view import VIEW
from resnet_core.picture.ways import arcs
from resnet_core.presets import cifar, imagenet
from resnet_core.resolve import blocks_of
from resnet_core.shortcuts import SHORTCUTS
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
    """A small net, long enough to fold, sometimes broken or a ghost, opened and viewed anyhow."""
    net = draw_from(nets)
    first = net.stages[0]
    if draw_from(st.booleans()):
        longer = replace(first, num_blocks=draw_from(st.integers(5, 9)))
        net = replace(net, stages=(longer, *net.stages[1:]))
    if draw_from(st.integers(0, 3)) == 0:
        net = broken(net)
    graph = trace_to_mismatch(net)
    if not graph.broken and draw_from(st.integers(0, 3)) == 0:
        graph = picture.pair(graph)[1]
    view = View(folds=draw_from(st.booleans()), to_scale=draw_from(st.booleans()))
    everything = sorted(openable(graph)["layers"])
    opened = draw_from(st.sets(st.sampled_from(everything)))
    return graph, frozenset(everything) if draw_from(st.booleans()) else frozenset(opened), view


def broken(net: NetSpec) -> NetSpec:
    """The net with one stage more, whose identity would have to add a channel."""
    width = blocks_of(net)[-1].out_channels + 1
    return replace(
        net, stages=(*net.stages, StageSpec(num_blocks=2, width=width, shortcut="identity"))
    )


def draw(graph, opened=frozenset(), view=VIEW) -> Picture:
    """The picture without nested coordinates: every mark stands where it is seen."""
    stacked = picture.draw(graph, opened, view)
    root = ET.Element("svg")
    flatten(ET.fromstring(f"<svg>{stacked.svg}</svg>"), 0, root)
    return replace(stacked, svg="".join(ET.tostring(mark, "unicode") for mark in root))


def flatten(group: ET.Element, down: int, into: ET.Element) -> None:
    for mark in group:
        moved = re.fullmatch(r"translate\(0 (\d+)\)", mark.get("transform", ""))
        if moved:
            flatten(mark, down + int(moved[1]), into)
            continue
        for element in mark.iter():
            for name in ("y", "cy"):
                if name in element.attrib:
                    element.set(name, str(int(element.get(name)) + down))
            if "transform" in element.attrib:
                x, y = re.match(r"translate\((\d+) (\d+)\)", element.get("transform")).groups()
                element.set("transform", f"translate({x} {int(y) + down})")
            elif "d" in element.attrib:
                element.set("d", lowered(element.get("d"), down))
        into.append(mark)


def lowered(d: str, down: int) -> str:
    """A path with its absolute coordinates (M x y, V y) further down."""
    return re.sub(r"(M-?\d+ |V)(-?\d+)", lambda m: f"{m[1]}{int(m[2]) + down}", d)


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
    """Whether the lines lead from `start` to `end`; an arrow's head ends a pixel above its box."""
    for low, high in lines:
        if low - 1 <= start < high:
            start = high
    return start >= end - 1


def strokes(svg: str) -> list[list[tuple[int, int]]]:
    """The corners of each line that leads somewhere, without its arrow's head."""
    found = []
    for d in re.findall(r'<path class="[es][^"]*" d="([^"]*)"', svg):
        for part in d.split("M")[1:]:
            x, y = map(int, re.match(r"(\d+) (\d+)", part).groups())
            corners = [(x, y)]
            for letter, text in re.findall(r"([HVahvm])([^A-Za-z]*)", part):
                n = [int(number) for number in re.findall(r"-?\d+", text)]
                if letter == "m":
                    break
                dx, dy = n[-2:] if letter == "a" else (n[0], n[0])
                x = {"H": dx, "h": x + dx, "a": x + dx}.get(letter, x)
                y = {"V": dy, "v": y + dy, "a": y + dy}.get(letter, y)
                corners.append((x, y))
            found.append(corners)
    return [line for line in found if line[0][0] in (AXIS, LANE, TAP)]


def enters(point: tuple[int, int], box: Box) -> bool:
    """Whether a line that ends here touches the box from above or from a side."""
    x, y = point
    from_above = x == box.x + box.w // 2 and box.y - 1 <= y <= box.y
    from_a_side = y == box.middle and (x == box.x - 1 or box.right + 1 <= x <= box.right + 4)
    return from_above or from_a_side


def leaves(point: tuple[int, int], box: Box, lines: list, forks: set[int]) -> bool:
    """Whether a line that starts here comes from the box, or from a fork of its way down."""
    x, y = point
    if x == LANE:
        return y == box.bottom and box.x < x < box.right
    on_axis = x == AXIS or y in forks
    return on_axis and y >= box.bottom and is_covered(box.bottom, y, lines)


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
    graph, opened, view = case
    picture = draw(graph, opened, view)
    drawn = re.findall(r'data-id="([^"]*)"', picture.svg)
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == set(picture.nodes)
    everything = draw(graph, openable(graph)["layers"])
    assert {op.path for op in graph.ops} <= set(everything.nodes)


@LAW
@given(opened_graphs())
def test_every_op_is_in_exactly_one_smallest_node(case):
    graph, opened, view = case
    leaves = [node for node in walk(outline(graph, opened, view)) if not node.children]
    assert sorted(op.path for node in leaves for op in node.ops) == sorted(
        op.path for op in graph.ops
    )


@LAW
@given(opened_graphs())
def test_boxes_nest_and_siblings_stay_apart(case):
    nodes = outline(*case)
    drawn = draw(*case)
    page = Box(0, 0, drawn.width, drawn.height)
    assert all(inside(box, page) for box in drawn.nodes.values())
    for node in walk(nodes):
        boxes = [drawn.nodes[child.id] for child in node.children]
        assert all(inside(box, drawn.nodes[node.id]) for box in boxes)
        assert not any(overlap(a, b) for a, b in combinations(boxes, 2))
    assert all(drawn.nodes[a.id].bottom < drawn.nodes[b.id].y for a, b in pairwise(nodes))


@LAW
@given(opened_graphs())
def test_every_edge_is_a_line_from_box_to_box(case):
    """And at the layers level these are the edges of the graph."""
    graph, opened, view = case
    picture = draw(graph, opened, view)
    axis, lines = axis_lines(picture.svg), strokes(picture.svg)
    forks = {y for line in lines for x, y in line[:1] if x == AXIS}
    for tail, head in edges(graph, outline(graph, opened, view)):
        a, b = picture.nodes[tail], picture.nodes[head]
        assert is_covered(a.bottom, b.y, axis) or any(
            leaves(line[0], a, axis, forks) and enters(line[-1], b) for line in lines
        ), (tail, head)
    everything = outline(graph, openable(graph)["layers"])
    assert set(edges(graph, everything)) == {(i, op.path) for op in graph.ops for i in op.inputs}


@LAW
@given(opened_graphs())
def test_lines_and_letters_keep_clear_of_layers(case):
    graph, opened, view = case
    picture = draw(graph, opened, view)
    leaves = [n for n in walk(outline(graph, opened, view)) if not n.children]
    boxes = [picture.nodes[node.id] for node in leaves]
    smaller = [Box(b.x + 2, b.y + 2, b.w - 4, b.h - 4) for b in boxes]
    for line in strokes(picture.svg):
        for (x1, y1), (x2, y2) in pairwise(line):
            piece = Box(min(x1, x2), min(y1, y2), abs(x2 - x1) + 1, abs(y2 - y1) + 1)
            assert not any(overlap(piece, box) for box in smaller), (line, piece)
    for text in parsed(picture.svg).findall("text"):  # those that belong to no node
        left, right = extent(text)
        around = Box(left, int(text.get("y")) - 9, right - left, 11)
        assert not any(overlap(around, box) for box in boxes), "".join(text.itertext())


@LAW
@given(opened_graphs())
def test_a_shortcut_swings_out_past_the_layers_and_enters_its_joint_from_the_side(case):
    graph, opened, view = case
    picture = draw(graph, opened, view)
    marks, boxes = groups(picture.svg), picture.nodes
    for block in walk(outline(graph, opened, view)):
        ways = arcs(block)
        if block.kind == "block" and block.children:
            assert bool(ways) == any(block.skips)
        for way in ways:
            arc = marks[way.lane[0].id].find("path").get("d")
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
    graph, opened, view = case
    svg = draw(graph, opened, view).svg
    marks = groups(svg)
    assert ('class="s' in svg) == any(op.kind == "add" for op in graph.ops)
    for node in walk(outline(graph, opened, view)):
        if node.kind in ("stage", "run", "block") and not node.children:
            paths = [path.get("class").split() for path in marks[node.id].iter("path")]
            assert any("s" in classes for classes in paths) == any(node.skips)


@LAW
@given(opened_graphs())
def test_the_same_net_gives_the_same_text(case):
    assert draw(*case) == draw(*case)
    assert dot(*case[:2]) == dot(*case[:2])


@LAW
@given(opened_graphs())
def test_dot_has_the_same_nodes_and_edges(case):
    graph, opened, _ = case
    source, nodes = dot(graph, opened), outline(graph, opened)
    for node in walk(nodes):
        assert f'"cluster_{node.id}"' in source or node.id in source
    assert source.count(" -> ") == len(edges(graph, nodes))
    assert (PALETTES["light"]["wrong"] in source) == bool(graph.broken)


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


def one_stage(**fields) -> NetSpec:
    """A net of one stage that doubles 16 channels at stride 2, changed as `fields` say."""
    of_net = {name: fields.pop(name) for name in ("order", "norm", "activation") if name in fields}
    stage = StageSpec(**{"num_blocks": 3, "width": 32, "stride": 2, **fields})
    return NetSpec(name="one", stages=(stage,), **of_net)


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
        "gated-x": "gate",
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
