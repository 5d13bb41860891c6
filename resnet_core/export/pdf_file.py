"""SVG text of a picture -> a PDF of one page: vectors, and text that is text in an embedded Inter.

A sign that the font lacks is drawn as a box; the document's title has it as it is.
"""

from __future__ import annotations

import re
from functools import cache
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

from .svg_path import strokes
from .svg_style import Place, Sheet

FONTS = Path(__file__).parent / "fonts"
POINTS = 0.75  # of a CSS pixel
SLANT = 0.2  # of an italic, which this font has not: as browsers slant it
CAPS, JOINS = {"round": 1, "square": 2}, {"round": 1, "bevel": 2}


def pdf(svg: str) -> bytes:
    """The page has the size of the picture; equal pictures give equal bytes."""
    from reportlab.pdfgen.canvas import Canvas  # 0.2 s that only this needs

    root = ElementTree.fromstring(svg)
    width, height = float(root.get("width")), float(root.get("height"))
    file = BytesIO()
    _load_fonts()
    size = width * POINTS, height * POINTS
    canvas = Canvas(file, size, invariant=1, pageCompression=1, initialFontName="regular")
    canvas.setCreator("Residual Explorer")
    canvas.setAuthor("")
    canvas.setTitle(root.findtext("{*}title", ""))
    canvas.transform(POINTS, 0, 0, -POINTS, 0, height * POINTS)  # y points down, as in SVG
    sheet = Sheet(root)
    for child in sheet.children(sheet.root(root)):
        _draw(child, sheet, canvas)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


@cache
def _load_fonts() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    for name in ("regular", "semibold"):
        pdfmetrics.registerFont(TTFont(name, FONTS / f"inter-{name}.ttf"))


def _draw(place: Place, sheet: Sheet, canvas) -> None:
    hidden = place.style.get("display") == "none" or place.style.get("visibility") == "hidden"
    if hidden or place.tag in UNSEEN:
        return
    canvas.saveState()
    for kind, numbers in re.findall(r"(\w+)\(([^)]*)\)", place.element.get("transform", "")):
        first, *more = map(float, re.split(r"[ ,]+", numbers.strip()))
        if kind == "translate":
            canvas.translate(first, *(more or [0.0]))
        else:
            assert kind == "scale", f"unknown transform {kind}"
            canvas.scale(first, *(more or [first]))
    if place.tag == "g":
        for child in sheet.children(place):
            _draw(child, sheet, canvas)
    elif place.tag == "text":
        _text(place, sheet, canvas)
    else:
        _set_paint(place, canvas)
        MARKS[place.tag](place, canvas)
    canvas.restoreState()


def _set_paint(place: Place, canvas) -> None:
    style, opacity = place.style, _opacity(place)
    if style.get("fill") != "none":
        canvas.setFillColor(_colour(style.get("fill", "#000000")))
        canvas.setFillAlpha(float(style.get("fill-opacity", 1)) * opacity)
    if _has_stroke(place):
        canvas.setStrokeColor(_colour(style["stroke"]))
        canvas.setStrokeAlpha(float(style.get("stroke-opacity", 1)) * opacity)
        canvas.setLineWidth(float(style.get("stroke-width", 1)))
        canvas.setLineCap(CAPS.get(style.get("stroke-linecap"), 0))
        canvas.setLineJoin(JOINS.get(style.get("stroke-linejoin"), 0))
        dashes = style.get("stroke-dasharray", "none")
        if dashes != "none":
            canvas.setDash([float(n) for n in re.split(r"[ ,]+", dashes)])


def _opacity(place: Place | None) -> float:
    """Of the element and all around it: what they hold does not overlap."""
    if place is None:
        return 1.0
    return float(place.style.get("opacity", 1)) * _opacity(place.parent)


def _colour(text: str):
    from reportlab.lib.colors import HexColor

    return HexColor(text)


def _has_stroke(place: Place) -> bool:
    return place.style.get("stroke", "none") != "none"


def _paints(place: Place) -> dict[str, int]:
    return {"stroke": int(_has_stroke(place)), "fill": int(place.style.get("fill") != "none")}


def _number(place: Place, name: str) -> float:
    return float(place.element.get(name, 0))


def _rect(place: Place, canvas) -> None:
    x, y, w, h = (_number(place, name) for name in ("x", "y", "width", "height"))
    radius = min(_number(place, "rx"), w / 2, h / 2)
    canvas.roundRect(x, y, w, h, radius, **_paints(place))


def _circle(place: Place, canvas) -> None:
    canvas.circle(*(_number(place, name) for name in ("cx", "cy", "r")), **_paints(place))


def _path(place: Place, canvas) -> None:
    path = canvas.beginPath()
    for kind, numbers in strokes(place.element.get("d")):
        if kind == "arc":
            x, y, r, first, extent = numbers
            path.arcTo(x - r, y - r, x + r, y + r, first, extent)
        else:
            getattr(path, PENS[kind])(*numbers)
    canvas.drawPath(path, **_paints(place))


def _text(place: Place, sheet: Sheet, canvas) -> None:
    """The spans of a line one after the other, each in its own style."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    spans = [(place, place.element.text or "")]
    for child in sheet.children(place):
        spans += [(child, child.element.text or ""), (place, child.element.tail or "")]
    set_in = [(span, words, _font(span)) for span, words in spans if words]
    widths = [stringWidth(words, *font) for _, words, font in set_in]
    before = {"middle": 0.5, "end": 1.0}.get(place.style.get("text-anchor"), 0.0)
    x, y = _number(place, "x") - before * sum(widths), _number(place, "y")
    for (span, words, font), width in zip(set_in, widths, strict=True):
        canvas.saveState()
        _set_paint(span, canvas)
        slant = SLANT if span.style.get("font-style") == "italic" else 0.0
        canvas.transform(1, 0, slant, -1, x, y)
        canvas.setFont(*font)
        canvas.drawString(0, 0, words)
        canvas.restoreState()
        x += width


def _font(place: Place) -> tuple[str, float]:
    bold = place.style.get("font-weight", "400") in ("bold", "600", "700", "800")
    return "semibold" if bold else "regular", float(place.style["font-size"].removesuffix("px"))


UNSEEN = ("title", "desc", "style", "defs")
MARKS = {"rect": _rect, "circle": _circle, "path": _path}
PENS = {"move": "moveTo", "line": "lineTo", "curve": "curveTo", "close": "close"}
