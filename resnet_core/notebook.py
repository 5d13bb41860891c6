"""How specs and graphs show themselves in Jupyter: HTML text, every word of the user's escaped."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import MISSING, fields
from html import escape

from .graph import LayerGraph, trace
from .picture import standalone
from .spec import NetSpec, SpecError, StageSpec


def net_table(net: NetSpec) -> str:
    """The stage table and the totals; for a net that cannot be built the sentence that says why."""
    try:
        below = totals(trace(net))
    except SpecError as e:
        below = warning(e)
    columns = [f.name for f in fields(StageSpec) if is_told(net, f)]
    head = "".join(f"<th>{escape(name)}</th>" for name in ("stage", *columns))
    rows = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in (number, *cells(stage, columns))) + "</tr>"
        for number, stage in enumerate(net.stages, start=1)
    )
    settings = ", ".join(
        f"{escape(f.name)} {escape(shown(getattr(net, f.name)))}"
        for f in fields(NetSpec)
        if f.name not in ("name", "stages")
    )
    return (
        f"<p><b>{escape(net.name)}</b></p><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table>{below}<p><small>{settings}</small></p>"
    )


def picture_of(graph: LayerGraph) -> str:
    """The totals over the picture; as an image, so that its styles do not reach the notebook."""
    svg = b64encode(standalone(graph).encode()).decode()
    name = escape(graph.net.name)
    return (
        f"<p><b>{name}</b></p>{warning(graph.broken) if graph.broken else totals(graph)}"
        f'<img src="data:image/svg+xml;base64,{svg}" alt="{name}" style="max-width: 100%">'
    )


def totals(graph: LayerGraph) -> str:
    """Each count with its unit and condition."""
    return (
        f"<p>{graph.params:,} parameters · {graph.macs:,} MACs for one example of "
        f"{shown(graph.net.input_shape)} · {graph.depth:,} layers deep</p>"
    )


def warning(error: SpecError) -> str:
    return f"<p><b>This net cannot be built.</b> {escape(str(error))}</p>"


def is_told(net: NetSpec, field) -> bool:
    """Whether a column says more than the default in every row."""
    usual = field.default is not MISSING and field.name not in ("stride", "block", "shortcut")
    return not usual or any(getattr(stage, field.name) != field.default for stage in net.stages)


def cells(stage: StageSpec, columns: list[str]) -> list[str]:
    return [escape(shown(getattr(stage, name))) for name in columns]


def shown(value: object) -> str:
    """(3, 32, 32) -> "3×32×32", ((3, 64), (1, 64)) -> "3×64, 1×64"."""
    if isinstance(value, tuple):
        nested = value and isinstance(value[0], tuple)
        return (", " if nested else "×").join(map(shown, value))
    return str(value)
