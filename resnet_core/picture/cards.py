"""Cards of stages, blocks and runs of blocks; a closed one shows its shortcuts at its edge."""

from __future__ import annotations

from .layout import AXIS, LANE, OPEN, Box
from .lettering import first_fit, fit, text_width
from .marks import badge, rect, write
from .outline import Node
from .sizes import INDENT, LINE
from .skips import SIGNS, sign, stroke

CHEVRON = 28  # width and height of the button that opens a card
LINK = 22  # most from one small arc to the next


def open_card(node: Node, box: Box) -> str:
    """Frame and header: the title left of the main path, the numbers right of it."""
    big = node.kind not in ("block", "run", "attention")
    x, y, right = box.x + INDENT, box.y + (24 if big else 22), box.right - 12
    marks = [rect(box, 14 if big else 12), chevron(box, True)]
    marks.append(write(x, y, title(node, AXIS - 8 - x), "t" if big else "u"))
    if node.stride > 1:
        marks.append(badge(right, y, f"/{node.stride}"))
        right -= text_width(f"/{node.stride}", 12) + 14 + 8
    if not node.broken:
        number = first_fit([params(node), f"{node.params:,}"], right - AXIS - 8, 12)
        marks.append(write(right, y, number, "m", "end"))
    return "".join(marks)


def closed_part(node: Node, box: Box) -> str:
    """A stage, the stem or the head as one card; small arcs at the right edge for its blocks."""
    start, room = box.x + INDENT, box.w - INDENT - 8
    marks = [rect(box, 12), chevron(box, False), write(start, box.y + 25, node.title, "t")]
    lines = wrapped(node.what, room, 13, (box.h - 51) // LINE)
    for place, line in enumerate(lines):
        marks.append(write(start, box.y + 44 + LINE * place, line, "l"))
    y = box.y + 44 + LINE * len(lines)
    marks.append(write(start, y, params(node), quiet(node)))
    marks.append(stride(node, box, 24))
    return "".join(marks) + chain(node.skips, box)


def closed_block(node: Node, box: Box) -> str:
    """A block as one card, its shortcut as a handle."""
    marks = [rect(box, 10), chevron(box, False), write(box.x + INDENT, box.y + 22, node.title, "u")]
    told = " · ".join(filter(None, (node.what, params(node))))
    for place, line in enumerate(wrapped(told, box.w - INDENT - 8, 12, (box.h - 26) // LINE)):
        marks.append(write(box.x + INDENT, box.y + 39 + LINE * place, line, quiet(node)))
    marks.append(stride(node, box, 22))
    skip = node.skips[0]
    if skip == "layers":
        count = sum(op.kind == "add" for op in node.ops)
        marks.append(chain(("identity",) * count, box) + word(SIGNS[skip].word, "", box))
    elif skip:
        marks.append(handle(skip, box))
    return "".join(marks)


def closed_attention(node: Node, box: Box) -> str:
    """An attention module as one layer of F."""
    start, right, two_lines = box.x + INDENT, box.right - 10, box.h >= 48
    y = box.y + 20 if two_lines else box.middle + 5
    room = right - start - (0 if two_lines else text_width(node.title, 14, True) + 6)
    number = first_fit([params(node), f"{node.params:,}"], room, 12)
    marks = [rect(box, 8), chevron(box, False), write(start, y, node.title, "u")]
    if two_lines:
        marks.append(write(start, y + LINE, number, "m"))
    else:
        marks.append(write(right, y, number, "m", "end"))
    return "".join(marks)


def closed_run(node: Node, box: Box) -> str:
    """Equal blocks as one card on a pile."""
    count = len(node.skips)
    under = Box(box.x + 8, box.y + 8, box.w - 16, box.h - 8)
    card = Box(box.x, box.y, box.w, box.h - 8)
    room = box.w - INDENT - 34 - text_width(f"× {count}", 12)  # the badge's
    what = fit(f"each {node.params // count:,} params", box.w - INDENT - 8, 12)
    marks = [
        rect(under, 10, "d"),
        rect(card, 10),
        chevron(card, False),
        write(box.x + INDENT, box.y + 22, title(node, room), "u"),
        write(box.x + INDENT, box.y + 39, what, "m"),
        badge(box.right - 12, box.y + 22, f"× {count}"),
        chain(node.skips, card),
    ]
    return "".join(marks)


def wrapped(text: str, room: int, size: int, most: int) -> list[str]:
    """`text` in one line, or parted at its dots if there are lines enough, or less of it."""
    parts = text.split(" · ")
    if text_width(text, size) <= room or 1 < len(parts) > most:
        shorter = [" · ".join(parts[:n]) for n in range(len(parts), 0, -1)]
        return [first_fit(shorter, room, size)]
    return [fit(part, room, size) for part in parts]


def stride(node: Node, box: Box, y: int) -> str:
    """The badge of a strided card: in a word, or as a sign where it is narrow."""
    if node.stride == 1:
        return ""
    room = box.w - INDENT - text_width(node.title, 15, True) - 34
    text = first_fit([f"stride {node.stride}", f"/{node.stride}"], room, 12)
    return badge(box.right - 12, box.y + y, text)


def title(node: Node, room: int) -> str:
    return first_fit([node.title, node.title.removeprefix("Blocks ")], room, 15, True)


def params(node: Node) -> str:
    return f"{node.params:,} params" if not node.broken else "cannot be built"


def quiet(node: Node) -> str:
    """Class of the numbers: red where there are none."""
    return "k r" if node.broken else "m"


def chevron(box: Box, is_open: bool) -> str:
    x, y = box.x + 4, box.y + (3 if is_open or box.h < 60 else 6)
    shape = "l5 5l5-5" if is_open else "m3-3l5 5l-5 5"
    return (
        f'<rect class="h c" x="{x}" y="{y}" width="{CHEVRON}" height="{CHEVRON}" rx="6"/>'
        f'<path class="v" d="M{x + 9} {y + 12}{shape}"/>'
    )


def handle(skip: str, box: Box) -> str:
    """The shortcut of a closed block: out of the card, round, and back in at a small (+)."""
    top, bottom, r = box.y + 8, box.bottom - 8, min(20, (box.h - 16) // 2)
    x, reach = box.right, HANDLE - box.right - r
    wrong = " r" if skip == "broken" else ""
    d = f"M{x} {top}h{reach}a{r} {r} 0 0 1 {r} {r}V{bottom - r}a{r} {r} 0 0 1 {-r} {r}H{x + 8}"
    marks = f'<path class="{stroke(skip).replace(" z", "")}" d="{d}"/>'
    marks += f'<circle class="o{wrong}" cx="{x}" cy="{top}" r="4"/>'
    marks += f'<circle class="q{wrong}" cx="{x}" cy="{bottom}" r="7"/>'
    plus = f"M{x} {bottom - 3}v6m-3-3h6"
    marks += f'<path class="s z{wrong}" d="{plus}" stroke-width="1.5"/>'
    return marks + word(SIGNS[skip].word, skip, box)


def word(text: str, skip: str, box: Box) -> str:
    """A pill with a shortcut's sign and name, beside a closed block; an identity has none."""
    if not text:
        return ""
    wrong, before = " r" if skip == "broken" else "", 16 if skip else 0
    w = text_width(text, 12) + 14 + before
    free = box.right + (6 if skip else 16)  # of what else is at the card's edge
    x = min(max(HANDLE - w // 2, free), STAGE_END - w)
    pill = rect(Box(x, box.middle - 10, w, 20), 10, f"q{wrong}")
    mark = sign(skip, x + 13, box.middle) if skip else ""
    return pill + mark + write(x + 7 + before, box.middle + 4, text, f"k{wrong}")


def chain(skips: tuple[str, ...], box: Box) -> str:
    """A small arc with its sign for each block at a card's right edge: of many, first and last."""
    if not any(skips):
        return ""
    slots = min(len(skips), 3)
    link = min(LINK, (box.h - 2) // slots)
    top = box.middle - slots * link // 2
    shown = {0: skips[0], slots - 1: skips[-1]}
    marks = []
    for slot in range(slots):
        y = top + slot * link
        if slot == 1 and len(skips) > 3:
            dots = "".join(f"M{box.right + 9} {y + link // 2 + dy}h0" for dy in (-5, 0, 5))
            marks.append(f'<path class="s z" d="{dots}"/>')
        else:
            marks.append(small_arc(shown.get(slot, skips[slot]), box.right, y + 2, link - 4))
    return "".join(marks)


def small_arc(skip: str, x: int, y: int, height: int) -> str:
    """One block's shortcut: out at x, y, round, and back `height` lower; its sign beside it."""
    r = height // 2
    d = f"M{x} {y}h5a{r} {r} 0 0 1 0 {2 * r}h-5"
    size = 12 if height < 16 else 14
    mark = sign(skip, x + 5 + r + 5 + size // 2, y + r, size)
    return f'<path class="{stroke(skip)}" d="{d}"/>{mark}'


STAGE_END = OPEN["stage"][0] + OPEN["stage"][1] - 4  # of what an open stage holds
HANDLE = LANE + 8  # x of the shortcut of a closed block, where it is farthest out
#: kind -> mark(node, box) of a closed card
CARDS = {
    "stem": closed_part,
    "stage": closed_part,
    "head": closed_part,
    "run": closed_run,
    "block": closed_block,
    "attention": closed_attention,
}
