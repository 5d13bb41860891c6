"""How large closed cards and layers are drawn: equally large for each kind, or to scale."""

from __future__ import annotations

from math import log2, prod

from .lettering import text_width
from .outline import Node
from .view import View

AXIS = 144  # x of the main path: of the middle of every box on it
INDENT = 32  # of a card's writing, behind the button that opens it
LINE = 17  # from one line of a card to the next
STRIP = 18  # of a layer, for what is folded in
PILL_LINE = 16  # from one line of a pill to the next
DOUBLING = 6  # higher for twice the channels, from 4 channels on
HALVING = 14  # narrower for half the rows and columns


def closed_size(
    node: Node, view: View, input_shape: tuple[int, ...], narrow: bool = False
) -> tuple[int, int, int]:
    """x, width and height [px] of a node that shows nothing inside; `narrow` in an attention.

    To scale, the height grows with log2 of the channels it puts out, and the width shrinks with
    log2 of its resolution against the net's input; titles and numbers have room in any case.
    """
    width, height = CLOSED.get(node.kind, NARROW if narrow else LAYER)
    height += strips(node)
    if view.to_scale and node.kind not in FIXED:
        side = log2(prod(input_shape[1:]) / prod(node.shape[1:])) / 2
        needed, lines = (_card_room if node.can_open else _layer_room)(node)
        width = max(min(width, needed), width - round(HALVING * side))
        height = max(height + round(DOUBLING * log2(max(4, node.shape[0]) / 4)), lines)
    width += width % 2
    return AXIS - width // 2, width, height


def pill_size(node: Node) -> tuple[int, int]:
    """Width and height [px] of a layer on the shortcut: a line more for each thing it tells."""
    width, height = PILLS.get(node.kind, PILL)
    tells = (node.shape != node.in_shape) + any(node.folded)
    return width, height + PILL_LINE * tells


def strips(node: Node) -> int:
    """Height [px] of what is folded in: a strip before and one behind the convolution."""
    return STRIP * sum(map(bool, node.folded))


def _layer_room(node: Node) -> tuple[int, int]:
    """Least width and height: the title, and the note in a line of its own."""
    width = max(text_width(node.title, 13), text_width(node.what, 12), 40)
    return width + 20, (46 if node.what else 28) + strips(node)


def _card_room(node: Node) -> tuple[int, int]:
    """Least width and height: title and stride, then a line for each thing that is said."""
    if node.kind == "attention":
        lines = [f"{node.params:,} params"]
    else:
        lines = [*node.what.split(" · "), f"{node.params:,} params", " " * 28]
    head = text_width(node.title, 15, True)
    head += text_width(f"/{node.stride}", 12) + 34 if node.stride > 1 else 0
    head += text_width(f"× {len(node.skips)}", 12) + 34 if node.kind == "run" else 0
    width = max([head, *(text_width(line, 13) for line in lines if line)])
    return width + INDENT + 10, 14 + LINE * (1 + sum(bool(line.strip()) for line in lines))


#: kinds whose size says nothing
FIXED = ("input", "add", "multiply")
#: kind -> width, height of a closed card; LAYER for every other kind
CLOSED = {
    "input": (264, 56),
    "stem": (264, 72),
    "stage": (264, 72),
    "head": (264, 72),
    "run": (192, 56),
    "block": (192, 48),
    "attention": (152, 32),
    "add": (28, 28),
    "multiply": (28, 28),
}
LAYER = (152, 28)
NARROW = (124, 28)  # inside a card inside a block
#: kind -> width, height on the shortcut; PILL for every other kind
PILLS = {"identity": (64, 24), "zeropad": (80, 40)}
PILL = (86, 28)
