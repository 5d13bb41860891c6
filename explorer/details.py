"""What is known about a selected part of the net."""

from __future__ import annotations

import html

from explorer import cached, theme
from resnet_core.graph import LayerGraph, Op
from resnet_core.picture import in_run
from resnet_core.spec import in_words


def inside(graph: LayerGraph, path: str) -> list[Op]:
    """The ops of a layer, block, stage, or run of blocks ("stage2.2..8")."""
    if ".." in path:
        return [op for op in graph.ops if in_run(op.path, path)]
    return [op for op in graph.ops if op.path == path or op.path.startswith(f"{path}.")]


def facts(graph: LayerGraph, path: str | None) -> tuple[str, list[tuple[str, str]]] | None:
    """(title, rows of name and value), or None when nothing of this net is selected."""
    ops = inside(graph, path) if path else []
    if not ops:
        return None
    rows = [
        ("input", theme.shape(source_shape(graph, ops))),
        ("output", theme.shape(ops[-1].shape)),
    ]
    if len(ops) == 1 and ops[0].detail:
        rows.append(("settings", ops[0].detail))
    if field := cached.fields(graph)[ops[-1].path]:
        seen = f"{field.size}×{field.size} pixels, one step is {field.stride}"
        if field.beyond:
            seen += "; attention or group norm before it sees the whole map, too"
        rows.append(("receptive field", seen))
    params, macs = sum(op.params for op in ops), sum(op.macs for op in ops)
    rows += [
        ("parameters", f"{params:,}{share(params, graph.params)}"),
        ("MACs", f"{macs:,}{share(macs, graph.macs)}"),
    ]
    kind = f" · {ops[0].kind}" if len(ops) == 1 else f" · {len(ops)} layers"
    return f"{in_words(path)}{kind}", rows


def source_shape(graph: LayerGraph, ops: list[Op]) -> tuple[int, ...]:
    first = ops[0]
    return graph.by_path[first.inputs[0]].shape if first.inputs else first.shape


def share(part: int, whole: int) -> str:
    return f" ({part / whole:.1%} of the net)" if part and whole else ""


def card(title: str, rows: list[tuple[str, str]]) -> str:
    """HTML of the facts; every text is escaped."""
    cells = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in rows
    )
    return f'<div class="facts"><h4>{html.escape(title)}</h4><dl>{cells}</dl></div>'
