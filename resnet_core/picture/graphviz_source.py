"""LayerGraph -> DOT source, for Graphviz. Names are text: never markup, never a link."""

from __future__ import annotations

import graphviz

from resnet_core.graph import LayerGraph

from .outline import Node, edges, outline, walk
from .style import PALETTES

#: of a (+) that cannot add, and of the cards around it
RED = {"color": PALETTES["light"]["wrong"], "penwidth": "2"}


def dot(graph: LayerGraph, opened: frozenset[str] = frozenset()) -> str:
    """The same nodes and edges as `draw`, with a cluster for each open card."""
    nodes = outline(graph, opened)
    source = graphviz.Digraph("net", node_attr={"shape": "box", "style": "rounded"})
    source.attr(label=plain([graph.net.name]), labelloc="t")
    for node in nodes:
        _add(source, node)
    broken = {node.id for node in walk(nodes) if node.kind == "add" and node.broken}
    for tail, head in edges(graph, nodes):
        source.edge(tail, head, **(RED if head in broken else {}))
    return source.source


def plain(lines: list[str]) -> str:
    """A label that Graphviz shows as it stands: no HTML, no escapes but the line breaks."""
    kept = (line.replace("&", "&amp;") for line in lines if line)
    return graphviz.nohtml("\\n".join(str(graphviz.escape(line)) for line in kept))


def _add(source: graphviz.Digraph, node: Node) -> None:
    shape = "×".join(map(str, node.shape))
    colours = {**RED, "fontcolor": RED["color"]} if node.broken else {}
    if not node.children:
        if node.kind == "add" and node.broken:
            arms = (node.broken.residual, node.broken.skip)
            shape = " ≠ ".join("×".join(map(str, arm)) for arm in arms)
        source.node(node.id, plain([node.title, node.what, shape]), **colours)
        return
    with source.subgraph(name=f"cluster_{node.id}") as cluster:
        cluster.attr(label=plain([node.title]), **colours)
        for child in node.children:
            _add(cluster, child)
