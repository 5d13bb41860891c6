"""The smallest marks of a picture, as SVG text: writing, frames, tiles; and a node's group."""

from __future__ import annotations

from html import escape
from math import log2

from .layout import Box
from .lettering import text_width
from .outline import Node
from .skips import in_words
from .titles import layer_title


def write(x: int, y: int, text: str, classes: str = "", anchor: str = "") -> str:
    classes = f' class="{classes}"' if classes else ""
    anchor = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x}" y="{y}"{classes}{anchor}>{escape(text, quote=False)}</text>'


def group(node: Node, inner: str) -> str:
    """What a pointer or a reader can meet: id, what it is, whether it is open."""
    state = ""
    classes = f"n {node.kind}"
    if node.can_open:
        state = f' aria-expanded="{"true" if node.children else "false"}"'
        classes += " open" if node.children else ""
    elif node.kind not in UNCOLOURED:
        classes += " y"
    classes += " broken" if node.broken else ""
    classes += " skip" if of_shortcut(node) else ""
    label = escape("; ".join(facts(node)), quote=True)
    held = " ".join(op.path for ops in node.folded for op in ops)
    state += f' data-holds="{held}"' if held else ""
    return f'<g class="{classes}" data-id="{node.id}"{state} aria-label="{label}">{inner}</g>'


def of_shortcut(node: Node) -> bool:
    """Whether a plain net has no such layer: a shortcut's own, the (+), a gate."""
    return node.kind == "add" or node.on_shortcut or ".add." in node.id


def facts(node: Node) -> list[str]:
    """Title, then "name: value" for each fact; read out, and shown beside the pointer."""
    lines = [SPOKEN.get(node.kind, node.title)]
    if node.is_ghost and of_shortcut(node):
        return [*lines, "not in the plain net"]
    if node.can_open:
        lines += [node.what] if node.what else []
        if node.stride > 1:
            lines.append(f"stride: {node.stride}")
        if any(node.skips) and not node.is_ghost:
            lines.append(f"shortcuts: {in_words(node.skips)}")
    elif node.layer.detail:
        lines.append(f"settings: {node.layer.detail}")
    for place, ops in zip(("before", "behind"), node.folded, strict=True):
        if ops:
            lines.append(f"{place} it: {', '.join(map(layer_title, ops))}")
    if node.ops[0].inputs:
        lines.append(f"input: {shape_text(node.in_shape)}")
    if node.broken:
        lines += ["cannot add", f"F(x): {shape_text(node.broken.residual)}"]
        return [*lines, f"x: {shape_text(node.broken.skip)}"]
    lines.append(f"output: {shape_text(node.shape)}")
    if node.params:
        lines.append(f"parameters: {node.params:,}")
    if node.macs:
        lines.append(f"MACs: {node.macs:,}")
    return lines


def shape_text(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def rect(box: Box, radius: int, classes: str = "b") -> str:
    return (
        f'<rect class="{classes}" x="{box.x}" y="{box.y}" width="{box.w}" height="{box.h}" '
        f'rx="{radius}"/>'
    )


def badge(x: int, y: int, text: str) -> str:
    """A small frame that ends at x, its text on the line y."""
    w = text_width(text, 12) + 14
    box = Box(x - w, y - 14, w, 20)
    return rect(box, 10, "d") + write(x - w // 2, y, text, "", "middle")


def pile(right: int, y: int, shape: tuple[int, ...], scale: int = 1) -> str:
    """Feature maps as tiles: smaller for fewer pixels, more for more channels."""
    width, height = pile_size(shape, scale)
    h, w = _tile(shape, scale)
    x, y, step = right - width, y - height // 2, 3 * scale
    return "".join(
        f'<rect class="g" x="{x + step * i}" y="{y + step * i}" width="{w}" height="{h}" rx="2"/>'
        for i in range((width - w) // step + 1)
    )


def pile_size(shape: tuple[int, ...], scale: int = 1) -> tuple[int, int]:
    h, w = _tile(shape, scale)
    more = 3 * scale * round(log2(shape[0]) / 2)  # one tile more for four times the channels
    return w + more, h + more


def _tile(shape: tuple[int, ...], scale: int) -> tuple[int, int]:
    h, w = shape[1:] or (1, 1)
    return round(scale * (3 + 2 * log2(h))), round(scale * (3 + 2 * log2(w)))


#: kinds of nodes with a colour that is not their layer's
UNCOLOURED = ("input", "add", "multiply", "identity", "zeropad")
#: kind -> its name in words, where the title is a sign
SPOKEN = {"add": "Addition", "multiply": "Product"}
