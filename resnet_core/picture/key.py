"""What stands beside a picture in a file: its caption, and what the signs of shortcuts mean."""

from __future__ import annotations

from resnet_core.graph import LayerGraph
from resnet_core.spec import in_words

from .lettering import fit, text_width
from .marks import shape_text, write
from .outline import outline
from .skips import SIGNS, coin, stroke

LINE = 18  # from one line of text to the next
SAMPLE = 44  # length of a shortcut's line
APART = 18  # between two entries


def caption(graph: LayerGraph, width: int) -> tuple[str, int]:
    """(SVG text, height): the net's name, then its counts and input in as many lines as needed."""
    facts = [f"{graph.params:,} parameters", f"{graph.macs:,} MACs"]
    if graph.broken:
        facts = [f"{in_words(graph.broken.where)}: cannot be built"]
    facts.append(f"input {shape_text(graph.net.input_shape)}")
    lines = [""]
    for fact in facts:
        joined = f"{lines[-1]} · {fact}" if lines[-1] else fact
        if text_width(joined, 12) <= width or not lines[-1]:
            lines[-1] = joined
        else:
            lines.append(fact)
    marks = [write(0, 14, fit(graph.net.name, width, 15, bold=True), "t")]
    marks += [write(0, 14 + LINE * n, fit(text, width, 12), "m") for n, text in enumerate(lines, 1)]
    return "".join(marks), 14 + LINE * len(lines) + 4


def shortcut_key(graph: LayerGraph, width: int) -> tuple[str, int]:
    """(SVG text, height): a sample of each kind of shortcut that the net has, and its meaning."""
    kinds = {kind for node in outline(graph) if not node.is_ghost for kind in node.skips}
    marks, x, y = [], 0, 12
    for kind in SIGNS:
        if kind not in kinds:
            continue
        name = f"{SIGNS[kind].name} shortcut" if kind == "identity" else SIGNS[kind].name
        needed = SAMPLE + 8 + text_width(name, 12)
        if x and x + needed > width:
            x, y = 0, y + LINE + 6
        marks.append(f'<path class="{stroke(kind)}" d="M{x + 2} {y}h{SAMPLE - 4}m-5-4l5 4l-5 4"/>')
        if SIGNS[kind].d:
            marks.append(coin(kind, x + SAMPLE // 2 - 2, y))
        marks.append(write(x + SAMPLE + 8, y + 4, name, "m"))
        x += needed + APART
    return "".join(marks), y + 12 if marks else 0
