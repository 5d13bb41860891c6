"""The marks a picture is made of: cards, layers, handles, tiles, text. Each gives SVG."""

from __future__ import annotations

from html import escape
from math import log2

from .layout import AXIS, LANE, Box
from .lettering import fit, text_width
from .outline import Node

CHEVRON = 28  # width and height of the button that opens a card


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
    elif node.kind not in ("input", "add", "identity", "zeropad"):
        classes += " y"
    label = escape("; ".join(facts(node)), quote=True)
    return f'<g class="{classes}" data-id="{node.id}"{state} aria-label="{label}">{inner}</g>'


def facts(node: Node) -> list[str]:
    """Title, then "name: value" for each fact; read out, and shown beside the pointer."""
    lines = [node.title if node.kind != "add" else "Addition"]
    if node.can_open:
        lines.append(node.what)
        if node.stride > 1:
            lines.append(f"stride: {node.stride}")
    elif node.ops[0].detail:
        lines.append(f"settings: {node.ops[0].detail}")
    lines.append(f"output: {'×'.join(map(str, node.shape))}")
    if node.params:
        lines.append(f"parameters: {node.params:,}")
    if node.macs:
        lines.append(f"MACs: {node.macs:,}")
    return lines


def rect(box: Box, radius: int, classes: str = "b") -> str:
    return (
        f'<rect class="{classes}" x="{box.x}" y="{box.y}" width="{box.w}" height="{box.h}" '
        f'rx="{radius}"/>'
    )


def chevron(box: Box, is_open: bool) -> str:
    x, y = box.x + 6, box.y + 4
    shape = "l5 5l5-5" if is_open else "m3-3l5 5l-5 5"
    return (
        f'<rect class="h c" x="{x}" y="{y}" width="{CHEVRON}" height="{CHEVRON}" rx="6"/>'
        f'<path class="v" d="M{x + 9} {y + 12}{shape}"/>'
    )


def badge(x: int, y: int, text: str) -> str:
    """A small frame that ends at x, its text on the line y."""
    w = text_width(text, 12) + 14
    box = Box(x - w, y - 14, w, 20)
    return rect(box, 10, "d") + write(x - w // 2, y, text, "", "middle")


def open_card(node: Node, box: Box) -> str:
    big = node.kind != "block" and node.kind != "run"
    y = box.y + (24 if big else 22)
    params = write(box.right - 12, y, f"{node.params:,} params", "m", "end")
    tag = stride_of(node)
    left = write(box.x + 36, y, node.title, "t" if big else "u")
    if tag:
        width = text_width(node.title, 15, True)
        left += write(box.x + 36 + width + 8, y, tag, "m")
    return rect(box, 14 if big else 12) + chevron(box, True) + left + params


def closed_part(node: Node, box: Box) -> str:
    """A stage, the stem or the head as one card; one arc at the right edge for each block."""
    room = box.w - 36 - 12
    marks = [
        rect(box, 12),
        chevron(box, False),
        write(box.x + 36, box.y + 25, node.title, "t"),
        write(box.x + 36, box.y + 44, fit(node.what, room, 13), "l"),
        write(box.x + 36, box.y + 61, f"{node.params:,} params", "m"),
    ]
    if node.stride > 1:
        marks.append(badge(box.right - 12, box.y + 24, stride_of(node)))
    marks.append(chain(node.skips, box, 4))
    return "".join(marks)


def closed_block(node: Node, box: Box) -> str:
    """A block as one card, its shortcut as a handle."""
    marks = [rect(box, 10), chevron(box, False), write(box.x + 36, box.y + 22, node.title, "u")]
    what = f"{node.what} · {node.params:,} params"
    marks.append(write(box.x + 36, box.y + 39, fit(what, box.w - 44, 12), "m"))
    if node.stride > 1:
        marks.append(badge(box.right - 12, box.y + 22, stride_of(node)))
    if node.skips[0]:
        marks.append(handle(node.skips[0], box))
    return "".join(marks)


def closed_run(node: Node, box: Box) -> str:
    """Equal blocks as one card on a pile."""
    under = Box(box.x + 8, box.y + 8, box.w - 16, box.h - 4)
    card = Box(box.x, box.y, box.w, 48)
    what = f"each {node.params // len(node.skips):,} params"
    return "".join(
        (
            rect(under, 10, "d"),
            rect(card, 10),
            chevron(card, False),
            write(box.x + 36, box.y + 22, node.title, "u"),
            write(box.x + 36, box.y + 39, what, "m"),
            badge(box.right - 12, box.y + 22, f"× {len(node.skips)}"),
            chain(node.skips, card, 3),
        )
    )


def handle(skip: str, box: Box) -> str:
    """The shortcut of a closed block: out of the card, round, and back in at a small (+)."""
    top, bottom, r = box.y + 8, box.bottom - 8, (box.h - 16) // 2
    x, reach = box.right, LANE + 12 - box.right - r
    d = f"M{x} {top}h{reach}a{r} {r} 0 0 1 0 {2 * r}H{x + 8}"
    marks = f'<path class="s" d="{d}"/><circle class="o" cx="{x}" cy="{top}" r="4"/>'
    marks += f'<circle class="q" cx="{x}" cy="{bottom}" r="7"/>'
    marks += f'<path class="s z" d="M{x - 3} {bottom}h6m-3-3v6" stroke-width="1.5"/>'
    if word := SKIP_WORDS.get(skip):
        w = text_width(word, 12) + 12
        pill = Box(x + reach + r - w // 2, box.middle - 10, w, 20)
        marks += rect(pill, 10, "q") + write(pill.x + w // 2, box.middle + 4, word, "k", "middle")
    return marks


def chain(skips: tuple[str, ...], box: Box, most: int) -> str:
    """One small arc for each block at a card's right edge; of many, the first ones and the last."""
    if not any(skips):
        return ""
    slots = min(len(skips), most)
    pitch = (box.h - 16) // most
    y = box.middle - slots * pitch // 2
    marks, r = "", pitch // 2 - 1
    for slot in range(slots):
        skipped = len(skips) > most and slot == most - 2
        if skipped:
            dots = "".join(f"M{box.right + 6} {y + pitch // 2 + dy}h0" for dy in (-4, 0, 4))
            marks += dots
        else:
            marks += f"M{box.right} {y + 1}h{14 - r}a{r} {r} 0 0 1 0 {2 * r}h{r - 14}"
        y += pitch
    return f'<path class="s z" d="{marks}"/>'


def layer(node: Node, box: Box) -> str:
    title_width = text_width(node.title, 13)
    note = fit(node.what, box.w - 28 - title_width, 12) if node.what else ""
    y = box.middle + 5
    if not note:
        title = write(box.x + box.w // 2, y, fit(node.title, box.w - 16, 13), "l", "middle")
        return rect(box, 8) + title
    return (
        rect(box, 8)
        + write(box.x + 10, y, node.title, "l")
        + write(box.right - 10, y, note, "m", "end")
    )


def addition(node: Node, box: Box) -> str:
    cx, cy = box.x + box.w // 2, box.middle
    return (
        f'<circle class="b q" cx="{cx}" cy="{cy}" r="{box.w // 2}"/>'
        f'<path class="s z" d="M{cx - 6} {cy}h12m-6-6v12"/>'
    )


def pill(node: Node, box: Box) -> str:
    """A layer on the shortcut."""
    x = box.x + box.w // 2
    if node.kind == "identity":
        return rect(box, 12, "b w") + write(x, box.middle + 4, "identity", "k", "middle")
    if node.kind == "zeropad":
        added = node.shape[0] - node.in_shape[0]
        lines = ["subsample"] if node.shape[1:] != node.in_shape[1:] else []
        lines += [f"+ {added} zeros"] if added else []
        y = box.middle + 4 - 8 * (len(lines) - 1)
        text = "".join(
            write(x, y + 16 * i, fit(line, box.w - 6, 12), "k", "middle")
            for i, line in enumerate(lines)
        )
        return rect(box, 12, "q b") + text
    word = node.title.removeprefix("conv ")
    if node.ops[0].detail.partition("stride ")[2]:
        word += f", /{node.ops[0].detail.partition('stride ')[2]}"
    back = rect(box, 14, "q")
    return back + rect(box, 14) + write(x, box.middle + 4, fit(word, box.w - 8, 12), "", "middle")


def input_tiles(node: Node, box: Box) -> str:
    shape = "×".join(map(str, node.shape))
    return (
        rect(box, 12)
        + pile(AXIS + 22, box.middle, node.shape, 2)
        + write(AXIS + 34, box.middle - 3, "Input", "t")
        + write(AXIS + 34, box.middle + 16, shape, "m")
    )


def pile(right: int, y: int, shape: tuple[int, ...], scale: int = 1) -> str:
    """Feature maps as tiles: smaller for fewer pixels, more for more channels."""
    count = 1 + round(log2(shape[0]) / 2)
    h, w = (round(scale * (3 + 2 * log2(n))) for n in (shape[1:] or (1, 1)))
    step = 3 * scale
    x, y = right - w - step * (count - 1), y - (h + step * (count - 1)) // 2
    return "".join(
        f'<rect class="g" x="{x + step * i}" y="{y + step * i}" width="{w}" height="{h}" rx="2"/>'
        for i in range(count)
    )


def stride_of(node: Node) -> str:
    return f"stride {node.stride}" if node.stride > 1 else ""


#: kind of a shortcut's first op -> the word on a closed block's handle; an identity has none
SKIP_WORDS = {"conv": "1×1", "zeropad": "zeros"}

#: kind -> mark(node, box) of a closed card; `layer` for every other kind
CLOSED_MARKS = {
    "input": input_tiles,
    "stem": closed_part,
    "stage": closed_part,
    "head": closed_part,
    "run": closed_run,
    "block": closed_block,
    "add": addition,
}
