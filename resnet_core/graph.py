"""Spec -> LayerGraph: each op with its shape, parameters and MACs.

Nothing is declared twice: the module that trains is traced with torch.fx on the meta device,
where it holds no memory, and equal blocks are traced once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from math import prod

import torch
from torch import fx, nn

from .layers import (
    Add,
    AveragePool,
    Blur,
    ChannelConv,
    GroupNorm,
    Multiply,
    NoNorm,
    OneMinus,
    ScalarBias,
    ScalarScale,
    Scale,
    StochasticDepth,
    WholePool,
)
from .net import (
    blocks_of,
    build_block,
    build_head,
    build_stem,
    head_of,
    iter_blocks,
    stem_of,
)
from .shortcuts import ZeroPad
from .spec import BlockSpec, NetSpec, ShapeMismatch


@dataclass(frozen=True)
class Kept:
    """What autograd keeps of one op in training, beside parameters. Tensors are shared by ops."""

    inputs: bool = False  # the tensors that go in
    output: bool = False  # the tensor that comes out
    values: int = 0  # of a tensor of its own, one example, in the precision of what comes in
    bytes: int = 0  # of a tensor of its own, one example, whatever the precision
    bytes_once: int = 0  # the same for the whole batch


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
    keeps: Kept = Kept()  # for the backward pass


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
        return tuple(op for op in weighted if not BESIDE & set(op.path.split(".")))

    @cached_property
    def by_path(self) -> dict[str, Op]:
        return {op.path: op for op in self.ops}

    def _repr_html_(self) -> str:
        from .notebook import picture_of  # imports what draws

        return picture_of(self)


#: names of modules in whose path a layer is beside the main path
BESIDE = {"shortcut", "attention", "add"}


def conv_macs(layer: nn.Conv2d, shape: tuple[int, ...]) -> int:
    return prod(shape) * layer.in_channels // layer.groups * prod(layer.kernel_size)


def linear_macs(layer: nn.Linear, shape: tuple[int, ...]) -> int:
    return layer.in_features * layer.out_features


def channel_conv_macs(layer: ChannelConv, shape: tuple[int, ...]) -> int:
    return shape[0] * layer.kernel_size[0]


def blur_macs(layer: Blur, shape: tuple[int, ...]) -> int:
    """A convolution like any other, though nothing in it is learned."""
    return prod(shape) * 9


def free(layer: nn.Module, shape: tuple[int, ...]) -> int:
    """Biases, norms, activations, pools and adds count nothing."""
    return 0


def window_of(layer) -> tuple[int, int, int]:
    """Kernel, stride and padding; all our layers have the same for height and width."""
    sizes = (layer.kernel_size, layer.stride, layer.padding)
    return tuple(n[0] if isinstance(n, tuple) else n for n in sizes)


def point(layer) -> tuple[int, int, int]:
    return 1, 1, 0


def conv_detail(layer: nn.Conv2d) -> str:
    groups = f", {layer.groups} groups" if layer.groups > 1 else ""
    return strided(window_of(layer)) + groups


def strided(window: tuple[int, int, int]) -> str:
    kernel, stride, _ = window
    return f"{kernel}×{kernel}" + (f", stride {stride}" if stride != 1 else "")


def no_detail(layer) -> str:
    return ""


def nothing(layer, in_shape, shape) -> Kept:
    """Sums, means and constants: their derivatives need no value."""
    return Kept()


def its_inputs(layer, in_shape, shape) -> Kept:
    return Kept(inputs=True)


def its_output(layer, in_shape, shape) -> Kept:
    return Kept(output=True)


def batch_norm_keeps(layer, in_shape, shape) -> Kept:
    """x and, for each channel, the batch's mean and deviation."""
    return Kept(inputs=True, bytes_once=2 * 4 * shape[0])


def group_norm_keeps(layer, in_shape, shape) -> Kept:
    """x and, for each group of each example, mean and deviation."""
    return Kept(inputs=True, bytes=2 * 4 * layer.num_groups)


def max_pool_keeps(layer, in_shape, shape) -> Kept:
    """x and where each maximum was, as int64."""
    return Kept(inputs=True, bytes=8 * prod(shape))


def blur_keeps(layer, in_shape, shape) -> Kept:
    """x and the padded x."""
    channels, height, width = in_shape
    return Kept(inputs=True, values=channels * (height + 2) * (width + 2))


def mask_of_values(layer, in_shape, shape) -> Kept:
    """Dropout's factors. A GPU keeps one byte each instead."""
    return Kept(values=prod(shape))


def mask_of_examples(layer, in_shape, shape) -> Kept:
    return Kept(values=1)


@dataclass(frozen=True)
class Layer:
    """A row of LAYERS: how a layer is called and what it costs."""

    kind: str
    macs: Callable = free  # (layer, output shape of one example) -> MACs
    detail: Callable = no_detail  # (layer) -> its own settings in a few characters
    window: Callable = point  # (layer) -> kernel, stride, padding
    keeps_shape: bool = False  # then it need not run: torch's meta kernels take up to 2 ms
    keeps: Callable = nothing  # (layer, shape in, shape out) -> Kept, as autograd does


#: Every layer that a net may have. MACs as torch.utils.flop_counter counts them (2 FLOPs each).
LAYERS = {
    nn.Conv2d: Layer("conv", conv_macs, conv_detail, window_of, keeps=its_inputs),
    nn.Linear: Layer("linear", linear_macs, keeps=its_inputs),
    nn.BatchNorm2d: Layer(
        "norm", detail=lambda layer: "batch", keeps_shape=True, keeps=batch_norm_keeps
    ),
    GroupNorm: Layer(
        "norm",
        detail=lambda layer: f"group, {layer.num_groups} groups",
        keeps_shape=True,
        keeps=group_norm_keeps,
    ),
    ScalarBias: Layer("bias", keeps_shape=True),
    ScalarScale: Layer("scale", detail=lambda layer: "s·x + b", keeps_shape=True, keeps=its_inputs),
    nn.ReLU: Layer("act", detail=lambda layer: "ReLU", keeps_shape=True, keeps=its_output),
    nn.SiLU: Layer("act", detail=lambda layer: "SiLU", keeps_shape=True, keeps=its_inputs),
    nn.GELU: Layer("act", detail=lambda layer: "GELU", keeps_shape=True, keeps=its_inputs),
    nn.Sigmoid: Layer("act", detail=lambda layer: "sigmoid", keeps_shape=True, keeps=its_output),
    nn.MaxPool2d: Layer(
        "pool",
        detail=lambda layer: "max " + strided(window_of(layer)),
        window=window_of,
        keeps=max_pool_keeps,
    ),
    AveragePool: Layer(
        "pool",
        detail=lambda layer: "average " + strided(window_of(layer)),
        window=window_of,
        keeps=its_inputs,
    ),
    WholePool: Layer(
        "pool",
        detail=lambda layer: "average " + strided(window_of(layer)),
        window=window_of,
        keeps=its_inputs,
    ),
    Blur: Layer(
        "pool",
        blur_macs,
        lambda layer: "blur " + strided((3, layer.stride, 1)),
        lambda layer: (3, layer.stride, 1),
        keeps=blur_keeps,
    ),
    nn.AdaptiveAvgPool2d: Layer("pool", detail=lambda layer: "global average"),
    nn.Flatten: Layer("flatten"),
    nn.Identity: Layer("identity", keeps_shape=True),
    ZeroPad: Layer(
        "zeropad",
        detail=lambda layer: f"stride {layer.stride}, +{layer.missing} zeros",
        window=lambda layer: (1, layer.stride, 0),
    ),
    ChannelConv: Layer(
        "conv",
        channel_conv_macs,
        lambda layer: f"{layer.kernel_size[0]} channels",
        keeps=its_inputs,
    ),
    Add: Layer("add", keeps_shape=True),
    Multiply: Layer("multiply", keeps_shape=True, keeps=its_inputs),
    OneMinus: Layer("scale", detail=lambda layer: "1 − g", keeps_shape=True),
    Scale: Layer("scale", detail=lambda layer: f"× {layer.factor:g}", keeps_shape=True),
    nn.Dropout: Layer(
        "drop", detail=lambda layer: f"dropout {layer.p:g}", keeps_shape=True, keeps=mask_of_values
    ),
    StochasticDepth: Layer(
        "drop", detail=lambda layer: "stochastic depth", keeps_shape=True, keeps=mask_of_examples
    ),
}


#: while one thread traces, fx patches nn.Module for all of them: hold this to run any module in a
#: process that traces
MODULES = threading.RLock()


@lru_cache(maxsize=128)
def trace(net: NetSpec) -> LayerGraph:
    """The net's graph. Raises SpecError for a net that cannot be built."""
    blocks = blocks_of(net)
    ops = _trace_body(net, blocks)
    _append(ops, "head", _trace_module(build_head, head_of(net), ops[-1].shape))
    return LayerGraph(net, blocks, tuple(ops))


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
        of_op = (op.shape, op.params, op.macs, op.detail, op.window, op.keeps)
        ops.append(Op(path, op.kind, inputs, *of_op))


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
    return Op(node.target, row.kind, inputs, shape, params, macs, detail, window, keeps)


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
