"""Where a card and the layers in it stand: a node -> boxes with whole-number coordinates.

The main path runs straight down at AXIS at every depth; shortcuts run at LANE, to its right. Each
level has its own left edge and width, so only heights depend on the net; y begins at the card's
upper edge. Cards that hold cards are stacked in scene.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .outline import Node
from .sizes import AXIS, closed_size, pill_size
from .view import View
from .ways import Arc, arcs, main_path, sides

WIDTH = 332
LANE = 276  # x of the shortcuts inside an open block
TAP = 231  # x of the lines between the main path and the shortcuts

PAD = 12  # inside the bottom of an open card
CARD_GAP = 16
LAYER_GAP = 12
LABEL_ROOM = 20  # more, where a shape is written beside the arrow
FORK_ROOM = 32  # where a shortcut leaves the main path
SIDE_ROOM = 20  # where a line to a later layer leaves it
BROKEN_ROOM = 28  # below a (+) that cannot add, for the two shapes


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


def layout(node: Node, view: View, input_shape: tuple[int, ...]) -> dict[str, Box]:
    """Boxes by id of a card, and of the layers that it shows; view and input set their sizes."""
    boxes: dict[str, Box] = {}
    _place(node, 0, boxes, partial(closed_size, view=view, input_shape=input_shape))
    return boxes


def shows_shape(above: Node) -> bool:
    """Whether the arrow below a node in an open card tells the shape: where it has changed."""
    return above.shape != above.in_shape


def fork_y(node: Node, source: str, boxes: dict[str, Box]) -> int:
    """Where a line to the side leaves the main path: below `source`, or below the header if ""."""
    if source:
        return boxes[source].bottom + FORK_BELOW
    return boxes[node.id].y + OPEN[node.kind][2] + FORK_BELOW - 2


def _place(node: Node, y: int, boxes: dict[str, Box], size: Callable, narrow: bool = False) -> int:
    """Puts `node` and what it shows at `y`; returns where it ends."""
    if not node.children:
        x, w, h = size(node, narrow=narrow)
        boxes[node.id] = Box(x, y, w, h)
        return y + h
    x, w, header = OPEN[node.kind]
    boxes[node.id] = Box(x, y, w, header)  # keeps its place before its children; grown below
    bottom = _place_inside(node, y + header, boxes, size) + PAD
    boxes[node.id] = Box(x, y, w, bottom - y)
    return bottom


def _place_inside(node: Node, y: int, boxes: dict[str, Box], size: Callable) -> int:
    above, ways = None, arcs(node)
    leaving = {arc.source for arc in ways}, {side.tail for side in sides(node)}
    for child in main_path(node):
        y += _gap(above, child, *leaving)
        arc = next((arc for arc in ways if arc.joint is child), None)
        if arc:  # its pills need room, too
            most = fork_y(node, arc.source, boxes) + _lane_height(arc) + 2 * LANE_ROOM
            y = max(y, most - size(child)[2] // 2)
        y = _place(child, y, boxes, size, node.kind == "attention")
        if arc:
            _place_lane(arc, fork_y(node, arc.source, boxes), boxes)
        above = child
    return y + (BROKEN_ROOM if above.kind == "add" and above.broken else 0)


def _gap(above: Node | None, below: Node, forks: set[str], side_lines: set[str]) -> int:
    source = above.id if above else ""
    gap = CARD_GAP if above and below.can_open else LAYER_GAP
    if source in forks:
        gap = FORK_ROOM
    elif source in side_lines:
        gap = SIDE_ROOM
    return gap + (LABEL_ROOM if above and shows_shape(above) else 0)


def _lane_height(arc: Arc) -> int:
    return sum(pill_size(child)[1] + LAYER_GAP for child in arc.lane) - LAYER_GAP


def _place_lane(arc: Arc, top: int, boxes: dict[str, Box]) -> None:
    """Stacks the shortcut's pills half-way between fork and addition."""
    y = (top + boxes[arc.joint.id].middle - _lane_height(arc)) // 2
    for child in arc.lane:
        w, h = pill_size(child)
        boxes[child.id] = Box(LANE - w // 2, y, w, h)
        y += h + LAYER_GAP


FORK_BELOW = 10  # a line to the side leaves that much below a layer
LANE_ROOM = 14  # least from a fork to the first pill, and from the last one to the addition
#: kind -> x, width, height of the header of an open card
OPEN = {
    "stem": (4, 324, 36),
    "stage": (4, 324, 36),
    "head": (4, 324, 36),
    "run": (8, 316, 32),
    "block": (12, 308, 32),
    "attention": (AXIS - 82, 164, 32),
}
