"""The plain twin as the same picture: every layer in its place, with what the plain net costs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from resnet_core.graph import LayerGraph, trace
from resnet_core.spec import SpecError
from resnet_core.twins import twin_of

#: what is drawn: a net, its twin, or both side by side
TWINS = ("net", "twin", "both")


@dataclass(frozen=True)
class Drawing:
    """One of the nets that are drawn."""

    graph: LayerGraph
    is_ghost: bool = False
    heading: str = ""

    @property
    def real(self) -> LayerGraph:
        """The graph without what is only drawn."""
        return trace(self.graph.net) if self.is_ghost else self.graph


def drawings(graph: LayerGraph, twin: str = "net") -> tuple[Drawing, ...]:
    """What `twin`, one of TWINS, means for a net; of two, the residual one first.

    A net that cannot be built is drawn alone. Raises SpecError for another `twin`.
    """
    if twin not in TWINS:
        raise SpecError("twin", f"there is no {twin!r:.40}", f"Use one of {', '.join(TWINS)}")
    if twin == "net" or graph.broken:
        return (Drawing(graph),)
    residual, ghost = pair(graph)
    both = Drawing(residual, False, "With shortcuts"), Drawing(ghost, True, "Without shortcuts")
    return tuple(one for one in both if twin == "both" or one.graph.net != graph.net)


def pair(graph: LayerGraph) -> tuple[LayerGraph, LayerGraph]:
    """The residual net of a pair of twins, and the plain one as its ghost; `graph` is either.

    The ghost has the ops of the residual net. Those that the plain net has not, the shortcuts and
    the (+), cost nothing in it.
    """
    twin = trace(twin_of(graph.net))
    residual, plain = (twin, graph) if graph.net.is_plain else (graph, twin)
    ops = (plain.by_path.get(op.path) or replace(op, params=0, macs=0) for op in residual.ops)
    inputs = (residual.by_path[op.path].inputs for op in residual.ops)
    ghost = tuple(replace(op, inputs=taken) for op, taken in zip(ops, inputs, strict=True))
    return residual, LayerGraph(plain.net, residual.blocks, ghost)
