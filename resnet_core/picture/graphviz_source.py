"""LayerGraph -> DOT source, for Graphviz. Names are text: never markup, never a link."""

from __future__ import annotations

import graphviz

from resnet_core.graph import LayerGraph

from .ghost import drawings
from .marks import of_shortcut, shape_text
from .outline import Node, edges, outline, walk
from .skips import in_words
from .style import PALETTES
from .titles import layer_title
from .view import VIEW, View
from .ways import arcs

COLOURS = PALETTES["light"]
#: of a (+) that cannot add, and of the cards around it
RED = {"color": COLOURS["wrong"], "penwidth": "2"}


def dot(
    graph: LayerGraph,
    opened: frozenset[str] = frozenset(),
    view: View = VIEW,
    twin: str = "net",
) -> str:
    """The same nodes and edges as `draw`, with a cluster for each open card.

    `twin` is one of TWINS. A plain twin is drawn as it is, not as a ghost; of both, each is a
    cluster, and its ids begin with its role: "plain.stage1".
    """
    nets = [one.real for one in drawings(graph, twin)]
    source = graphviz.Digraph("net", node_attr={"shape": "box", "style": "rounded"})
    if len(nets) == 1:
        source.attr(label=plain([nets[0].net.name]), labelloc="t")
        _net(source, nets[0], outline(nets[0], opened, view), "")
        return source.source
    for one in nets:
        with source.subgraph(name=f"cluster_{one.net.role}") as cluster:
            cluster.attr(label=plain([one.net.name]), labelloc="t")
            _net(cluster, one, outline(one, opened, view), f"{one.net.role}.")
    return source.source


def _net(source: graphviz.Digraph, graph: LayerGraph, nodes: tuple[Node, ...], start: str) -> None:
    """Nodes and edges of one net; its ids in the source begin with `start`."""
    for node in nodes:
        _add(source, node, start)
    broken = {node.id for node in walk(nodes) if node.kind == "add" and node.broken}
    lanes = _lanes(nodes)
    for tail, head in edges(graph, nodes):
        line = lanes.get(head) or lanes.get(tail) or {}
        source.edge(start + tail, start + head, **(RED if head in broken else line))


def plain(lines: list[str]) -> str:
    """A label that Graphviz shows as it stands: no HTML, no escapes but the line breaks."""
    kept = (line.replace("&", "&amp;") for line in lines if line)
    return graphviz.nohtml("\\n".join(str(graphviz.escape(line)) for line in kept))


def _add(source: graphviz.Digraph, node: Node, start: str) -> None:
    colours = {**RED, "fontcolor": RED["color"]} if node.broken else {}
    if node.children:
        with source.subgraph(name=f"cluster_{start}{node.id}") as cluster:
            cluster.attr(label=plain([node.title, in_words(node.skips)]), **colours)
            for child in node.children:
                _add(cluster, child, start)
        return
    shape = shape_text(node.shape)
    if node.kind == "add" and node.broken:
        shape = " ≠ ".join(map(shape_text, (node.broken.residual, node.broken.skip)))
    folded = [layer_title(op) for op in node.folded[0]], [layer_title(op) for op in node.folded[1]]
    title = " · ".join([*folded[0], node.title, *folded[1]])
    if of_shortcut(node) and not colours:
        colours = {"color": COLOURS["skip"], "penwidth": "2"}
    form = {"shape": "circle"} if node.kind in ("add", "multiply") else {}
    lines = [title, node.what, in_words(node.skips), shape]
    source.node(start + node.id, plain(lines), **form, **colours)


def _lanes(nodes: tuple[Node, ...]) -> dict[str, dict[str, str]]:
    """Layers on shortcuts by id, and how the edges to and from them look."""
    found = {}
    for block in walk(nodes):
        for way in arcs(block):
            kinds = {layer.kind for layer in way.lane}
            style = next((EDGES[kind] for kind in EDGES if kind in kinds), "solid")
            line = {"color": COLOURS["skip"], "penwidth": "2.5", "style": style}
            found |= {layer.id: line for layer in way.lane}
    return found


#: kind of a layer on the shortcut -> style of its edges; the first that is there; solid for others
EDGES = {"drop": "dashed", "scale": "dotted", "conv": "bold"}
