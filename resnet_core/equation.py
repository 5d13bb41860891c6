"""What a block computes, as mathematics: read off the traced block, in LaTeX.

The same walk serves every order, shortcut and attention, so that none is written down twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from .graph import LayerGraph, Op
from .spec import SpecError

SKIP_COLOUR = "blue"  # of what the shortcut brings; the screen puts its own blue there


@dataclass(frozen=True)
class Line:
    """A letter, and what it stands for."""

    name: str  # LaTeX: "y", "h_{1}", "F(x)"
    value: str  # LaTeX: "\\mathrm{ReLU}(F(x) + x)"; what x is: ""
    shape: tuple[int, ...]  # C, H, W, or C, 1, 1 for one number a channel


@dataclass(frozen=True)
class Expr:
    """A piece of LaTeX."""

    text: str
    is_sum: bool = False  # then a factor before it needs parentheses

    @property
    def factor(self) -> str:
        return rf"\left({self.text}\right)" if self.is_sum else self.text


def ops_of_block(graph: LayerGraph, path: str) -> tuple[Op, ...]:
    """The ops of the block at `path` ("stage2.0") in order; SpecError if there is none."""
    found = graph.block_ops.get(path, ())
    if not found or not any(block.path == path for block in graph.blocks):
        raise SpecError("block", f"there is no {path!r:.60}", "Use a path such as stage1.0")
    return found


def equation(graph: LayerGraph, path: str) -> tuple[Line, ...]:
    """y first, then x and every letter on the way to y, in order of execution."""
    ops = ops_of_block(graph, path)
    start = len(path) + 1
    local = {op.path: op.path[start:] for op in ops}
    x = graph.by_path[ops[0].inputs[0]]
    names = letters(ops, local, x.path)
    has_one_sum = sum(op.kind == "add" for op in ops) == 1
    known, lines = {x.path: Expr("x")}, [Line("x", "", x.shape)]
    for op in ops:
        args = [known[i] for i in op.inputs]
        if op.kind == "add":
            args = arms(args, written_shape(op.shape) if has_one_sum else "")
        value = WRITTEN[op.layer](op, args, subscript(local[op.path]))
        if name := names.get(op.path):
            lines.append(Line(name, value.text, op.shape))
            value = Expr(name)
        known[op.path] = value
    return (Line("y", value.text, op.shape), *lines)


def arms(args: list[Expr], size: str) -> list[Expr]:
    """Both terms of a sum, with their shape below, which is the same; the shortcut's in blue."""
    below = rf"\underset{{{size}}}" if size else ""
    residual, skip = (f"{below}{{{arg.text}}}" for arg in args)
    return [Expr(residual), Expr(rf"\textcolor{{{SKIP_COLOUR}}}{{{skip}}}")]


def written_shape(shape: tuple[int, ...]) -> str:
    """(64, 56, 56) -> "64{\\times}56{\\times}56"."""
    return r"{\times}".join(map(str, shape))


def letters(ops: tuple[Op, ...], local: dict[str, str], x: str) -> dict[str, str]:
    """path -> letter, of every op whose value has one: what enters a layer of F, and what F is."""
    names, enters = {}, "x"
    for op in ops:
        layer = re.fullmatch(r"residual\.(bias|conv)(\d+)", local[op.path])
        source = op.inputs[0]
        if layer and not local.get(source, "").startswith("residual.bias") and source != x:
            names[source] = "x'" if layer[2] == "1" else f"h_{{{int(layer[2]) - 1}}}"
            enters = names[source] if layer[2] == "1" else enters
        if local[op.path] == "residual.attention.pool":
            names[source] = "u"
    sums = sum(op.kind == "add" for op in ops)
    inside = [op for op in ops if local[op.path].startswith("residual.")]
    if sums < 2:
        end = next(op for op in reversed(inside) if local[op.path] != "residual.act")
        names[end.path] = f"F({enters})"
    return names | {op.path: GATES[local[op.path]] for op in ops if local[op.path] in GATES}


def subscript(local: str) -> str:
    """Which weights these are: "1" of F's first layer, "s" of the shortcut, "g" of the gate."""
    if number := re.search(r"\d+", local):
        return f"s{number[0]}" if local.startswith("shortcut") else number[0]
    *place, name = local.split(".")
    return SUBSCRIPTS.get(name) or ("s" if "shortcut" in place else "")


def weights(op: Op, args: list[Expr], sub: str) -> Expr:
    """W * x, with a bias if the layer has one; a 1x1 kernel is a matrix, so there no star."""
    star = " * " if op.window[0] > 1 else r"\,"
    text = rf"W_{{{sub}}}{star}{args[0].factor}"
    has_bias = op.layer == "Conv2d" and op.params > conv_weights(op)
    return Expr(rf"{text} + b_{{{sub}}}", is_sum=True) if has_bias else Expr(text)


def conv_weights(op: Op) -> int:
    """Weights of a convolution, without its biases: each is used once for every pixel put out."""
    return op.macs // (op.shape[1] * op.shape[2])


def function(name: str) -> Callable:
    """The layer's value is name(x)."""
    return lambda op, args, sub: Expr(rf"{name}({args[0].text})")


def shifted(op: Op, args: list[Expr], sub: str) -> Expr:
    """A number is added to all: b before a convolution, c where a norm would stand."""
    letter = "b" if ".bias" in op.path else "c"
    return Expr(f"{args[0].text} + {letter}_{{{sub}}}", is_sum=True)


def scaled(op: Op, args: list[Expr], sub: str) -> Expr:
    factor = Fraction(op.detail.removeprefix("× "))
    return Expr(rf"\tfrac{{{factor.numerator}}}{{{factor.denominator}}}\,{args[0].factor}")


#: where a gate is ready -> its letter
GATES = {"add.sigmoid": "g", "residual.attention.sigmoid": "a"}
#: name of a layer -> the subscript of its weights
SUBSCRIPTS = {"gate": "g", "reduce": r"\downarrow", "expand": r"\uparrow"}
#: class of a layer in a block -> (op, what goes in, subscript) -> what it puts out
WRITTEN = {
    "Conv2d": weights,
    "ChannelConv": lambda op, args, sub: Expr(rf"w * {args[0].factor}"),
    "BatchNorm2d": function(r"\mathrm{BN}"),
    "GroupNorm": function(r"\mathrm{GN}"),
    "ScalarBias": shifted,
    "ScalarScale": lambda op, args, sub: shifted(op, [Expr(rf"s\,{args[0].factor}")], sub),
    "ReLU": function(r"\mathrm{ReLU}"),
    "SiLU": function(r"\mathrm{SiLU}"),
    "GELU": function(r"\mathrm{GELU}"),
    "Sigmoid": function(r"\sigma"),
    "AdaptiveAvgPool2d": function(r"\mathrm{mean}"),
    "AveragePool": function(r"\mathrm{avg}"),
    "Blur": function(r"\mathrm{blur}"),
    "ZeroPad": function(r"\mathrm{pad}"),
    "Identity": lambda op, args, sub: args[0],
    "Dropout": function(r"\mathrm{dropout}"),
    "StochasticDepth": function(r"\mathrm{drop}"),
    "Add": lambda op, args, sub: Expr(f"{args[0].text} + {args[1].text}", is_sum=True),
    "Multiply": lambda op, args, sub: Expr(rf"{args[1].factor} \odot {args[0].factor}"),
    "OneMinus": lambda op, args, sub: Expr(f"1 - {args[0].factor}", is_sum=True),
    "Scale": scaled,
}
