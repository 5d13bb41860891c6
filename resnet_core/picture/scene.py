"""A net in pieces: each card in all its states, drawn from y = 0; equal blocks are drawn once.

Pieces only have to be stacked to be a picture: compose.py does it for files, and a browser does
it for itself, so that nothing has to be sent or drawn when a card is opened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from resnet_core.graph import LayerGraph, Op

from .cards import CARDS, open_card
from .formula import formula
from .layer_marks import LAYERS, layer, pill
from .layout import AXIS, CARD_GAP, LABEL_ROOM, LAYER_GAP, OPEN, PAD, Box, layout, shows_shape
from .lettering import text_width
from .marks import group, rect, write
from .outline import Node, openable, outline, runs_of, stages_of
from .view import VIEW, View
from .ways import arcs
from .wires import arc, beside, down, inside, lead, unfinished

MARGIN = 16  # above the first and below the last card
PART_GAP = 40  # between stages: an arrow, the shape and its picture
OUTPUT_HEIGHT = 32
#: stand for a block's path and number in the drawing that equal blocks share: private characters
PATH, NUMBER = "\ue000", "\ue001"
MOST_DRAWN = 2000
DRAWN: dict[tuple, tuple] = {}  # blocks: an edit leaves most as they are


@dataclass(frozen=True)
class Piece:
    """A card in one state; `boxes` are of all nodes that are drawn, its own first."""

    svg: str
    height: int
    boxes: tuple[tuple[str, Box], ...] = ()


@dataclass(frozen=True)
class State:
    """A piece, and the ids that have to be open for it to be shown."""

    needs: tuple[str, ...]
    piece: Piece


@dataclass(frozen=True)
class Edge:
    """What is drawn before a card, above its upper edge, or behind the last one of a stack."""

    room: int
    svg: str


@dataclass(frozen=True)
class Card:
    """Shows the last of its `states` whose needs are met; when that is not the first, its children
    are stacked in it, and its frame, drawn with a height of 0, grows around them."""

    states: tuple[State, ...]
    above: Edge
    path: str = ""  # for PATH
    number: str = ""  # for NUMBER
    children: tuple[Card, ...] = ()
    below: Edge = Edge(0, "")

    def named(self, text: str) -> str:
        """A text of the shared drawing with this card's own path and number."""
        return text.replace(PATH, self.path).replace(NUMBER, self.number)


def scene(graph: LayerGraph, view: View = VIEW) -> Card:
    """The whole net as a card whose children are its parts, input first."""
    nodes = outline(graph, stages_of(graph) | runs_of(graph) | {"stem", "head"}, view)
    cards, above = [], None
    for node in nodes:
        shape = above.shape if above and above.kind != "input" else None
        edge = Edge(PART_GAP, lead(PART_GAP, 0, shape, tiles=True)) if above else Edge(MARGIN, "")
        cards.append(_card(graph, view, node, edge))
        above = node
    end = _end(graph)
    room = PART_GAP + OUTPUT_HEIGHT + MARGIN
    top = State((), Piece("", 0))
    return Card((top, top), Edge(0, ""), children=tuple(cards), below=Edge(room, end))


def _card(graph: LayerGraph, view: View, node: Node, above: Edge) -> Card:
    if node.block:
        states = _block_states(graph, node, view)
        number = int(node.id.rpartition(".")[2]) + 1
        return Card(states, above, node.id, str(number))
    closed = State((), _piece(replace(node, children=()), view, graph))
    if node.kind in ("stage", "run"):
        opened = State((node.id,), _frame(node))
        return Card(
            (closed, opened),
            above,
            children=_stacked(graph, view, node),
            below=Edge(PAD, _foot(node)),
        )
    if not node.can_open:
        return Card((closed,), above)
    return Card((closed, State((node.id,), _piece(node, view, graph))), above)


def _stacked(graph: LayerGraph, view: View, node: Node) -> tuple[Card, ...]:
    header, cards, above = OPEN[node.kind][2], [], None
    for child in node.children:
        gap, room = (CARD_GAP, 0) if above else (LAYER_GAP, header)
        shape = above.shape if above and shows_shape(above) else None
        gap += LABEL_ROOM if shape else 0
        cards.append(_card(graph, view, child, Edge(gap, lead(gap, room, shape))))
        above = child
    return tuple(cards)


def _block_states(graph: LayerGraph, node: Node, view: View) -> tuple[State, ...]:
    """What a block shows, drawn once for all that equal it, in this net or another."""
    costs, error = (node.params, node.macs), str(node.broken or "")  # a ghost's costs differ
    size = graph.net.input_shape if view.to_scale else ()
    key = (node.block, node.in_shape, costs, error, graph.net.is_plain, view, size)
    states = DRAWN.get(key)
    if states is None:
        states = _draw_block(_alone(graph, node), node.id, view)
        if len(DRAWN) >= MOST_DRAWN:
            DRAWN.clear()
        DRAWN[key] = states
    return states


def _draw_block(alone: LayerGraph, path: str, view: View) -> tuple[State, ...]:
    """Closed, open, and open with its attention open; PATH and NUMBER stand for its own."""
    stage = path.partition(".")[0]
    inner = sorted(id for id in openable(alone)["layers"] if id.startswith(f"{path}."))
    opened = [(), (path,), *([(path, *inner)] if inner else [])]
    states = []
    for ids in opened:
        block = outline(alone, frozenset({stage, *ids}), view)[1].children[0]
        piece = _piece(block, view, alone)
        svg = piece.svg.replace(f'"{path}', f'"{PATH}').replace(f" {path}.", f" {PATH}.")
        svg = svg.replace(f">{block.title}<", f">Block {NUMBER}<")
        svg = svg.replace(f'aria-label="{block.title};', f'aria-label="Block {NUMBER};')
        boxes = tuple((PATH + id[len(path) :], box) for id, box in piece.boxes)
        needs = tuple(PATH + id[len(path) :] for id in ids)
        states.append(State(needs, Piece(svg, piece.height, boxes)))
    return tuple(states)


def _alone(graph: LayerGraph, node: Node) -> LayerGraph:
    """A graph of one block, under its own path, whose input is what it takes."""
    own = {op.path for op in node.ops}
    ops = (
        replace(op, inputs=tuple(i if i in own else "input" for i in op.inputs)) for op in node.ops
    )
    start = Op("input", "input", (), node.in_shape, 0, 0)
    return LayerGraph(graph.net, (node.block,), (start, *ops), node.broken)


def _piece(node: Node, view: View, graph: LayerGraph) -> Piece:
    boxes = layout(node, view, graph.net.input_shape)
    svg = "".join(_marks(node, boxes))
    return Piece(svg, boxes[node.id].h, tuple(boxes.items()))


def _frame(node: Node) -> Piece:
    """An open card without what it holds: its height is that of its header alone."""
    x, w, header = OPEN[node.kind]
    box = Box(x, 0, w, 0)
    return Piece(group(node, open_card(node, box)), header, ((node.id, box),))


def _marks(node: Node, boxes: dict[str, Box]):
    """SVG of a node and of everything that is visible inside."""
    box = boxes[node.id]
    if not node.children:
        mark = CARDS.get(node.kind) or LAYERS.get(node.kind, layer)
        yield group(node, mark(node, box))
        return
    yield group(node, open_card(node, box))
    yield inside(node, boxes)
    yield formula(node, boxes)
    arc_of = {way.lane[0].id: way for way in arcs(node)}
    for child in node.children:
        if not child.on_shortcut:
            yield from _marks(child, boxes)
        else:
            drawn = arc(arc_of[child.id], node, boxes) if child.id in arc_of else ""
            yield group(child, drawn + pill(child, boxes[child.id]))
    yield beside(node, boxes)


def _foot(node: Node) -> str:
    return unfinished(0, PAD) if node.broken else f'<path class="e" d="M{AXIS} 0V{PAD}"/>'


def _end(graph: LayerGraph) -> str:
    """What comes out of the net, below its last part."""
    count = graph.net.num_classes
    text = f"{count:,} classes" if count > 1 else "1 class"
    frame, words = "d", "l"
    if graph.broken:
        text, frame, words = "cannot be built", "d r dash", "l k r"
    w = text_width(text, 13) + 32
    box = Box(AXIS - w // 2, PART_GAP, w, OUTPUT_HEIGHT)
    line = (
        unfinished(0, PART_GAP)
        if graph.broken
        else f'<path class="e" d="{down(0, PART_GAP, True)}"/>'
    )
    return line + rect(box, 16, frame) + write(AXIS, box.middle + 5, text, words, "middle")
