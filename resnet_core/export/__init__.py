"""A net to take away: Python source, ONNX, tables of its layers, pictures, its spec.

To add a kind: a function from a graph to text or bytes, and a row in EXPORTS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from resnet_core.graph import LayerGraph
from resnet_core.picture import Frame, dot, framed
from resnet_core.picture.framed import FRAME
from resnet_core.spec import NetSpec, SpecError

from .names import identifier
from .onnx_file import onnx_bytes, to_onnx
from .pdf_file import pdf
from .python_file import source
from .tables import FORMATS, table

__all__ = ["EXPORTS", "FORMATS", "Export", "export", "file_name", "source", "table", "to_onnx"]


@dataclass(frozen=True)
class Export:
    """A row of EXPORTS."""

    title: str
    what: str  # one sentence for menus and help
    suffix: str  # of the file's name
    mime: str
    make: Callable  # (graph, frame of the picture) -> str | bytes
    is_framed: bool = False  # a page or a slide, light or dark


def export(graph: LayerGraph, kind: str, frame: Frame = FRAME) -> bytes:
    """The file of that kind, a key of EXPORTS; `frame` is for pictures. Text is UTF-8.

    Raises SpecError for an unknown kind, and for a net that this kind cannot hold.
    """
    made = _row(kind).make(graph, frame)
    return made if isinstance(made, bytes) else made.encode()


def file_name(net: NetSpec, kind: str) -> str:
    """A name that every system takes: letters, digits, "_" and "." alone."""
    return identifier(net.name) + _row(kind).suffix


def _row(kind: str) -> Export:
    if kind not in EXPORTS:
        raise SpecError("export", f"there is no {kind!r:.40}", f"Use one of {', '.join(EXPORTS)}")
    return EXPORTS[kind]


def _table(kind: str, what: str) -> Export:
    row = FORMATS[kind]
    return Export(row.title, what, row.suffix, row.mime, lambda graph, frame: row.write(graph))


EXPORTS = {
    "py": Export(
        "Python",
        "The source of the classes that run here, and a constructor. Needs torch alone.",
        ".py",
        "text/x-python",
        lambda graph, frame: source(graph.net),
    ),
    "py-training": Export(
        "Python, with training",
        "The same with a training loop that prints the gradient at every block.",
        "_training.py",
        "text/x-python",
        lambda graph, frame: source(graph.net, training=True),
    ),
    "onnx": Export(
        "ONNX",
        "The net at step 0, in eval mode, for any batch size.",
        ".onnx",
        "application/octet-stream",
        lambda graph, frame: onnx_bytes(graph.net),
    ),
    "json": Export(
        "JSON spec",
        "What this program reads back.",
        ".json",
        "application/json",
        lambda graph, frame: graph.net.to_json() + "\n",
    ),
    "csv": _table("csv", "Layers with shape, parameters and MACs, for spreadsheets."),
    "markdown": _table("markdown", "Layers with shape, parameters and MACs, for web pages."),
    "latex": _table("latex", "Layers with shape, parameters and MACs, for papers."),
    "dot": Export(
        "DOT",
        "The same nodes and edges for Graphviz, in its own layout.",
        ".dot",
        "text/vnd.graphviz",
        lambda graph, frame: dot(graph, frame.opened, frame.view, frame.twin),
    ),
    "svg": Export(
        "SVG",
        "The picture with the cards that are open, and a caption. Text stays text.",
        ".svg",
        "image/svg+xml",
        lambda graph, frame: framed(graph, frame).svg,
        is_framed=True,
    ),
    "pdf": Export(
        "PDF",
        "The same as vectors, with its letters inside.",
        ".pdf",
        "application/pdf",
        lambda graph, frame: pdf(framed(graph, frame).svg),
        is_framed=True,
    ),
}
