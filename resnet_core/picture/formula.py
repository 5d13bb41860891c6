"""What explains an open block: where x forks off, which layers are F, what is added."""

from __future__ import annotations

from resnet_core.shortcuts import SHORTCUTS

from .layout import AXIS, Box, fork_y
from .lettering import first_fit
from .marks import shape_text, write
from .outline import Node
from .ways import Arc, arcs, main_path

EDGE = 50  # x of the brackets left of the layers
LABEL = 110  # most that a shape beside a broken (+) may take


def formula(node: Node, boxes: dict[str, Box]) -> str:
    """Letters and brackets of all shortcuts of an open block."""
    ways = arcs(node)
    return "".join(_of_arc(way, place, len(ways), node, boxes) for place, way in enumerate(ways))


def _of_arc(way: Arc, place: int, count: int, node: Node, boxes: dict[str, Box]) -> str:
    y = fork_y(node, way.source, boxes)
    x, name = letters(way, place, count)
    residual, gate = _between(way, node)
    marks = [
        f'<circle class="o" cx="{AXIS}" cy="{y}" r="4"/>',
        write(AXIS - 12, y + 4, x, "l f k", "end"),
        "" if place else write(AXIS + 12, y + 17, shape_text(way.lane[0].in_shape), "m"),
        bracket([boxes[c.id] for c in residual], name if count > 1 else f"{name}({x})"),
        bracket([boxes[c.id] for c in gate], "g", " skip"),
    ]
    if way.joint.broken:
        return "".join(marks) + cannot_add(way.joint, boxes[way.joint.id])
    before, skipped = terms(way, node, f"{name}({x})", x)
    addition = _sum_of(way, node)
    total, end = boxes[addition.id], boxes[residual[-1].id].bottom
    marks.append(f'<path class="through e" d="M{AXIS} {end}v{total.bottom - end}"/>')
    if addition is way.joint:  # the arc comes from the right
        marks.append(_sum(total.x - 10, total.middle + 4, before, skipped, "end"))
    else:  # a line comes from the left
        marks.append(_sum(total.right + 10, total.middle + 4, before, skipped, ""))
    return "".join(marks)


def letters(way: Arc, place: int, count: int) -> tuple[str, str]:
    """What this shortcut carries, and what it skips: x and F, x′ behind a norm, x₁ and F₂."""
    if count > 1:
        return ("x" if place == 0 else f"x{SUBSCRIPTS[place]}"), f"F{SUBSCRIPTS[place + 1]}"
    return ("x′" if way.source else "x"), "F"


def terms(way: Arc, node: Node, residual: str, x: str) -> tuple[str, str]:
    """The two terms of the sum: "F(x)" and " + x"."""
    x = f"W{x}" if any(child.kind == "conv" for child in way.lane) else x
    text = SHORTCUTS[node.block.shortcut].sum.format(F=residual, x=x, g="g")
    before, plus, skipped = text.partition(" + ")
    return before, plus + skipped


def bracket(layers: list[Box], name: str, more: str = "") -> str:
    if not layers:
        return ""
    top, bottom = layers[0].y, layers[-1].bottom
    return f'<path class="e{more}" d="M{EDGE + 6} {top}h-6V{bottom}h6"/>' + write(
        EDGE - 6, (top + bottom) // 2 + 4, name, f"l f{more}", "end"
    )


def cannot_add(node: Node, box: Box) -> str:
    """The two shapes that do not fit, below the (+)."""
    y, error = box.bottom + 17, node.broken
    residual, skip = shape_text(error.residual), shape_text(error.skip)
    left = first_fit([f"F(x) {residual}", residual], LABEL, 13)
    right = first_fit([f"x {skip}", skip], LABEL, 13)
    return (
        write(AXIS - 12, y, left, "l k r", "end")
        + write(AXIS, y, "≠", "k r u", "middle")
        + write(AXIS + 12, y, right, "l k r")
    )


def _between(way: Arc, node: Node) -> tuple[list[Node], list[Node]]:
    """The layers that a shortcut skips: F, and those that make the gate."""
    main = main_path(node)
    ids = [child.id for child in main]
    start = ids.index(way.source) + 1 if way.source else 0
    skipped = main[start : ids.index(way.joint.id)]
    residual = [child for child in skipped if ".add." not in child.id]
    gate = [child for child in skipped if child.id.endswith((".add.gate", ".add.sigmoid"))]
    return residual, gate


def _sum_of(way: Arc, node: Node) -> Node:
    """The (+): where the shortcut ends, or behind the product it ends in."""
    main = main_path(node)
    return next(child for child in main[main.index(way.joint) :] if child.kind == "add")


def _sum(x: int, y: int, before: str, skipped: str, anchor: str) -> str:
    anchor = f' text-anchor="{anchor}"' if anchor else ""
    text = f'{before}<tspan class="k">{skipped}</tspan>'
    return f'<text x="{x}" y="{y}" class="l f"{anchor}>{text}</text>'


SUBSCRIPTS = "₀₁₂₃₄"
