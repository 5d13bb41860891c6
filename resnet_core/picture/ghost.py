"""The plain twin as the same picture: every layer in its place, with what the plain net costs."""

from __future__ import annotations

from dataclasses import replace

from resnet_core.graph import LayerGraph, trace
from resnet_core.twins import twin_of


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
