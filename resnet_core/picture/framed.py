"""A picture as one file: caption, colours that are fixed, and the size of a page or of a slide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape

from resnet_core.graph import LayerGraph

from .colours import Scale, colours_of
from .columns import in_columns
from .compose import compose
from .ghost import Drawing, drawings
from .key import caption, shortcut_key
from .layout import WIDTH
from .marks import write
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
BETWEEN, SLIDE_GAP = 28, 64  # two nets, on a page and on a slide
HEADING = 22  # over each of two nets


@dataclass(frozen=True)
class Tint:
    """A quantity in colours: of each twin, id -> value of each box that has one; one scale."""

    values: Mapping[str, Mapping[str, float | None]] = field(hash=False)  # "residual", "plain"
    scale: Scale
    note: str = ""  # of a run: the step


@dataclass(frozen=True)
class Frame:
    """What of a net is drawn, and how that is put into a file."""

    opened: frozenset[str] = frozenset()  # ids of cards
    view: View = VIEW
    shape: str = "page"  # key of SHAPES
    dark: bool = False
    tint: Tint | None = None  # None for the colours of kinds
    twin: str = "net"  # one of TWINS


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
    nets = drawings(graph, frame.twin)
    if len(nets) == 1:  # the caption says which one it is
        graph, nets = nets[0].graph, (replace(nets[0], heading=""),)
    width, height, scale, inner = SHAPES[frame.shape](graph, nets, frame)
    paper = PALETTES["dark" if frame.dark else "light"]["paper"]
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


def _page(
    graph: LayerGraph, drawings: tuple[Drawing, ...], frame: Frame
) -> tuple[int, int, float, str]:
    """One column for each net, as long as it is; what explains them stands below."""
    width = len(drawings) * (WIDTH + BETWEEN) - BETWEEN
    room = width - 2 * MARGIN
    stacks = [compose(scene(drawing.graph, frame.view), frame.opened) for drawing in drawings]
    heading = HEADING if drawings[0].heading else 0
    side_by_side = "".join(
        f'<g transform="translate({(WIDTH + BETWEEN) * place} {heading})">'
        f"{_finished(drawing, stack.svg, frame)}</g>"
        for place, (drawing, stack) in enumerate(zip(drawings, stacks, strict=True))
    )
    marks, y = [], MARGIN
    height = heading + max(stack.height for stack in stacks)
    parts = [(MARGIN, caption(graph, room)), (0, (side_by_side, height))]
    strips = shortcut_key(drawings[0].graph, room), _legend(frame)
    parts += [(MARGIN, strip) for strip in strips if strip[1]]
    for x, (svg, height) in parts:
        marks.append(f'<g transform="translate({x} {y})">{svg}</g>')
        y += height + (MARGIN if x else 0)
    return width, y, 1, "".join(marks)


def _slide(
    graph: LayerGraph, drawings: tuple[Drawing, ...], frame: Frame
) -> tuple[int, int, float, str]:
    """16:9: caption and legend above, the net in columns as large as they can be, the key below."""
    width, height = SLIDE
    room = width - 2 * EDGE
    legend, key = _legend(frame), shortcut_key(drawings[0].graph, round(room / LEGENDS))
    for_legend = LEGENDS * (LEGEND + 2 * MARGIN) if frame.tint else 0
    told = caption(graph, round((room - for_legend) / CAPTION))
    top = EDGE / 2 + max(CAPTION * told[1], LEGENDS * legend[1]) + MARGIN
    bottom = height - EDGE / 2 - (LEGENDS * key[1] + MARGIN if key[1] else 0)
    scale, inner = _beside(drawings, frame, room, bottom - top)
    at_right = width - EDGE - LEGENDS * LEGEND
    parts = [
        (f"translate({EDGE} {EDGE / 2:g}) scale({CAPTION})", told[0]),
        (
            f"translate({at_right:g} {EDGE / 2:g}) scale({LEGENDS})",
            legend[0],
        ),
        (f"translate({EDGE} {top:.2f})", inner),
        (f"translate({EDGE} {bottom + MARGIN:.2f}) scale({LEGENDS})", key[0]),
    ]
    placed = "".join(f'<g transform="{place}">{svg}</g>' for place, svg in parts if svg)
    return width, height, min(scale, LEGENDS), placed


def _beside(
    drawings: tuple[Drawing, ...], frame: Frame, width: float, height: float
) -> tuple[float, str]:
    """(scale, SVG text): each net in columns, all of one scale, in the middle of the room."""
    each = (width + SLIDE_GAP) / len(drawings) - SLIDE_GAP
    heading = HEADING if drawings[0].heading else 0
    columns = [
        in_columns(scene(drawing.graph, frame.view), frame.opened, each, height - 2 * heading)
        for drawing in drawings
    ]
    tall = max(part.height for part in columns) + heading
    scale = min(*(each / part.width for part in columns), height / tall, MOST)
    y = (height - scale * tall) / 2 + scale * heading
    marks = []
    for place, (drawing, part) in enumerate(zip(drawings, columns, strict=True)):
        x = place * (each + SLIDE_GAP) + (each - scale * part.width) / 2
        marks.append(
            f'<g transform="translate({x:.2f} {y:.2f}) scale({scale:.4f})">'
            f"{_finished(drawing, part.svg, frame)}</g>"
        )
    return scale, "".join(marks)


def _finished(drawing: Drawing, svg: str, frame: Frame) -> str:
    """A net's marks in the colours of the frame, and under its heading."""
    if frame.tint:
        values = dict(frame.tint.values.get(drawing.graph.net.role, {}))
        svg = painted(svg, colours_of(values, frame.tint.scale, frame.dark), frame.dark)
    svg = f'<g class="ghost">{svg}</g>' if drawing.is_ghost else svg
    return svg + (write(12, -4, drawing.heading, "u") if drawing.heading else "")


def _legend(frame: Frame) -> tuple[str, int]:
    """(SVG text, height) of what the colours mean."""
    tint = frame.tint
    return legend_svg(tint.scale, LEGEND, frame.dark, tint.note) if tint else ("", 0)


#: shape of a file -> (graph, drawings, frame) -> width, height [px], scale, SVG text
SHAPES = {"page": _page, "slide": _slide}
