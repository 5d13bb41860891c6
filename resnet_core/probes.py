"""What is measured in a net at every step: norms of gradients, one number per place.

A norm is taken where the gradient is and read once per step. To add a probe: a class with the
same two methods, and a row in PROBES.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import nn

from .blocks import Block
from .net import build
from .spec import NetSpec

#: Squares of float32 numbers underflow below 1e-19 and overflow above 1e19. A norm between these
#: bounds owes nothing to such elements (fewer than 1e9 of them); any other is taken in float64.
SAFE = 1e-10, 1e18


def l2_norm(grad: torch.Tensor) -> torch.Tensor:
    """L2 norm of a gradient [B, C, H, W] as a scalar on its device, exact to 1e-6."""
    if grad.device.type == "mps":
        return scaled_norm(grad)
    if grad.device.type == "cpu":
        # float64 sums are 7 x slower than float32 ones on CPUs, and one float32 sum over all is
        # off by 3e-5: so float32 over what lies together in memory (the pixels of a channel, or
        # a row of pixels in channels_last; any other order is 10 x slower), float64 over those
        together = (2, 3) if grad.is_contiguous() else (1, 3)
        parts = torch.linalg.vector_norm(grad, dim=together)
        norm = torch.linalg.vector_norm(parts, dtype=torch.float64)
        if SAFE[0] < norm.item() < SAFE[1]:
            return norm
    return torch.linalg.vector_norm(grad, dtype=torch.float64)


def scaled_norm(grad: torch.Tensor) -> torch.Tensor:
    """L2 norm without float64: the largest element becomes 1, so that no square underflows."""
    largest = torch.linalg.vector_norm(grad, torch.inf).clamp(min=torch.finfo(grad.dtype).tiny)
    return largest * torch.linalg.vector_norm(grad / largest)


class InputGradient:
    """||dL/dx|| at the input x of each block; the gradients of both paths are added in it."""

    def __init__(self, module: nn.Module, paths: Sequence[str]):
        self._norms = [torch.tensor(torch.nan, dtype=torch.float64)] * len(paths)
        for place, path in enumerate(paths):
            module.get_submodule(path).register_forward_pre_hook(self._watch(place))

    def _watch(self, place: int) -> Callable:
        def keep(grad):
            self._norms[place] = l2_norm(grad)

        def before_forward(block, args):
            if args[0].requires_grad:  # not while the held-out images pass
                args[0].register_hook(keep)

        return before_forward

    def norms(self, grads: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The norms of the last backward pass, scalars in path order."""
        return self._norms


class WeightGradient:
    """||dL/dW|| of each conv and linear layer."""

    def __init__(self, module: nn.Module, paths: Sequence[str]):
        place = {name: i for i, (name, _) in enumerate(module.named_parameters())}
        self._places = [place[f"{path}.weight"] for path in paths]

    def norms(self, grads: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """`grads` in the order of `module.parameters()` -> scalars in path order."""
        chosen = [grads[i] for i in self._places]
        if chosen[0].device.type == "mps":
            return [scaled_norm(grad) for grad in chosen]
        return torch._foreach_norm(chosen, dtype=torch.float64)


def block_paths(module: nn.Module) -> list[str]:
    return [path for path, part in module.named_modules() if isinstance(part, Block)]


def weight_paths(module: nn.Module) -> list[str]:
    weighted = (nn.Conv1d, nn.Conv2d, nn.Linear)
    return [path for path, part in module.named_modules() if isinstance(part, weighted)]


@lru_cache(maxsize=64)
def labels(net: NetSpec) -> dict[str, list[str]]:
    """probe -> the paths that its values belong to, on the main path in order of execution."""
    with torch.device("meta"):
        module = build(net)
    return {key: probe.paths(module) for key, probe in PROBES.items()}


@dataclass(frozen=True)
class Probe:
    """A row of PROBES."""

    symbol: str  # what the L2 norm is taken of
    where: str
    source: str
    what: str  # what the number says, for menus and help
    paths: Callable  # (module) -> the places it measures; those on the main path in its order
    make: Callable  # (module, paths) -> object with norms(grads)


#: Activation gradients first: without a norm layer <W, dL/dW> is equal in all layers (Euler), so
#: weight gradients chart flat while the signal dies by 20 decades.
PROBES = {
    "input_grad": Probe(
        symbol="∂L/∂x",
        where="at block inputs",
        source="He et al. 2016, eq. 5; He et al. 2015, sec. 4.1",
        what="How much of the loss's signal reaches this depth.",
        paths=block_paths,
        make=InputGradient,
    ),
    "weight_grad": Probe(
        symbol="∂L/∂W",
        where="of layer weights",
        source="Glorot and Bengio 2010, sec. 4.2",
        what="How far a step moves this layer. Can be flat while the signal vanishes.",
        paths=weight_paths,
        make=WeightGradient,
    ),
}
