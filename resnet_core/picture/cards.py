"""Cards of stages, blocks and runs of blocks; a closed one shows its shortcuts at its edge."""

from __future__ import annotations

from .layout import AXIS, LANE, Box
from .lettering import first_fit, fit, text_width
from .marks import badge, rect, write
from .outline import Node

CHEVRON = 28  # width and height of the button that opens a card
INDENT = 32  # of the writing, behind the chevron
LINK = 16  # from one small arc to the next


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
    """A stage, the stem or the head as one card; one arc at the right edge for each block."""
    line = first_fit([node.what, node.what.rpartition(" · ")[0]], box.w - INDENT - 8, 13)
    marks = [
        rect(box, 12),
        chevron(box, False),
        write(box.x + INDENT, box.y + 25, node.title, "t"),
        write(box.x + INDENT, box.y + 44, line, "l"),
        write(box.x + INDENT, box.y + 61, params(node), quiet(node)),
    ]
    if node.stride > 1:
        marks.append(badge(box.right - 12, box.y + 24, f"stride {node.stride}"))
    marks.append(chain(node.skips, box, 4))
    return "".join(marks)


def closed_block(node: Node, box: Box) -> str:
    """A block as one card, its shortcut as a handle."""
    marks = [rect(box, 10), chevron(box, False), write(box.x + INDENT, box.y + 22, node.title, "u")]
    lines = [f"{node.what} · {params(node)}"] if node.what else []
    line = first_fit([*lines, params(node)], box.w - INDENT - 8, 12)
    marks.append(write(box.x + INDENT, box.y + 39, line, quiet(node)))
    if node.stride > 1:
        marks.append(badge(box.right - 12, box.y + 22, f"stride {node.stride}"))
    if node.skips[0] == "layers":
        count = sum(op.kind == "add" for op in node.ops)
        marks.append(chain(("identity",) * count, box, 3) + word(SKIPS["layers"], HANDLE + 6, box))
    elif node.skips[0]:
        marks.append(handle(node.skips[0], box))
    return "".join(marks)


def closed_attention(node: Node, box: Box) -> str:
    """An attention module as one layer of F."""
    y, start, right = box.middle + 5, box.x + INDENT, box.right - 10
    room = right - start - text_width(node.title, 14, True) - 6
    number = first_fit([params(node), f"{node.params:,}"], room, 12)
    marks = [rect(box, 8), chevron(box, False), write(start, y, node.title, "u")]
    return "".join(marks) + write(right, y, number, "m", "end")


def closed_run(node: Node, box: Box) -> str:
    """Equal blocks as one card on a pile."""
    count = len(node.skips)
    under = Box(box.x + 8, box.y + 8, box.w - 16, box.h - 4)
    card = Box(box.x, box.y, box.w, 48)
    room = box.w - INDENT - 8 - 60  # the badge's
    what = fit(f"each {node.params // count:,} params", box.w - INDENT - 8, 12)
    marks = [
        rect(under, 10, "d"),
        rect(card, 10),
        chevron(card, False),
        write(box.x + INDENT, box.y + 22, title(node, room), "u"),
        write(box.x + INDENT, box.y + 39, what, "m"),
        badge(box.right - 12, box.y + 22, f"× {count}"),
        chain(node.skips, card, 3),
    ]
    return "".join(marks)


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
    top, bottom, r = box.y + 8, box.bottom - 8, (box.h - 16) // 2
    x, reach = box.right, HANDLE - box.right - r
    wrong = " r" if skip == "broken" else ""
    d = f"M{x} {top}h{reach}a{r} {r} 0 0 1 0 {2 * r}H{x + 8}"
    marks = f'<path class="s{wrong}" d="{d}"/><circle class="o{wrong}" cx="{x}" cy="{top}" r="4"/>'
    marks += f'<circle class="q{wrong}" cx="{x}" cy="{bottom}" r="7"/>'
    sign = f"M{x - 3} {bottom}h6m-3-3v6"
    marks += f'<path class="s z{wrong}" d="{sign}" stroke-width="1.5"/>'
    return marks + (word(SKIPS[skip], HANDLE, box, wrong) if SKIPS[skip] else "")


def word(text: str, x: int, box: Box, wrong: str = "") -> str:
    """A pill with the shortcut's name, beside a closed block."""
    w = text_width(text, 12) + 12
    pill = Box(x - w // 2, box.middle - 10, w, 20)
    return rect(pill, 10, f"q{wrong}") + write(x, box.middle + 4, text, f"k{wrong}", "middle")


def chain(skips: tuple[str, ...], box: Box, most: int) -> str:
    """One small arc for each block at a card's right edge; of many, the first ones and the last."""
    if not any(skips):
        return ""
    slots, x = min(len(skips), most), box.right
    top = box.middle - slots * LINK // 2 + 2
    arcs, dots, wrong = "", "", ""
    for slot in range(slots):
        y = top + slot * LINK
        one = f"M{x} {y}h4a6 6 0 0 1 0 12h-4"
        if len(skips) > most and slot == slots - 2:
            dots = "".join(f"M{x + 8} {y + dy}h0" for dy in (1, 6, 11))
        elif slot == slots - 1 and skips[-1] == "broken":
            wrong = f'<path class="s z r" d="{one}"/>'
        else:
            arcs += one
    more = f'<path class="s z" d="{dots}"/>' if dots else ""
    return (f'<path class="s z" d="{arcs}"/>' if arcs else "") + more + wrong


HANDLE = LANE + 8  # x of the shortcut of a closed block, where it is farthest out
#: how a block treats x -> the word on its shortcut when it is closed; an identity has none
SKIPS = {
    "identity": "",
    "conv": "1×1",
    "zeropad": "zeros",
    "pooled": "pool, 1×1",
    "gate": "gate",
    "scale": "scaled",
    "dropout": "dropout",
    "layers": "each layer",
    "broken": "cannot add",
}
#: kind -> mark(node, box) of a closed card
CARDS = {
    "stem": closed_part,
    "stage": closed_part,
    "head": closed_part,
    "run": closed_run,
    "block": closed_block,
    "attention": closed_attention,
}
