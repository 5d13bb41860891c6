"""LayerGraph -> a table of its layers: for spreadsheets, web pages and papers."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO

from resnet_core.graph import LayerGraph
from resnet_core.spec import SpecError

#: characters that mean something to LaTeX, and those of ours that a text font lacks
LATEX = {
    "\\": r"\textbackslash{}",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "−": "$-$",
}
TITLES = ("Layer", "Kind", "Settings", "Output", "Parameters", "MACs")


def table(graph: LayerGraph, kind: str) -> str:
    """One row per layer and addition; `kind` is a key of FORMATS.

    MACs and output shapes (channels × height × width) are those of one input.
    """
    if kind not in FORMATS:
        raise SpecError("format", f"there is no {kind!r:.40}", f"Use one of {', '.join(FORMATS)}")
    return FORMATS[kind].write(graph)


def as_csv(graph: LayerGraph) -> str:
    """RFC 4180, a header and plain numbers; a layer behind the flatten has no height and width."""
    written = StringIO()
    writer = csv.writer(written)
    writer.writerow(["layer", "kind", "settings", "channels", "height", "width", "params", "macs"])
    for op in graph.ops:
        shape = (*op.shape, "", "")[:3]
        writer.writerow([op.path, op.kind, op.detail, *shape, op.params, op.macs])
    return written.getvalue()


def as_markdown(graph: LayerGraph) -> str:
    """A heading and a pipe table, totals last."""
    lines = [f"# {_markdown(graph.net.name)}", "", _line(TITLES), "|---|---|---|---:|---:|---:|"]
    for path, *rest in _rows(graph):
        lines.append(_line([f"`{path}`", *map(_markdown, rest)]))
    total = ["**Total**", "", "", "", f"**{graph.params:,}**", f"**{graph.macs:,}**"]
    return "\n".join([*lines, _line(total)]) + "\n"


def as_latex(graph: LayerGraph) -> str:
    """A document of its own: the table breaks over pages, and needs only what every LaTeX has."""
    name = latex(graph.net.name)
    lines = [
        r"\documentclass{article}",
        r"\usepackage{longtable}",
        r"\begin{document}",
        r"\scriptsize\setlength{\tabcolsep}{3pt}",
        r"\begin{longtable}{lllrrr}",
        rf"\caption{{{name}: layers, with MACs of one input}} \\",
        r"\hline",
        " & ".join(TITLES) + r" \\",
        r"\hline",
        r"\endhead",
    ]
    lines += [" & ".join(map(latex, row)) + r" \\" for row in _rows(graph)]
    total = f"Total & & & & {graph.params:,} & {graph.macs:,}"
    ends = [r"\hline", total + r" \\", r"\hline", r"\end{longtable}", r"\end{document}"]
    return "\n".join([*lines, *ends]) + "\n"


def _rows(graph: LayerGraph):
    for op in graph.ops:
        shape = "×".join(map(str, op.shape))
        yield op.path, op.kind, op.detail, shape, f"{op.params:,}", f"{op.macs:,}"


def _line(cells) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown(text: str) -> str:
    """Text that Markdown shows as it stands: no emphasis, link, cell or HTML."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&$])", r"\\\1", text)


def latex(text: str) -> str:
    """Text that any LaTeX sets: escaped, ASCII alone; a letter it may lack becomes a plain one."""
    shown = []
    for character in text:
        if character in LATEX:
            shown.append(LATEX[character])
        elif character.isascii():
            shown.append(character)
        else:
            plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
            shown.append("".join(LATEX.get(mark, mark) for mark in plain) or "?")
    return "".join(shown)


@dataclass(frozen=True)
class Format:
    """A row of FORMATS."""

    title: str
    suffix: str
    mime: str
    write: Callable  # (graph) -> text


FORMATS = {
    "csv": Format("CSV table", ".csv", "text/csv", as_csv),
    "markdown": Format("Markdown table", ".md", "text/markdown", as_markdown),
    "latex": Format("LaTeX table", ".tex", "application/x-tex", as_latex),
}
