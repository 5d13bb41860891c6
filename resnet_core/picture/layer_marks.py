"""Single layers: boxes on the main path, pills on the shortcut, the addition, the input."""

from __future__ import annotations

import re

from resnet_core.graph import Op

from .layout import AXIS, Box
from .lettering import first_fit, fit, text_width
from .marks import pile, pile_size, rect, shape_text, write
from .outline import Node
from .sizes import PILL_LINE, STRIP
from .skips import PILL_SIGNS, coin
from .titles import short_title


def layer(node: Node, box: Box) -> str:
    """Its name and what it changes, in one line or in two; what is folded in, before or behind."""
    above, below = (STRIP if ops else 0 for ops in node.folded)
    inner = Box(box.x, box.y + above, box.w, box.h - above - below)
    return (
        rect(box, 8)
        + strip(node.folded[0], box, box.y, inner.y)
        + named(node, inner)
        + strip(node.folded[1], box, inner.bottom, inner.bottom)
    )


def named(node: Node, box: Box) -> str:
    room, y = box.w - 20, box.middle + 5
    title = fit(node.title, room, 13)
    beside = room - text_width(title, 13) - 6
    if box.h >= 40 and text_width(node.what, 12) > beside:
        note = first_fit(notes(node.what), room, 12)
        return write(box.x + 10, y - 8, title, "l") + write(box.x + 10, y + 8, note, "m")
    note = first_fit(notes(node.what), beside, 12)
    marks = write(box.x + 10, y, title, "l")
    return marks + (write(box.right - 10, y, note, "m", "end") if note else "")


def strip(ops: tuple[Op, ...], box: Box, y: int, line: int) -> str:
    """Norm and activation that belong to a convolution, each with its colour."""
    if not ops:
        return ""
    x, marks = box.x + 10, [f'<path class="j" d="M{box.x} {line}h{box.w}"/>']
    for op in ops:
        text = fit(short_title(op), box.right - x - 20, 12)
        marks.append(f'<circle class="a {op.kind}" cx="{x + 4}" cy="{y + STRIP // 2}" r="4"/>')
        marks.append(write(x + 13, y + STRIP // 2 + 4, text))
        x += 13 + text_width(text, 12) + 10
    return "".join(marks)


def notes(what: str) -> list[str]:
    """The same said shorter and shorter: "/2, 32 groups 256→512", ..., "32 groups"."""
    less = re.sub(r"\d+→", "", what)  # without the channels that come in
    groups = re.search(r"\d+ groups", what)
    return [what, less, *([groups[0]] if groups else [])]


def addition(node: Node, box: Box) -> str:
    cx, cy = box.x + box.w // 2, box.middle
    wrong = " r" if node.broken else ""
    return (
        f'<circle class="b q{wrong}" cx="{cx}" cy="{cy}" r="{box.w // 2}"/>'
        f'<path class="s z{wrong}" d="M{cx - 6} {cy}h12m-6-6v12"/>'
    )


def product(node: Node, box: Box) -> str:
    """The one that weighs x is a shortcut's gate."""
    cx, cy = box.x + box.w // 2, box.middle
    gate = coin("gate", box.right - 2, box.y - 2) if node.id.endswith(".add.weigh_x") else ""
    return (
        f'<circle class="b g" cx="{cx}" cy="{cy}" r="{box.w // 2}"/>'
        f'<path class="v" d="M{cx - 4} {cy - 4}l8 8m-8 0l8-8"/>{gate}'
    )


def pill(node: Node, box: Box) -> str:
    """A layer on the shortcut, with its sign; where it changes the shape, with its output's."""
    frames, radius, words = PILLS.get(node.kind, PILL)
    told = PILL_LINES.get(node.kind, lambda node: [pill_word(node)])(node)
    for ops in filter(None, node.folded):
        told.append(" · ".join(map(short_title, ops)))
    x, y = box.x + box.w // 2, box.middle + 4 - PILL_LINE // 2 * (len(told) - 1)
    marks = [rect(box, radius, frame) for frame in frames]
    lines = [(fit(line, box.w - 8, 12), words) for line in told]
    if node.shape != node.in_shape:
        y -= PILL_LINE // 2
        lines.append((fit(shape_text(node.shape), box.w - 6, 12), "m"))
    for place, (line, classes) in enumerate(lines):
        marks.append(write(x, y + PILL_LINE * place, line, classes, "middle"))
    sign = PILL_SIGNS.get(node.kind)
    return "".join(marks) + (coin(sign, box.right - 5, box.y - 3) if sign else "")


def zeros(node: Node) -> list[str]:
    """What option A does to x here: it need not do both."""
    added = node.shape[0] - node.in_shape[0]
    lines = ["subsample"] if node.shape[1:] != node.in_shape[1:] else []
    return lines + ([f"+ {added} zeros"] if added else [])


def pill_word(node: Node) -> str:
    """A conv on the shortcut is always a projection: its window and stride say enough."""
    window, _, stride = node.layer.detail.partition(", stride ")
    if node.kind == "pool":
        return f"pool {window.split()[-1]}"
    if node.kind != "conv":
        return node.title
    return f"{window}, /{stride}" if stride else window


def input_tiles(node: Node, box: Box) -> str:
    width, _ = pile_size(node.shape, 2)
    end = AXIS - width // 2 - 12
    return (
        rect(box, 12)
        + pile(AXIS + width // 2, box.middle, node.shape, 2)
        + write(end, box.middle - 3, "Input", "t", "end")
        + write(end, box.middle + 16, fit(shape_text(node.shape), end - box.x, 12), "m", "end")
    )


#: kind -> mark(node, box) on the main path; `layer` for every other kind
LAYERS = {"input": input_tiles, "add": addition, "multiply": product}
#: kind on the shortcut -> classes of its frames, their radius, class of its words; PILL for others
PILLS = {"identity": (("b",), 12, "k"), "zeropad": (("b q",), 12, "k")}
PILL = (("w", "b p"), 14, "")
#: kind on the shortcut -> what it says; its name for every other kind
PILL_LINES = {"identity": lambda node: ["identity"], "zeropad": zeros}
