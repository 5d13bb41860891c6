"""Lines: the main path from top to bottom, shortcuts around it, lines past layers, shapes."""

from __future__ import annotations

from itertools import pairwise

from .layout import AXIS, BROKEN_ROOM, FORK_BELOW, LANE, TAP, Box, fork_y, shows_shape
from .marks import pile, shape_text, write
from .outline import Node
from .ways import Arc, Side, arcs, main_path, sides, sources

TURN = 36  # radius of the bends of a shortcut
BEND = 6  # of the bends of other lines
BESIDE = 8  # left of the layers: what runs past some of them without being a shortcut


def lead(gap: int, room: int, shape: tuple[int, ...] | None, tiles: bool = False) -> str:
    """The arrow into a card that begins at y = 0, from `gap` above and `room` further up.

    `shape` is written beside it, with a picture of the feature maps if `tiles`.
    """
    arrow = f'<path class="e" d="{down(-gap - room, 0, True)}"/>'
    if shape is None:
        return arrow
    y = -gap // 2
    told = pile(AXIS - 14, y, shape) if tiles else ""
    return arrow + told + write(AXIS + (14 if tiles else 12), y + 4, shape_text(shape), "m")


def unfinished(start: int, end: int) -> str:
    """What would lead on from a (+) that cannot add."""
    return f'<path class="e r dash" d="M{AXIS} {start}V{end}"/>'


def inside(node: Node, boxes: dict[str, Box]) -> str:
    """The arrows between the children of an open card, from its upper to its lower edge."""
    children, taken = main_path(node), sources(node)
    first, last, box = boxes[children[0].id], boxes[children[-1].id], boxes[node.id]
    leaving = {arc.source for arc in arcs(node)} | {side.tail for side in sides(node)}
    paths = [down(box.y, first.y, not children[0].children)]
    labels = []
    for place, (above, below) in enumerate(pairwise(children)):
        start, end = boxes[above.id].bottom, boxes[below.id].y
        if place in taken[place + 1]:
            paths.append(down(start, end, not below.children))
        if shows_shape(above):
            y = (start + end + (FORK_BELOW if above.id in leaving else 0)) // 2 + 4
            labels.append(write(AXIS + 12, y, shape_text(above.shape), "m"))
    end = last.bottom + (BROKEN_ROOM - 4 if children[-1].kind == "add" else 0)
    broken = unfinished(end, box.bottom) if node.broken else ""
    if not broken:
        paths.append(f"M{AXIS} {last.bottom}V{box.bottom}")
    return f'<path class="e" d="{"".join(paths)}"/>{broken}{"".join(labels)}'


def beside(node: Node, boxes: dict[str, Box]) -> str:
    """The lines of an open card that run past layers."""
    return "".join(
        f'<path class="{_line(side)}" d="{side_path(side, node, boxes)}"/>' for side in sides(node)
    )


def _line(side: Side) -> str:
    """Classes: of the shortcut, or of what a plain net has as well, or has not."""
    if side.place == "x":
        return "s z"
    return "e skip" if ".add." in side.head.id else "e"


def side_path(side: Side, node: Node, boxes: dict[str, Box]) -> str:
    """Out below its tail, down past what lies between, and into its head from the side."""
    head = boxes[side.head.id]
    start, end = fork_y(node, side.tail, boxes), head.middle
    axis = f"M{AXIS} {boxes[side.tail].bottom}V{start}" if side.tail else f"M{AXIS} {start}"
    if side.place == "left":
        x = min(boxes[child.id].x for child in side.past) - BESIDE
        bends = f"H{x + BEND}a6 6 0 0 0 -6 6V{end - BEND}a6 6 0 0 0 6 6"
        return f"{axis}{bends}H{head.x - 1}m-5-4l5 4l-5 4"
    into = f"V{end - BEND}a6 6 0 0 1 -6 6H{head.right + 1}m5-4l-5 4l5 4"
    if side.place == "x":  # the shortcut's line leads there already
        return f"M{TAP} {start}{into}"
    return f"{axis}H{TAP - BEND}a6 6 0 0 1 6 6{into}"


def arc(way: Arc, node: Node, boxes: dict[str, Box]) -> str:
    """A shortcut of an open block: out of the fork, through its pills, into the addition."""
    lane = way.lane
    start, joint = fork_y(node, way.source, boxes), boxes[way.joint.id]
    end, first, last = joint.middle, boxes[lane[0].id], boxes[lane[-1].id]
    out, back = min(TURN, first.y - start), min(TURN, end - last.bottom)
    d = f"M{AXIS} {start}H{LANE - out}a{out} {out} 0 0 1 {out} {out}V{first.y}"
    for above, below in pairwise(lane):
        d += f"M{LANE} {boxes[above.id].bottom}V{boxes[below.id].y}"
    d += f"M{LANE} {last.bottom}V{end - back}a{back} {back} 0 0 1 {-back} {back}"
    wrong = " r" if way.joint.broken else ""
    return f'<path class="s{wrong}" d="{d}H{joint.right + 4}m7-6l-7 6l7 6"/>'


def down(start: int, end: int, ends: bool) -> str:
    """A line down the axis; its head in the same stroke, unless it goes on inside a card."""
    return f"M{AXIS} {start}V{end - 1}m-4-5l4 5l4-5" if ends else f"M{AXIS} {start}V{end}"
