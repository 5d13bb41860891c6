"""Where everything stands: a tree of nodes -> boxes with whole-number coordinates.

The main path runs straight down at AXIS at every depth; shortcuts run at LANE, to its right. Each
level has its own left edge and width, so only heights depend on the net.
"""

from __future__ import annotations

from dataclasses import dataclass

from .outline import Node
from .ways import Arc, arcs, main_path, sides

WIDTH = 332
AXIS = 144  # x of the main path
LANE = 276  # x of the shortcuts inside an open block
TAP = 231  # x of the lines between the main path and the shortcuts

MARGIN = 16  # above the first and below the last box
PAD = 12  # inside the bottom of an open card
PART_GAP = 40  # between stages: an arrow, the shape and its picture
BLOCK_GAP = 16
LAYER_GAP = 12
LABEL_ROOM = 20  # more, where a shape is written beside the arrow
FORK_ROOM = 32  # where a shortcut leaves the main path
SIDE_ROOM = 20  # where a line to a later layer leaves it
BROKEN_ROOM = 28  # below a (+) that cannot add, for the two shapes
OUTPUT_HEIGHT = 32


@dataclass(frozen=True)
class Box:
    """Left, top, width, height [px]."""

    x: int
    y: int
    w: int
    h: int

    @property
    def right(self) -> int:
        return self.x + self.w

    @property
    def bottom(self) -> int:
        return self.y + self.h

    @property
    def middle(self) -> int:
        return self.y + self.h // 2


@dataclass(frozen=True)
class Layout:
    """Boxes by id, and the size of the whole."""

    boxes: dict[str, Box]
    width: int
    height: int


def layout(nodes: tuple[Node, ...]) -> Layout:
    """Stacks the nodes from top to bottom; leaves room for the output below the last."""
    boxes: dict[str, Box] = {}
    y = MARGIN
    for node in nodes:
        y = _place(node, y, boxes) + PART_GAP
    return Layout(boxes, WIDTH, y + OUTPUT_HEIGHT + MARGIN)


def shows_shape(above: Node) -> bool:
    """Whether the arrow below a node in an open card tells the shape: where it has changed."""
    return above.shape != above.in_shape


def fork_y(node: Node, source: str, boxes: dict[str, Box]) -> int:
    """Where a line to the side leaves the main path: below `source`, or below the header if ""."""
    if source:
        return boxes[source].bottom + FORK_BELOW
    return boxes[node.id].y + OPEN[node.kind][2] + FORK_BELOW - 2


def _place(node: Node, y: int, boxes: dict[str, Box], narrow: bool = False) -> int:
    """Puts `node` and what it shows at `y`; returns where it ends."""
    if not node.children:
        x, w, h = CLOSED.get(node.kind, NARROW if narrow else LAYER)
        boxes[node.id] = Box(x, y, w, h)
        return y + h
    x, w, header = OPEN[node.kind]
    boxes[node.id] = Box(x, y, w, header)  # keeps its place before its children; grown below
    bottom = _place_inside(node, y + header, boxes) + PAD
    boxes[node.id] = Box(x, y, w, bottom - y)
    return bottom


def _place_inside(node: Node, y: int, boxes: dict[str, Box]) -> int:
    above, ways = None, arcs(node)
    leaving = {arc.source for arc in ways}, {side.tail for side in sides(node)}
    for child in main_path(node):
        y += _gap(above, child, *leaving)
        arc = next((arc for arc in ways if arc.joint is child), None)
        if arc:  # its pills need room, too
            most = fork_y(node, arc.source, boxes) + _lane_height(arc) + 2 * LANE_ROOM
            y = max(y, most - CLOSED[child.kind][2] // 2)
        y = _place(child, y, boxes, node.kind == "attention")
        if arc:
            _place_lane(arc, fork_y(node, arc.source, boxes), boxes)
        above = child
    return y + (BROKEN_ROOM if above.kind == "add" and above.broken else 0)


def _gap(above: Node | None, below: Node, forks: set[str], side_lines: set[str]) -> int:
    source = above.id if above else ""
    gap = BLOCK_GAP if above and below.can_open else LAYER_GAP
    if source in forks:
        gap = FORK_ROOM
    elif source in side_lines:
        gap = SIDE_ROOM
    return gap + (LABEL_ROOM if above and shows_shape(above) else 0)


def _lane_height(arc: Arc) -> int:
    return sum(PILLS.get(child.kind, PILL)[1] + LAYER_GAP for child in arc.lane) - LAYER_GAP


def _place_lane(arc: Arc, top: int, boxes: dict[str, Box]) -> None:
    """Stacks the shortcut's pills half-way between fork and addition."""
    y = (top + boxes[arc.joint.id].middle - _lane_height(arc)) // 2
    for child in arc.lane:
        w, h = PILLS.get(child.kind, PILL)
        boxes[child.id] = Box(LANE - w // 2, y, w, h)
        y += h + LAYER_GAP


FORK_BELOW = 10  # a line to the side leaves that much below a layer
LANE_ROOM = 14  # least from a fork to the first pill, and from the last one to the addition
#: kind -> x, width, height of a closed card; LAYER for every other kind
CLOSED = {
    "input": (12, 264, 56),
    "stem": (12, 264, 72),
    "stage": (12, 264, 72),
    "head": (12, 264, 72),
    "run": (48, 192, 52),
    "block": (48, 192, 48),
    "attention": (AXIS - 76, 152, 32),
    "add": (AXIS - 14, 28, 28),
    "multiply": (AXIS - 14, 28, 28),
}
LAYER = (AXIS - 76, 152, 28)
NARROW = (AXIS - 62, 124, 28)  # inside a card inside a block
#: kind -> x, width, height of the header of an open card
OPEN = {
    "stem": (4, 324, 36),
    "stage": (4, 324, 36),
    "head": (4, 324, 36),
    "run": (8, 316, 32),
    "block": (12, 308, 32),
    "attention": (AXIS - 82, 164, 32),
}
#: kind -> width, height on the shortcut; PILL for every other kind
PILLS = {"identity": (64, 24), "zeropad": (80, 40)}
PILL = (80, 28)
