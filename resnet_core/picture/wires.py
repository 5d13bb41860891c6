"""Lines: the main path from top to bottom, shortcuts around it, and the shapes beside it."""

from __future__ import annotations

from itertools import pairwise

from .layout import AXIS, LANE, Box, Layout, fork_y, joint, main_path, shortcut, shows_shape
from .marks import pile, shape_text, write
from .outline import Node

TURN = 36  # radius of the bends of a shortcut
ADD = 14  # radius of the addition's circle
DETOUR = 8  # left of the layers: what jumps over some of them without being a shortcut


def between_parts(above: Box, below_y: int, shape: tuple[int, ...] | None, ends: bool) -> str:
    """The arrow from one stage to the next, with the shape and a picture of it."""
    arrow = f'<path class="e" d="{down(above.bottom, below_y, ends)}"/>'
    if shape is None:
        return arrow
    y = (above.bottom + below_y) // 2
    return arrow + pile(AXIS - 14, y, shape) + write(AXIS + 14, y + 4, shape_text(shape), "m")


def inside(node: Node, plan: Layout) -> str:
    """The arrows between the children of an open card, from its upper to its lower edge."""
    boxes, children = plan.boxes, main_path(node)
    first, last, box = boxes[children[0].id], boxes[children[-1].id], boxes[node.id]
    paths = [down(box.y, first.y, not children[0].children)]
    labels = []
    for above, below in pairwise(children):
        start, end = boxes[above.id].bottom, boxes[below.id].y
        if below.can_open or above.id in below.ops[0].inputs:
            paths.append(down(start, end, not below.children))
        if shows_shape(above):
            labels.append(write(AXIS + 12, (start + end) // 2 + 4, shape_text(above.shape), "m"))
    paths.append(f"M{AXIS} {last.bottom}V{box.bottom}")
    paths.extend(detours(children, boxes))
    return f'<path class="e" d="{"".join(paths)}"/>{"".join(labels)}'


def detours(children: tuple[Node, ...], boxes: dict[str, Box]) -> list[str]:
    """Lines on the left, for layers that take more than what stands above them."""
    paths, known = [], {}
    for above, child in pairwise((None, *children)):
        for source in child.ops[0].inputs:
            if source in known and source != above.id:
                a, b = known[source], boxes[child.id]
                x = min(a.x, b.x) - DETOUR
                paths.append(f"M{a.x} {a.middle}H{x}V{b.middle}H{b.x - 1}m-5-4l5 4l-5 4")
        known[child.id] = boxes[child.id]
    return paths


def residual(node: Node, plan: Layout) -> str:
    """What explains an open block: where x forks off, which layers are F, what is added."""
    if not shortcut(node):
        return ""
    boxes, add = plan.boxes, addition_of(node, plan)
    y = fork_y(node, boxes)
    layers = [boxes[c.id] for c in main_path(node) if y < boxes[c.id].y < add.y]
    top, bottom = layers[0].y, layers[-1].bottom
    skipped = "Wx" if shortcut(node)[0].kind == "conv" else "x"
    return (
        f'<circle class="o" cx="{AXIS}" cy="{y}" r="4"/>'
        + write(AXIS - 12, y + 4, "x", "l f k", "end")
        + f'<path class="e" d="M56 {top}h-6V{bottom}h6"/>'
        + write(44, (top + bottom) // 2 + 4, "F(x)", "l f", "end")
        + f'<text x="{add.x - 10}" y="{add.middle + 4}" class="l f" text-anchor="end">'
        + f'F(x) + <tspan class="k">{skipped}</tspan></text>'
    )


def arc(node: Node, plan: Layout) -> str:
    """The shortcut of an open block: out of the fork, through its pills, into the addition."""
    boxes, lane = plan.boxes, shortcut(node)
    start, end = fork_y(node, boxes), addition_of(node, plan).middle
    first, last = boxes[lane[0].id], boxes[lane[-1].id]
    out, back = min(TURN, first.y - start), min(TURN, end - last.bottom)
    d = f"M{AXIS} {start}H{LANE - out}a{out} {out} 0 0 1 {out} {out}V{first.y}"
    for above, below in pairwise(lane):
        d += f"M{LANE} {boxes[above.id].bottom}V{boxes[below.id].y}"
    d += f"M{LANE} {last.bottom}V{end - back}a{back} {back} 0 0 1 {-back} {back}"
    return f'<path class="s" d="{d}H{AXIS + ADD + 4}m7-6l-7 6l7 6"/>'


def addition_of(node: Node, plan: Layout) -> Box:
    return plan.boxes[joint(node).id]


def down(start: int, end: int, ends: bool) -> str:
    """A line down the axis; its head in the same stroke, unless it goes on inside a card."""
    return f"M{AXIS} {start}V{end - 1}m-4-5l4 5l4-5" if ends else f"M{AXIS} {start}V{end}"
