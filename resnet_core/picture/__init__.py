"""A net as a picture: LayerGraph -> SVG and DOT, as deep as the reader has opened it. Pure text."""

from __future__ import annotations

from .draw import Picture, draw
from .framed import Frame, Tint, framed, standalone
from .ghost import TWINS, drawings, pair
from .graphviz_source import dot
from .layout import WIDTH
from .outline import in_run, openable, opened_for
from .packed import packed
from .scene import scene
from .view import View

__all__ = [
    "TWINS",
    "WIDTH",
    "Frame",
    "Picture",
    "Tint",
    "View",
    "dot",
    "draw",
    "drawings",
    "framed",
    "in_run",
    "openable",
    "opened_for",
    "packed",
    "pair",
    "scene",
    "standalone",
]
