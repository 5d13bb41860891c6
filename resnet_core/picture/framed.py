"""A picture as one file: caption, colours that are fixed, and the size of a page or of a slide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from resnet_core.graph import LayerGraph

from .colours import Scale, colours_of
from .columns import in_columns
from .compose import compose
from .key import caption, shortcut_key
from .layout import WIDTH
from .painting import legend_svg, painted
from .scene import scene
from .style import FONT, PALETTES, fixed_sheet
from .view import VIEW, View

MARGIN = 16  # of a page
SLIDE = (1920, 1080)
EDGE = 72  # of a slide
CAPTION, LEGENDS = 2.4, 1.6  # of a slide, enlarged
MOST = 2.6  # enlargement of a small net
LEGEND = 300  # width of a legend


@dataclass(frozen=True)
class Tint:
    """A quantity in colours: id -> value of each box that has one, and the scale."""

    values: Mapping[str, float | None] = field(hash=False)
    scale: Scale


@dataclass(frozen=True)
class Frame:
    """What of a net is drawn, and how that is put into a file."""

    opened: frozenset[str] = frozenset()  # ids of cards
    view: View = VIEW
    shape: str = "page"  # key of SHAPES
    dark: bool = False
    tint: Tint | None = None  # None for the colours of kinds


#: the closed net on a light page
FRAME = Frame()


@dataclass(frozen=True)
class Sheet:
    """A file: SVG text, its size [px], and the height of its smallest letters [px]."""

    svg: str
    width: int
    height: int
    letters: float


def framed(graph: LayerGraph, frame: Frame = FRAME) -> Sheet:
    """The net as one SVG file that needs nothing else: text is text, no script, no link."""
    width, height, scale, inner = SHAPES[frame.shape](graph, frame)
    paper = PALETTES["dark" if frame.dark else "light"]["paper"]
    if frame.tint:
        colours = colours_of(dict(frame.tint.values), frame.tint.scale, frame.dark)
        inner = painted(inner, colours, frame.dark)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="{FONT}">'
        f"<title>{escape(graph.net.name, quote=False)}</title>"
        f"<style>{fixed_sheet(frame.dark)}</style>"
        f'<rect width="{width}" height="{height}" fill="{paper}"/>{inner}</svg>\n'
    )
    return Sheet(svg, width, height, 12 * scale)


def standalone(
    graph: LayerGraph,
    opened: frozenset[str] = frozenset(),
    *,
    view: View = VIEW,
    shape: str = "page",
    dark: bool = False,
) -> str:
    """`framed` as SVG text: a "page" of natural size, or a "slide" of 1920×1080."""
    return framed(graph, Frame(opened, view, shape, dark)).svg


def _page(graph: LayerGraph, frame: Frame) -> tuple[int, int, float, str]:
    """One column, as long as it is; what explains it stands below."""
    room = WIDTH - 2 * MARGIN
    marks, y = [], MARGIN
    stack = compose(scene(graph, frame.view), frame.opened)
    parts = [(MARGIN, caption(graph, room)), (0, (stack.svg, stack.height))]
    parts += [(MARGIN, strip) for strip in (shortcut_key(graph, room), _legend(frame)) if strip[1]]
    for x, (svg, height) in parts:
        marks.append(f'<g transform="translate({x} {y})">{svg}</g>')
        y += height + (MARGIN if x else 0)
    return WIDTH, y, 1, "".join(marks)


def _slide(graph: LayerGraph, frame: Frame) -> tuple[int, int, float, str]:
    """16:9: caption and legend above, the net in columns as large as they can be, the key below."""
    width, height = SLIDE
    room = width - 2 * EDGE
    legend, key = _legend(frame), shortcut_key(graph, round(room / LEGENDS))
    for_legend = LEGENDS * (LEGEND + 2 * MARGIN) if frame.tint else 0
    told = caption(graph, round((room - for_legend) / CAPTION))
    top = EDGE / 2 + max(CAPTION * told[1], LEGENDS * legend[1]) + MARGIN
    bottom = height - EDGE / 2 - (LEGENDS * key[1] + MARGIN if key[1] else 0)
    columns = in_columns(scene(graph, frame.view), frame.opened, room, bottom - top)
    scale = min(room / columns.width, (bottom - top) / columns.height, MOST)
    x, y = (width - scale * columns.width) / 2, (top + bottom - scale * columns.height) / 2
    parts = [
        (EDGE, EDGE / 2, CAPTION, told[0]),
        (width - EDGE - LEGENDS * LEGEND, EDGE / 2, LEGENDS, legend[0]),
        (x, y, scale, columns.svg),
        (EDGE, bottom + MARGIN, LEGENDS, key[0]),
    ]
    placed = "".join(
        f'<g transform="translate({x:.2f} {y:.2f}) scale({by:.4f})">{svg}</g>'
        for x, y, by, svg in parts
        if svg
    )
    return width, height, min(scale, LEGENDS), placed


def _legend(frame: Frame) -> tuple[str, int]:
    """(SVG text, height) of what the colours mean."""
    return legend_svg(frame.tint.scale, LEGEND, frame.dark) if frame.tint else ("", 0)


#: shape of a file -> (graph, frame) -> width, height [px], scale, SVG text
SHAPES = {"page": _page, "slide": _slide}
