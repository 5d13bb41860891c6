"""Spec -> LayerGraph: each op with its shape, parameters and MACs.

Nothing is declared twice: the module that trains is traced with torch.fx on the meta device,
where it holds no memory, and equal blocks are traced once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import groupby

import torch
from torch import fx

from .costs import LAYERS, NOTHING_KEPT, Kept
from .kept_graphs import KeptGraphs
from .layers import (
    NoNorm,
)
from .net import (
    build_block,
    build_head,
    build_stem,
    head_of,
    stem_of,
)
from .resolve import blocks_of, iter_blocks
from .spec import BlockSpec, NetSpec, ShapeMismatch


@dataclass(frozen=True)
class Op:
    """One layer or addition: a node of the graph."""

    path: str  # "stage1.0.conv1": joins picture, table, probe, chart and state_dict
    kind: str  # "conv", "norm", "relu", "add", ...: see LAYERS
    inputs: tuple[str, ...]  # paths; the main path first
    shape: tuple[int, ...]  # of the output for one example: C, H, W, or C behind the flatten
    params: int  # trainable elements
    macs: int  # products that are summed, one example
    detail: str = ""  # what the layer's own settings are: "3×3, stride 2"
    window: tuple[int, int, int] = (1, 1, 0)  # kernel, stride, padding; of both sides
    keeps: Kept = NOTHING_KEPT  # for the backward pass
    layer: str = ""  # the module's class: "GroupNorm"; "" for what no module does
    groups: int = 1  # of a conv or a group norm

    @property
    def is_beside(self) -> bool:
        """Whether it is on a shortcut, in an attention or in an addition, not on the main path."""
        return not BESIDE.isdisjoint(self.path.split("."))


@dataclass(frozen=True)
class LayerGraph:
    """A whole net as plain data."""

    net: NetSpec
    blocks: tuple[BlockSpec, ...] = field(repr=False)  # a megabyte of text for a ResNet-1202
    ops: tuple[Op, ...] = field(repr=False)  # in order of execution; the first is the input
    broken: ShapeMismatch | None = None  # then the last op is the (+) that cannot add

    @cached_property
    def params(self) -> int:
        """Trainable elements; batch norm's gamma and beta count, its running statistics do not."""
        return sum(op.params for op in self.ops)

    @cached_property
    def macs(self) -> int:
        """MACs of one example of `net.input_shape`; conv and linear layers, no biases."""
        return sum(op.macs for op in self.ops)

    @cached_property
    def depth(self) -> int:
        """Conv and linear layers on the main path; shortcuts are not counted."""
        return len(self.main_layers)

    @cached_property
    def main_layers(self) -> tuple[Op, ...]:
        """The conv and linear layers on the main path, from input to output."""
        weighted = (op for op in self.ops if op.kind in ("conv", "linear"))
        return tuple(op for op in weighted if not op.is_beside)

    @cached_property
    def by_path(self) -> dict[str, Op]:
        return {op.path: op for op in self.ops}

    @cached_property
    def parts(self) -> dict[str, tuple[Op, ...]]:
        """ "input", "stem", "stage1", ..., "head" -> its ops, as far as the graph goes."""
        return {part: tuple(ops) for part, ops in groupby(self.ops, lambda op: _place(op, 1))}

    @cached_property
    def block_ops(self) -> dict[str, tuple[Op, ...]]:
        """ "stage1.0" -> its ops; the stem's and the head's are not among them."""
        inside = (op for op in self.ops if op.path.startswith("stage"))
        return {block: tuple(ops) for block, ops in groupby(inside, lambda op: _place(op, 2))}

    def _repr_html_(self) -> str:
        from .notebook import picture_of  # imports what draws

        return picture_of(self)


def _place(op: Op, levels: int) -> str:
    """The first so many names of its path."""
    return ".".join(op.path.split(".", levels)[:levels])


#: names of modules in whose path a layer is beside the main path
BESIDE = {"shortcut", "attention", "add"}


#: while one thread traces, fx patches nn.Module for all of them: hold this to run any module in a
#: process that traces
MODULES = threading.RLock()


KEPT = KeptGraphs()


def trace(net: NetSpec) -> LayerGraph:
    """The net's graph. Raises SpecError for a net that cannot be built."""
    graph = KEPT.get(net)
    if graph is None:
        graph = _trace(net)
        KEPT.put(graph)
    return graph


def _trace(net: NetSpec) -> LayerGraph:
    blocks = blocks_of(net)
    ops = _trace_body(net, blocks)
    _append(ops, "head", _trace_module(build_head, head_of(net), ops[-1].shape))
    return LayerGraph(net, blocks, tuple(ops))


@lru_cache(maxsize=8)  # a page asks several times while it shows a mistake
def trace_to_mismatch(net: NetSpec) -> LayerGraph:
    """The part of a net that can be built, up to the (+) whose two arms do not fit.

    Raises SpecError for any other mistake; a net without one is traced whole.
    """
    blocks = []
    try:
        for block in iter_blocks(net):
            blocks.append(block)
    except ShapeMismatch as e:
        ops = _trace_body(net, blocks)
        x, place = ops[-1], e.block.path
        plain = _trace_module(build_block, replace(e.block, shortcut="none"), x.shape)
        end = max(i for i, op in enumerate(plain) if op.path.startswith("residual."))
        _append(ops, place, plain[: end + 1])
        kind = "identity" if e.skip[1:] == x.shape[1:] else "zeropad"
        skip = Op(f"{place}.shortcut", kind, (x.path,), e.skip, 0, 0)
        arms = (ops[-1].path, skip.path)
        ops += [skip, Op(f"{place}.add", "add", arms, e.residual, 0, 0)]
        return LayerGraph(net, (*blocks, e.block), tuple(ops), e)
    return trace(net)


def _trace_body(net: NetSpec, blocks: Iterable[BlockSpec]) -> list[Op]:
    """Input, stem and blocks."""
    ops = [Op("input", "input", (), net.input_shape, 0, 0)]
    _append(ops, "stem", _trace_module(build_stem, stem_of(net), net.input_shape))
    for block in blocks:
        _append(ops, block.path, _trace_module(build_block, block, ops[-1].shape))
    return ops


def _append(ops: list[Op], place: str, part: tuple[Op, ...]) -> None:
    end = ops[-1].path
    for op in part:
        inputs = tuple(end if i == "input" else f"{place}.{i}" for i in op.inputs)
        path = f"{place}.{op.path}"  # dataclasses.replace would take twice as long
        costs = (op.shape, op.params, op.macs, op.detail, op.window, op.keeps)
        ops.append(Op(path, op.kind, inputs, *costs, op.layer, op.groups))


@lru_cache(maxsize=1024)  # equal blocks are traced once: ResNet-152 has 8 different ones
def _trace_module(build: Callable, spec, in_shape: tuple[int, ...]) -> tuple[Op, ...]:
    with MODULES, torch.device("meta"):
        module = build(spec)
        traced = fx.GraphModule(module, _Tracer().trace(module))
        _ShapeRecorder(traced).run(torch.empty(1, *in_shape))
    ops, path_of = [], {}
    for node in traced.graph.nodes:
        inputs = tuple(path_of[i] for i in node.all_input_nodes)
        if node.op == "placeholder":
            path_of[node] = "input"
        elif node.op == "call_module" and isinstance(traced.get_submodule(node.target), NoNorm):
            path_of[node] = inputs[0]  # nothing happens here
        elif node.op != "output":
            ops.append(_op(traced, node, inputs))
            path_of[node] = ops[-1].path
    return tuple(ops)


def _op(traced: fx.GraphModule, node: fx.Node, inputs: tuple[str, ...]) -> Op:
    assert node.op == "call_module", f"make a module of {node}, so that it has a name"
    layer, shape = traced.get_submodule(node.target), node.meta["shape"]
    row = LAYERS[type(layer)]  # a KeyError here says: add the layer to LAYERS
    params = sum(p.numel() for p in layer.parameters())
    macs, detail, window = row.macs(layer, shape), row.detail(layer), row.window(layer)
    keeps = row.keeps(layer, node.all_input_nodes[0].meta["shape"], shape)
    what = type(layer).__name__, row.groups(layer)
    return Op(node.target, row.kind, inputs, shape, params, macs, detail, window, keeps, *what)


class _Tracer(fx.Tracer):
    def is_leaf_module(self, module, path):  # a module without children is one op
        return not any(module.children())


class _ShapeRecorder(fx.Interpreter):
    def run_node(self, node):
        out = super().run_node(node)
        node.meta["shape"] = tuple(out.shape[1:])
        return out

    def call_module(self, target, args, kwargs):
        layer = self.fetch_attr(target)
        keeps_shape = type(layer) in LAYERS and LAYERS[type(layer)].keeps_shape
        return args[0] if keeps_shape or isinstance(layer, NoNorm) else layer(*args, **kwargs)
