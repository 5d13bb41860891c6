"""Spec -> LayerGraph: each op with its shape, parameters and MACs.

Nothing is declared twice: the module that trains is traced with torch.fx on the meta device,
where it holds no memory, and equal blocks are traced once.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import prod

import torch
from torch import fx, nn

from .layers import NoNorm
from .net import blocks_of, build_block, build_head, build_stem
from .shortcuts import ZeroPad
from .spec import BlockSpec, NetSpec


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


@dataclass(frozen=True)
class LayerGraph:
    """A whole net as plain data."""

    net: NetSpec
    blocks: tuple[BlockSpec, ...]
    ops: tuple[Op, ...]  # in order of execution; the first is the input

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
        return tuple(op for op in weighted if "shortcut" not in op.path.split("."))

    @cached_property
    def by_path(self) -> dict[str, Op]:
        return {op.path: op for op in self.ops}


def conv_macs(layer: nn.Conv2d, shape: tuple[int, ...]) -> int:
    return prod(shape) * layer.in_channels // layer.groups * prod(layer.kernel_size)


def linear_macs(layer: nn.Linear, shape: tuple[int, ...]) -> int:
    return layer.in_features * layer.out_features


def free(layer: nn.Module, shape: tuple[int, ...]) -> int:
    """Biases, norms, activations, pools and adds count nothing."""
    return 0


def window(layer) -> str:
    kernel, stride = (
        n[0] if isinstance(n, tuple) else n for n in (layer.kernel_size, layer.stride)
    )
    return f"{kernel}×{kernel}" + (f", stride {stride}" if stride != 1 else "")


def no_detail(layer) -> str:
    return ""


@dataclass(frozen=True)
class Layer:
    """A row of LAYERS: how a layer is called and what it costs."""

    kind: str
    macs: Callable = free  # (layer, output shape of one example) -> MACs
    detail: Callable = no_detail  # (layer) -> its own settings in a few characters


#: Every layer that a net may have. MACs as torch.utils.flop_counter counts them (2 FLOPs each).
LAYERS = {
    nn.Conv2d: Layer("conv", conv_macs, window),
    nn.Linear: Layer("linear", linear_macs),
    nn.BatchNorm2d: Layer("norm"),
    nn.ReLU: Layer("relu"),
    nn.MaxPool2d: Layer("pool", detail=lambda layer: "max " + window(layer)),
    nn.AdaptiveAvgPool2d: Layer("pool", detail=lambda layer: "global average"),
    nn.Flatten: Layer("flatten"),
    nn.Identity: Layer("identity"),
    ZeroPad: Layer(
        "zeropad", detail=lambda layer: f"stride {layer.stride}, +{layer.missing} zeros"
    ),
}
#: torch's meta kernels of these take 1-2 ms each, and they keep the shape anyway
SAME_SHAPE = (nn.BatchNorm2d, nn.ReLU, nn.Identity)


@lru_cache(maxsize=128)
def trace(net: NetSpec) -> LayerGraph:
    """The net's graph. Raises SpecError for a net that cannot be built."""
    blocks = blocks_of(net)
    ops = [Op("input", "input", (), net.input_shape, 0, 0)]

    def append(place: str, part: tuple[Op, ...]) -> None:
        end = ops[-1].path
        for op in part:
            inputs = tuple(end if i == "input" else f"{place}.{i}" for i in op.inputs)
            ops.append(replace(op, path=f"{place}.{op.path}", inputs=inputs))

    append("stem", _trace_module(build_stem, net, net.input_shape))
    for block in blocks:
        append(block.path, _trace_module(build_block, block, ops[-1].shape))
    append("head", _trace_module(build_head, net, ops[-1].shape))
    return LayerGraph(net, blocks, tuple(ops))


@lru_cache(maxsize=1024)  # equal blocks are traced once: ResNet-152 has 8 different ones
def _trace_module(build: Callable, spec, in_shape: tuple[int, ...]) -> tuple[Op, ...]:
    with torch.device("meta"):
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
    shape = node.meta["shape"]
    if node.op == "call_module":
        layer = traced.get_submodule(node.target)
        row = LAYERS[type(layer)]  # a KeyError here says: add the layer to LAYERS
        params = sum(p.numel() for p in layer.parameters())
        macs, detail = row.macs(layer, shape), row.detail(layer)
        return Op(node.target, row.kind, inputs, shape, params, macs, detail)
    assert node.target is operator.add, f"make a module of {node}, so that it has a name"
    return Op("add", "add", inputs, shape, 0, 0)


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
        return args[0] if isinstance(layer, SAME_SHAPE) else layer(*args, **kwargs)
