"""Arrows and arcs: paths of the main way down, of the shortcuts, and the shapes beside them."""

from __future__ import annotations

from itertools import pairwise

from .layout import AXIS, LANE, OPEN, Box, Layout, fork_y, joint, main_path, shortcut, shows_shape
from .lettering import text_width
from .marks import pile, write
from .outline import Node

TIP = 5  # size of an arrow's head
TURN = 36  # radius of the bends of a shortcut
ADD = 14  # radius of the addition's circle


def between_parts(above: Box, below_y: int, shape: tuple[int, ...] | None) -> str:
    """The arrow from one stage to the next, with the shape and a picture of it."""
    arrow = f'<path class="e" d="{down(above.bottom, below_y)}"/>'
    if shape is None:
        return arrow
    y = (above.bottom + below_y) // 2
    text = "×".join(map(str, shape))
    return arrow + pile(AXIS - 14, y, shape) + write(AXIS + 14, y + 4, text, "m")


def inside(node: Node, plan: Layout) -> str:
    """The arrows between the children of an open card, from its header to its bottom."""
    boxes, children = plan.boxes, main_path(node)
    box = boxes[node.id]
    paths = [down(box.y + OPEN[node.kind][2], boxes[children[0].id].y)]
    labels = []
    for above, below in pairwise(children):
        start, end = boxes[above.id].bottom, boxes[below.id].y
        paths.append(down(start, end))
        if shows_shape(above, below):
            text = "×".join(map(str, above.shape))
            labels.append(write(AXIS + 12, (start + end) // 2 + 4, text, "m"))
    paths.append(f"M{AXIS} {boxes[children[-1].id].bottom}V{box.bottom}")
    return f'<path class="e" d="{"".join(paths)}"/>{"".join(labels)}'


def residual(node: Node, plan: Layout) -> str:
    """What explains an open block: where x forks off, which layers are F, what is added."""
    if not shortcut(node):
        return ""
    boxes, add = plan.boxes, joint(node)
    y, end = fork_y(node, boxes), boxes[add.id]
    layers = [c for c in main_path(node) if y < boxes[c.id].y < end.y]
    top, bottom = boxes[layers[0].id].y, boxes[layers[-1].id].bottom
    formula = "F(x) + Wx" if shortcut(node)[0].kind == "conv" else "F(x) + x"
    return (
        f'<circle class="o" cx="{AXIS}" cy="{y}" r="4"/>'
        + write(AXIS - 12, y + 4, "x", "l f", "end")
        + f'<path class="e" d="M70 {top}h-6V{bottom}h6"/>'
        + write(58, (top + bottom) // 2 + 4, "F(x)", "l f", "end")
        + write(end.x - 10, end.middle + 4, formula, "l f", "end")
    )


def arc(node: Node, plan: Layout) -> str:
    """The shortcut of an open block: out of the fork, through its pills, into the addition."""
    boxes, lane = plan.boxes, shortcut(node)
    start, end = fork_y(node, boxes), boxes[joint(node).id].middle
    first, last = boxes[lane[0].id], boxes[lane[-1].id]
    out = min(TURN, first.y - start)
    back = min(TURN, end - last.bottom)
    d = f"M{AXIS} {start}H{LANE - out}a{out} {out} 0 0 1 {out} {out}V{first.y}"
    for above, below in pairwise(lane):
        d += f"M{LANE} {boxes[above.id].bottom}V{boxes[below.id].y}"
    d += f"M{LANE} {last.bottom}V{end - back}a{back} {back} 0 0 1 {-back} {back}"
    return f'<path class="s" d="{d}H{AXIS + ADD + 4}m7-6l-7 6l7 6"/>'


def down(start: int, end: int) -> str:
    """An arrow down the axis, its head in the same stroke."""
    return f"M{AXIS} {start}V{end - 1}m-4-{TIP}l4 {TIP}l4-{TIP}"


def label_room(text: str) -> int:
    return text_width(text, 12)
