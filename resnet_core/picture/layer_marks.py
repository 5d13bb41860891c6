"""Single layers: boxes on the main path, pills on the shortcut, the addition, the input."""

from __future__ import annotations

import re

from .layout import AXIS, Box
from .lettering import first_fit, fit, text_width
from .marks import pile, pile_size, rect, shape_text, write
from .outline import Node


def layer(node: Node, box: Box) -> str:
    room = box.w - 20
    y, title = box.middle + 5, fit(node.title, room, 13)
    note = first_fit(notes(node.what), room - text_width(title, 13) - 6, 12)
    marks = rect(box, 8) + write(box.x + 10, y, title, "l")
    return marks + (write(box.right - 10, y, note, "m", "end") if note else "")


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
    cx, cy = box.x + box.w // 2, box.middle
    return (
        f'<circle class="b g" cx="{cx}" cy="{cy}" r="{box.w // 2}"/>'
        f'<path class="v" d="M{cx - 4} {cy - 4}l8 8m-8 0l8-8"/>'
    )


def pill(node: Node, box: Box) -> str:
    """A layer on the shortcut."""
    mark = PILLS.get(node.kind)
    if mark:
        return mark(node, box)
    word = fit(pill_word(node), box.w - 8, 12)
    return rect(box, 14, "w") + rect(box, 14, "b p") + centred(box, [word], "")


def identity(node: Node, box: Box) -> str:
    return rect(box, 12) + centred(box, ["identity"], "k")


def zero_pad(node: Node, box: Box) -> str:
    """What option A does to x here: it need not do both."""
    added = node.shape[0] - node.in_shape[0]
    lines = ["subsample"] if node.shape[1:] != node.in_shape[1:] else []
    lines += [fit(f"+ {added} zeros", box.w - 4, 12)] if added else []
    return rect(box, 12, "b q") + centred(box, lines, "k")


def pill_word(node: Node) -> str:
    """A conv on the shortcut is always a projection: its window and stride say enough."""
    window, _, stride = node.ops[0].detail.partition(", stride ")
    if node.kind == "pool":
        return f"pool {window.split()[-1]}"
    if node.kind != "conv":
        return node.title
    return f"{window}, /{stride}" if stride else window


def centred(box: Box, lines: list[str], classes: str) -> str:
    x, y = box.x + box.w // 2, box.middle + 4 - 8 * (len(lines) - 1)
    return "".join(write(x, y + 16 * i, line, classes, "middle") for i, line in enumerate(lines))


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
#: kind -> mark(node, box) on the shortcut; a pill with its name for every other kind
PILLS = {"identity": identity, "zeropad": zero_pad}
