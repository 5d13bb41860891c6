"""What exactly does the skip skip? Shown on a block as it is built, in numbers.

Around one layer, y = W1 x + x is a single convolution with kernel W1 + I: the skip adds nothing
that the layer could not do. Around two with a ReLU between them it does. He et al. 2015, sec. 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .arms import (
    before_final_act,
    chain_after,
    chain_of_F,
    chain_of_shortcut,
    has_final_act,
    has_gate,
    output_of_F,
)
from .blocks import Block, EveryLayer, NormAfterAdd
from .folding import OBSTACLES, Folded, fold, identity, obstacle
from .graph import MODULES, trace
from .inits import INITS
from .layers import ACTIVATIONS, ScalarBias, ScalarScale
from .net import build_block
from .resolve import blocks_of
from .shortcuts import ScaledAdd
from .spec import BlockSpec, NetSpec, SpecError, in_words

MAX_WEIGHTS = 8_000_000  # of a block, and of its single convolution, that somebody waits for
NO_SHORTCUT = "There is no shortcut here: y = F(x), and nothing is added to it."
PIXELS = 8  # height and width of the random maps; wider for kernels that are


@dataclass(frozen=True)
class Agreement:
    """How far the block and the single convolution are apart on random inputs."""

    dtype: str  # "float64"
    difference: float  # max |block(x) - conv(x)|
    size: float  # max |block(x)|


@dataclass(frozen=True)
class Merged:
    """The single convolution that equals a block."""

    formula: str  # of its kernel: "W1 + I"
    has_bias: bool
    kernel: int
    stride: int
    in_channels: int
    out_channels: int
    centre_of_F: float | None = None  # mean of the diagonal at the centre tap, of F's own kernel
    centre: float | None = None  # the same of the merged kernel: 1 more for an identity
    agreements: tuple[Agreement, ...] = ()  # empty for a block too large to be measured


@dataclass(frozen=True)
class Demonstration:
    """Whether a block equals one convolution, and the numbers that show it."""

    path: str
    merged: Merged | None
    why_not: str  # a sentence; empty if there is such a convolution
    conditions: tuple[str, ...] = ()  # under which it holds
    nonlinearity: float | None = None  # |F(a+b) + F(0) - F(a) - F(b)| / |F(a) + F(b)|; linear: 0

    @property
    def sentence(self) -> str:
        """What the numbers say, for the screen."""
        where = in_words(self.path)
        return f"{where}: {_verdict(self.merged, self.conditions) if self.merged else self._not()}"

    def _not(self) -> str:
        is_linear = self.nonlinearity is None or self.nonlinearity < 1e-9
        if is_linear or self.why_not == NO_SHORTCUT:
            return self.why_not
        away = f"{100 * self.nonlinearity:.2g} %"
        return f"{self.why_not} Measured: F(a + b) and F(a) + F(b) are {away} of their size apart."


def _verdict(m: Merged, conditions: tuple[str, ...]) -> str:
    size = f"{m.kernel}×{m.kernel}"
    text = f"one {size} convolution with kernel {m.formula}{' and a bias' if m.has_bias else ''}"
    text = f"F(x) and the shortcut together equal {text}"
    text += f", {' and '.join(conditions)}." if conditions else "."
    if m.agreements:
        apart = " and ".join(f"{a.difference:.1e} in {a.dtype}" for a in m.agreements)
        text += f" Measured: at most {apart} apart, where y reaches {m.agreements[0].size:.3g}."
    return (
        f"{text} Around a single layer the shortcut changes where training starts, not what the "
        "block can compute (He et al. 2015, sec. 3.2)."
    )


@dataclass(frozen=True)
class EveryLayerCost:
    """A net against the same net with a shortcut around every single layer."""

    params: int  # with shortcut "layer"
    own_params: int  # as it is
    projections: int  # 1x1 convolutions on shortcuts, with shortcut "layer"
    own_projections: int

    @property
    def sentence(self) -> str:
        """The cost in words, for the screen."""
        more, extra = self.params - self.own_params, self.projections - self.own_projections
        if not more:
            return "A shortcut around every single layer costs the same number of parameters."
        percent = 100 * more / self.own_params
        change = f"{'adds' if more > 0 else 'saves'} {abs(more):,} parameters ({percent:+.1f} %)"
        number = f"{abs(extra):,} {'more' if extra > 0 else 'fewer'}"
        why = f": {number} of its shortcuts need a 1×1 projection" if extra else ""
        return f"A shortcut around every single layer {change}{why}."


def demonstrate(net: NetSpec, path: str, seed: int = 0) -> Demonstration:
    """Compares the block at `path` ("stage1.0") with the one convolution that may equal it.

    Weights are drawn by the net's init and the norms' statistics at random, all by `seed`, so
    that no agreement is an accident. Raises SpecError for a net that cannot be built.
    """
    spec = next((b for b in blocks_of(net) if b.path == path), None)
    if spec is None:
        raise SpecError("block", f"there is no {path!r:.60}", "Use a path such as stage1.0")
    with MODULES:  # another thread may trace, and torch.fx patches all modules while it does
        return _demonstrate(net, spec, seed)


def _demonstrate(net: NetSpec, spec: BlockSpec, seed: int) -> Demonstration:
    with torch.device("meta"):
        block = build_block(spec)
    why_not = reason(spec, block)
    is_small = sum(p.numel() for p in block.parameters()) <= MAX_WEIGHTS
    if is_small:
        block, inputs = drawn_block(net, spec, seed), random_inputs(spec, seed)
    if why_not:
        bend = nonlinearity(block, inputs) if is_small else None
        return Demonstration(spec.path, None, why_not, nonlinearity=bend)
    merged = describe(spec, block)
    taps = merged.in_channels * max(merged.in_channels, merged.out_channels * merged.kernel**2)
    if is_small and taps <= MAX_WEIGHTS:
        merged = measure(merged, block, inputs)
    return Demonstration(spec.path, merged, "", conditions_of(spec, block))


def every_layer_cost(net: NetSpec) -> EveryLayerCost:
    """What a shortcut around every layer would cost this net; a plain stage stays plain.

    Raises SpecError for a net that cannot be built so, and for an order that has no such form.
    """
    stages = tuple(
        replace(stage, shortcut="layer") if net.is_plain or stage.shortcut != "none" else stage
        for stage in net.stages
    )
    own, other = trace(net), trace(replace(net, stages=stages))
    projections = [
        sum(op.kind == "conv" and "shortcut" in op.path.split(".") for op in graph.ops)
        for graph in (other, own)
    ]
    return EveryLayerCost(other.params, own.params, *projections)


def reason(spec: BlockSpec, block: Block) -> str:
    """Why no single convolution equals the block, in one or two sentences; "" if one does."""
    act = ACTIVATIONS[spec.activation].title
    if block.shortcut is None:
        return NO_SHORTCUT
    if len(spec.convs) > 1 and isinstance(block, EveryLayer):
        return (
            "Each shortcut goes around one layer, so each sum is a single convolution; but a "
            f"{act} follows each, so no single convolution equals the whole block."
        )
    if len(spec.convs) > 1:
        return (
            f"The shortcut skips {len(spec.convs)} convolutions with a {act} between them. "
            "F is not linear, so no single convolution equals this block."
        )
    if has_gate(block):
        return "The gate multiplies the arms by a sigmoid of x, which is not linear."
    both_arms = (*chain_of_F(block), *chain_of_shortcut(block), *chain_after(block))
    if layer := obstacle(both_arms):
        return f"No single convolution equals this block: {OBSTACLES[type(layer)]}."
    if spec.norm == "fixup" and spec.convs[0].kernel > 1:
        return (
            "Fixup adds a number to x before the convolution, and the zeros around the map do not "
            "get it: at the border no single convolution does the same."
        )
    return ""


def drawn_block(net: NetSpec, spec: BlockSpec, seed: int) -> Block:
    """The block in eval mode and float64, with random weights and random statistics."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        block = build_block(spec)
        INITS[net.init].draw(block)
        for layer in block.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.uniform_(0.5, 1.5)
                layer.bias.normal_()
                layer.running_mean.normal_()
                layer.running_var.uniform_(0.5, 2)
            elif isinstance(layer, (ScalarBias, ScalarScale)):
                for number in layer.parameters():
                    number.normal_(1, 0.5)
    return block.double().eval()


def random_inputs(spec: BlockSpec, seed: int) -> Tensor:
    """Two maps [2, in, H, W] in float64."""
    side = max(PIXELS, *(kernel for kernel, *_ in spec.convs))
    random = torch.Generator().manual_seed(seed)
    return torch.randn(2, spec.in_channels, side, side, generator=random, dtype=torch.float64)


def nonlinearity(block: Block, inputs: Tensor) -> float:
    """How far F is from a linear map with a bias: 0 if it is one.

    Of y instead where a gate or a shortcut around every layer leaves no F of its own.
    """
    F = before_final_act if isinstance(block, EveryLayer) or has_gate(block) else output_of_F
    a, b = inputs.split(1)
    both = F(block, a) + F(block, b)
    bend = F(block, a + b) + F(block, torch.zeros_like(a)) - both
    return float(bend.norm() / both.norm().clamp(min=1e-300))


def measure(merged: Merged, block: Block, inputs: Tensor) -> Merged:
    """`merged` with the kernel's figures and with both sides run on `inputs`."""
    own = fold(chain_of_F(block), identity(merged.in_channels))
    skip = fold(chain_of_shortcut(block), identity(merged.in_channels))
    conv = fold(chain_after(block), own + skip)
    agreements = []
    for dtype in (torch.float64, torch.float32):
        x = inputs.to(dtype)
        y = before_final_act(block.to(dtype), x)
        apart = float((y - conv(x)).abs().max())
        agreements.append(Agreement(str(dtype).removeprefix("torch."), apart, float(y.abs().max())))
    return replace(
        merged, centre_of_F=centre(own), centre=centre(conv), agreements=tuple(agreements)
    )


def centre(conv: Folded) -> float:
    """Mean weight of a channel on itself, at the middle of the kernel."""
    middle = conv.kernel.shape[-1] // 2
    return float(conv.kernel[:, :, middle, middle].diagonal().mean())


def describe(spec: BlockSpec, block: Block) -> Merged:
    """The merged convolution's kind, without its numbers."""
    shortcut = chain_of_shortcut(block)
    projects = any(isinstance(layer, nn.Conv2d) for layer in shortcut)
    skip = ("γp/σp·Wp" if spec.norm == "batch" else "Wp") if projects else "I"
    if isinstance(block, NormAfterAdd):
        formula = f"γ/σ·(W1 + {skip})" if spec.norm == "batch" else f"W1 + {skip}"
    else:
        scale = {"batch": "γ/σ·", "fixup": "s·"}.get(spec.norm, "")
        formula = f"{scale}W1 + {skip}"
    formula = f"½ ({formula})" if isinstance(block.add, ScaledAdd) else formula
    conv = next(layer for layer in chain_of_F(block) if isinstance(layer, nn.Conv2d))
    return Merged(
        formula,
        spec.norm != "none",
        conv.kernel_size[0],
        conv.stride[0],
        conv.in_channels,
        conv.out_channels,
    )


def conditions_of(spec: BlockSpec, block: Block) -> tuple[str, ...]:
    """What the equality needs."""
    act = ACTIVATIONS[spec.activation].title
    found = [f"before the final {act}"] if has_final_act(block) else []
    found += ["with batch norm in eval mode"] if spec.norm == "batch" else []
    found += ["with nothing dropped"] if spec.has_drop or spec.shortcut == "dropout" else []
    return tuple(found)
