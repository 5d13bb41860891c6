"""A net as a picture: LayerGraph -> SVG and DOT, as deep as the reader has opened it. Pure text."""

from __future__ import annotations

from .draw import Picture, draw, standalone
from .graphviz_source import dot
from .outline import openable, opened_for

__all__ = ["Picture", "dot", "draw", "openable", "opened_for", "standalone"]
