"""What a block's parameters and MACs add up from: every term as a product that can be followed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from .blocks import Conv, basic, bottleneck
from .equation import conv_weights, ops_of_block, subscript
from .graph import LayerGraph, Op
from .spec import BlockSpec


@dataclass(frozen=True)
class Term:
    """One summand. Both formulas are arithmetic on whole numbers, with "·" for "times"."""

    arm: str  # key of ARMS
    letter: str  # "W1", as in the equation; "" for what has none
    what: str  # "1×1 reduce"
    formula: str  # of `params`: "256·64"
    params: int  # trainable elements
    macs_formula: str  # "56·56·16384": once per pixel that is put out; "" where nothing counts
    macs: int  # of one example
    paths: tuple[str, ...]  # of its ops


def terms(graph: LayerGraph, path: str) -> tuple[Term, ...]:
    """The terms of the block at `path` by arm; their sums are the block's parameters and MACs.

    Raises SpecError where there is no such block.
    """
    found = []
    for op in ops_of_block(graph, path):
        if op.params or op.macs:
            found.append((arm_of(op.path[len(path) + 1 :]), op))
    order = list(ARMS)
    found.sort(key=lambda pair: order.index(pair[0]))  # stable: execution order within an arm
    result = []
    for arm, pairs in groupby(found, key=lambda pair: pair[0]):
        ops = [op for _, op in pairs]
        convs = [op for op in ops if op.kind == "conv"]
        result += [term for op in convs for term in of_conv(graph, path, arm, op)]
        result += [of_blur(arm, op) for op in ops if op.layer == "Blur"]
        for layer in NORMS:
            if alike := [op for op in ops if op.layer == layer]:
                result.append(of_norms(arm, alike))
    return tuple(result)


def arm_of(local: str) -> str:
    """Which part of the block an op belongs to."""
    fitting = [arm for arm, (prefix, _) in ARMS.items() if local.startswith(prefix)]
    return max(fitting, key=lambda arm: len(ARMS[arm][0]))


def of_conv(graph: LayerGraph, path: str, arm: str, op: Op) -> Iterator[Term]:
    """The weights, and the biases if there are any."""
    sub = subscript(op.path[len(path) + 1 :]).replace("\\downarrow", "↓").replace("\\uparrow", "↑")
    into, (out, height, width) = graph.by_path[op.inputs[0]].shape[0], op.shape
    if op.layer == "ChannelConv":  # one row of weights, for every channel
        size = op.params
        yield Term(arm, "w", f"1D of {size}", str(size), size, f"{out}·{size}", op.macs, (op.path,))
        return
    own = conv_weights(op)
    formula = f"{into}·{out}" + (f"·{op.window[0] ** 2}" if op.window[0] > 1 else "")
    formula += f"/{op.groups}" if op.groups > 1 else ""
    macs = f"{height}·{width}·{own}"
    yield Term(arm, f"W{sub}", conv_what(arm, op, into), formula, own, macs, op.macs, (op.path,))
    if op.params > own:
        yield Term(arm, f"b{sub}", "biases", str(out), out, "", 0, (op.path,))


def conv_what(arm: str, op: Op, into: int) -> str:
    """ "1×1 reduce", "3×3 in 32 groups", "1×1"."""
    size = f"{op.window[0]}×{op.window[0]}"
    if op.groups > 1:
        return f"{size} in {op.groups} groups"
    if op.window[0] > 1 or op.shape[0] == into or arm not in ("F", "attention"):
        return size
    return f"{size} {'reduce' if op.shape[0] < into else 'expand'}"


def of_blur(arm: str, op: Op) -> Term:
    channels, height, width = op.shape
    formula = f"{height}·{width}·9·{channels}"
    return Term(arm, "", "3×3 blur, fixed", "0", 0, formula, op.macs, (op.path,))


def of_norms(arm: str, ops: Sequence[Op]) -> Term:
    """All norms of one kind in an arm: two numbers per channel, or one or two in all (Fixup)."""
    what, one = NORMS[ops[0].layer]
    if one:
        formula = f"{len(ops)}·{one}"
    else:
        channels = "+".join(str(op.shape[0]) for op in ops)
        formula = f"2·({channels})" if len(ops) > 1 else f"2·{channels}"
    what = f"outer {what}" if arm == "around" else what
    paths = tuple(op.path for op in ops)
    return Term(arm, "", what, formula, sum(op.params for op in ops), "", 0, paths)


@dataclass(frozen=True)
class Squares:
    """The weights of some convolutions as multiples of C², C channels in and out."""

    channels: int  # C
    parts: tuple[Fraction, ...]  # of C², one for each convolution

    @property
    def total(self) -> Fraction:
        return sum(self.parts, Fraction(0))

    @property
    def weights(self) -> int:
        return int(self.total * self.channels**2)


def squares(block: BlockSpec) -> Squares | None:
    """F's convolutions in C², or None for a block that changes the number of channels."""
    channels = block.in_channels
    if channels != block.out_channels:
        return None
    convs = weights_of(block.convs, channels)
    return Squares(channels, tuple(Fraction(n, channels**2) for n in convs))


@dataclass(frozen=True)
class Other:
    """The convolutions of the usual block with the same channels in and out."""

    title: str  # "basic", "bottleneck"
    weights: tuple[int, ...]  # of each convolution


def other(block: BlockSpec) -> Other | None:
    """A basic block beside any F but its own; beside that a bottleneck, if C / 4 is whole."""
    out = block.out_channels
    if [tuple(conv) for conv in block.convs] != [tuple(c) for c in basic(out, block.stride)]:
        return Other("basic", weights_of(basic(out, 1), block.in_channels))
    if out % 4:
        return None
    return Other("bottleneck", weights_of(bottleneck(out // 4, 1), block.in_channels))


def weights_of(convs: Sequence[Conv], channels: int) -> tuple[int, ...]:
    """Weights of each of some convolutions in a row, behind so many channels."""
    found = []
    for kernel, out, _, groups in convs:
        found.append(kernel**2 * channels * out // groups)
        channels = out
    return tuple(found)


#: arm -> (how the paths of its ops begin inside the block, what the screen calls it)
ARMS = {
    "F": ("residual.", "F"),
    "attention": ("residual.attention.", "attention"),
    "shortcut": ("shortcut", "shortcut"),
    "gate": ("add", "gate"),
    "around": ("", "outer norm"),
}
#: class of a norm -> (what it is called, its numbers in all, None for two a channel)
NORMS = {
    "BatchNorm2d": ("batch norm", None),
    "GroupNorm": ("group norm", None),
    "ScalarBias": ("biases", 1),
    "ScalarScale": ("scale, bias", 2),
}
