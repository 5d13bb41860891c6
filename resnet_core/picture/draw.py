"""LayerGraph -> SVG, for the app (colours from the page) and as a file (fixed colours)."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from resnet_core.graph import LayerGraph
from resnet_core.spec import in_words

from . import wires
from .cards import CARDS, open_card
from .formula import formula
from .layer_marks import LAYERS, layer, pill
from .layout import AXIS, MARGIN, OUTPUT_HEIGHT, Box, Layout, layout
from .lettering import fit, text_width
from .marks import group, rect, write
from .outline import Node, edges, in_run, outline
from .style import FONT, PALETTES, fixed_sheet
from .ways import arcs

TITLE_HEIGHT = 56  # of a file's heading


@dataclass(frozen=True)
class Picture:
    """A drawn net. `svg` is what stands inside <svg>, with classes that `style.sheet` colours."""

    svg: str
    width: int
    height: int
    nodes: dict[str, Box]  # by id, in order of drawing
    edges: tuple[tuple[str, str], ...]  # between the smallest visible nodes

    def holder(self, path: str) -> str | None:
        """The smallest visible node that holds `path`: itself, or a closed card around it."""
        parts = path.split(".")
        around = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
        around.insert(-1, next((id for id in self.nodes if in_run(path, id)), ""))
        return next((id for id in around if id in self.nodes), None)


def draw(graph: LayerGraph, opened: frozenset[str] = frozenset()) -> Picture:
    """The net from input to classes, with the cards in `opened` showing what they hold."""
    nodes = outline(graph, opened)
    plan = layout(nodes)
    end_y = plan.height - MARGIN - OUTPUT_HEIGHT
    marks = []
    for node, below in zip(nodes, (*nodes[1:], None), strict=True):
        box = plan.boxes[node.id]
        if node.broken:
            marks.append(wires.unfinished(box.bottom, end_y))
        else:
            end = plan.boxes[below.id].y if below else end_y
            shape = node.shape if below and node.kind != "input" else None
            ends = not below or not below.children
            marks.append(wires.between_parts(box, end, shape, ends))
        marks.extend(_marks(node, plan))
    marks.append(_cannot(end_y) if graph.broken else _classes(graph.net.num_classes, end_y))
    return Picture("".join(marks), plan.width, plan.height, plan.boxes, edges(graph, nodes))


def standalone(
    graph: LayerGraph, opened: frozenset[str] = frozenset(), *, dark: bool = False
) -> str:
    """One SVG file with the net's name and counts as its heading."""
    picture = draw(graph, opened)
    height = picture.height + TITLE_HEIGHT
    paper = PALETTES["dark" if dark else "light"]["paper"]
    name = fit(graph.net.name, picture.width - 32, 16, bold=True)
    counts = f"{graph.params:,} parameters · {graph.macs:,} MACs"
    if graph.broken:
        counts = f"{in_words(graph.broken.where)}: cannot be built"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {picture.width} {height}" '
        f'width="{picture.width}" height="{height}" font-family="{FONT}">'
        f"<title>{escape(graph.net.name, quote=False)}</title>"
        f"<style>{fixed_sheet(dark)}</style>"
        f'<rect width="100%" height="100%" fill="{paper}"/>'
        f"{write(16, 30, name, 't')}{write(16, 48, fit(counts, picture.width - 32, 12), 'm')}"
        f'<g transform="translate(0 {TITLE_HEIGHT})">{picture.svg}</g></svg>\n'
    )


def _marks(node: Node, plan: Layout):
    """SVG of a node and of everything that is visible inside."""
    box = plan.boxes[node.id]
    if not node.children:
        mark = CARDS.get(node.kind) or LAYERS.get(node.kind, layer)
        yield group(node, mark(node, box))
        return
    yield group(node, open_card(node, box))
    yield wires.inside(node, plan)
    yield formula(node, plan)
    arc_of = {way.lane[0].id: way for way in arcs(node)}
    for child in node.children:
        if not child.on_shortcut:
            yield from _marks(child, plan)
        else:
            arc = wires.arc(arc_of[child.id], node, plan) if child.id in arc_of else ""
            yield group(child, arc + pill(child, plan.boxes[child.id]))
    yield wires.beside(node, plan)


def _cannot(y: int) -> str:
    text = "cannot be built"
    w = text_width(text, 13) + 32
    box = Box(AXIS - w // 2, y, w, OUTPUT_HEIGHT)
    return rect(box, 16, "d r dash") + write(AXIS, box.middle + 5, text, "l k r", "middle")


def _classes(count: int, y: int) -> str:
    text = f"{count:,} classes" if count > 1 else "1 class"
    w = text_width(text, 13) + 32
    box = Box(AXIS - w // 2, y, w, OUTPUT_HEIGHT)
    return rect(box, 16, "d") + write(AXIS, box.middle + 5, text, "l", "middle")
