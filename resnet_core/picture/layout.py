"""Where everything stands: a tree of nodes -> boxes with whole-number coordinates.

The main path runs straight down at AXIS at every depth; shortcuts run at LANE, to its right. Each
level has its own left edge and width, so only heights depend on the net.
"""

from __future__ import annotations

from dataclasses import dataclass

from .outline import Node

WIDTH = 320
AXIS = 144  # x of the main path
LANE = 266  # x of the shortcuts inside an open block

MARGIN = 16  # above the first and below the last box
PAD = 12  # inside the bottom of an open card
PART_GAP = 40  # between stages: an arrow, the shape and its picture
BLOCK_GAP = 16
LAYER_GAP = 12
LABEL_ROOM = 20  # more, where a shape is written beside the arrow
FORK_ROOM = 32  # where a shortcut leaves the main path
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


def main_path(node: Node) -> tuple[Node, ...]:
    """The children that stand on the axis."""
    return tuple(child for child in node.children if not child.on_shortcut)


def shortcut(node: Node) -> tuple[Node, ...]:
    """The children that stand on the lane."""
    return tuple(child for child in node.children if child.on_shortcut)


def fork(node: Node) -> str | None:
    """After which child of an open block x leaves for the shortcut: "" = before the first."""
    lane = shortcut(node)
    if not lane:
        return None
    source = lane[0].ops[0].inputs[0]
    return source if any(child.id == source for child in node.children) else ""


def shows_shape(above: Node) -> bool:
    """Whether the arrow below a node in an open card tells the shape: where it has changed."""
    return above.shape != above.in_shape


def _place(node: Node, y: int, boxes: dict[str, Box]) -> int:
    """Puts `node` and what it shows at `y`; returns where it ends."""
    if not node.children:
        x, w, h = CLOSED.get(node.kind, LAYER)
        boxes[node.id] = Box(x, y, w, h)
        return y + h
    x, w, header = OPEN[node.kind]
    boxes[node.id] = Box(x, y, w, header)  # keeps its place before its children; grown below
    bottom = _place_main(node, y + header, boxes)
    _place_lane(node, boxes)
    boxes[node.id] = Box(x, y, w, bottom + PAD - y)
    return bottom + PAD


def _place_main(node: Node, y: int, boxes: dict[str, Box]) -> int:
    above, forks_after = None, fork(node)
    for child in main_path(node):
        y += _gap(above, child, forks_after)
        y = _place(child, y, boxes)
        above = child
    return y


def _gap(above: Node | None, below: Node, forks_after: str | None) -> int:
    forks = forks_after == (above.id if above else "")
    if above is None:
        return FORK_ROOM if forks else LAYER_GAP
    gap = BLOCK_GAP if below.can_open else LAYER_GAP
    if shows_shape(above):
        gap += LABEL_ROOM
    return max(gap, FORK_ROOM) if forks else gap


def _place_lane(node: Node, boxes: dict[str, Box]) -> None:
    """Stacks the shortcut's pills half-way between fork and addition."""
    lane = shortcut(node)
    if not lane:
        return
    top, bottom = fork_y(node, boxes), boxes[joint(node).id].middle
    sizes = [PILLS.get(child.kind, PILL) for child in lane]
    y = (top + bottom - sum(h for _, h in sizes) - LAYER_GAP * (len(lane) - 1)) // 2
    for child, (w, h) in zip(lane, sizes, strict=True):
        boxes[child.id] = Box(LANE - w // 2, y, w, h)
        y += h + LAYER_GAP


def joint(node: Node) -> Node:
    """The child of an open block that the shortcut ends in: the addition."""
    last = shortcut(node)[-1].id
    return next(child for child in main_path(node) if last in child.ops[0].inputs)


def fork_y(node: Node, boxes: dict[str, Box]) -> int:
    """Where x leaves the main path, just below the header or the layer that gives it."""
    after = fork(node)
    box = boxes[node.id]
    return boxes[after].bottom + 10 if after else box.y + OPEN[node.kind][2] + 8


#: kind -> x, width, height of a closed card; LAYER for every other kind
CLOSED = {
    "input": (12, 264, 56),
    "stem": (12, 264, 72),
    "stage": (12, 264, 72),
    "head": (12, 264, 72),
    "run": (48, 192, 52),
    "block": (48, 192, 48),
    "add": (AXIS - 14, 28, 28),
}
LAYER = (AXIS - 76, 152, 28)
#: kind -> x, width, height of the header of an open card
OPEN = {
    "stem": (4, 312, 36),
    "stage": (4, 312, 36),
    "head": (4, 312, 36),
    "run": (8, 304, 32),
    "block": (12, 298, 32),
}
#: kind -> width, height on the shortcut; PILL for every other kind
PILLS = {"identity": (64, 24), "zeropad": (76, 40)}
PILL = (76, 28)
