"""LayerGraph -> SVG, for the app (colours from the page) and as a file (fixed colours)."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from resnet_core.graph import LayerGraph
from resnet_core.spec import in_words

from .compose import compose
from .layout import WIDTH, Box
from .lettering import fit
from .marks import write
from .scene import scene
from .style import FONT, PALETTES, fixed_sheet
from .view import VIEW, View

TITLE_HEIGHT = 56  # of a file's heading


@dataclass(frozen=True)
class Picture:
    """A drawn net. `svg` is what stands inside <svg>, with classes that `style.sheet` colours."""

    svg: str
    width: int
    height: int
    nodes: dict[str, Box]  # by id, in order of drawing


def draw(graph: LayerGraph, opened: frozenset[str] = frozenset(), view: View = VIEW) -> Picture:
    """The net from input to classes, with the cards in `opened` showing what they hold."""
    stack = compose(scene(graph, view), opened)
    return Picture(stack.svg, WIDTH, stack.height, stack.boxes)


def standalone(
    graph: LayerGraph,
    opened: frozenset[str] = frozenset(),
    *,
    view: View = VIEW,
    dark: bool = False,
) -> str:
    """One SVG file with the net's name and counts as its heading."""
    picture = draw(graph, opened, view)
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
