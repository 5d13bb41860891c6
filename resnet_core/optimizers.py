"""The optimizers that runs use, each exactly as torch.optim does it, all parameters at once.

Our own because the first optimizer of torch.optim costs 0.9 s (it imports torch._dynamo), and
because probes look between what the gradient does to the state and what that does to the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch


class SGD:
    """v <- momentum v + (g + weight_decay w);  w <- w - lr v."""

    def __init__(self, params: Iterable[torch.Tensor], momentum: float, weight_decay: float):
        self.params = list(params)
        self.momentum, self.weight_decay = momentum, weight_decay
        self.velocities = [torch.zeros_like(p) for p in self.params]

    @property
    def directions(self) -> list[torch.Tensor]:
        """What the next update subtracts, times lr."""
        return self.velocities

    def step(self, grads: Sequence[torch.Tensor], lr: float) -> None:
        self.gather(grads)
        self.update(lr)

    @torch.no_grad()
    def gather(self, grads: Sequence[torch.Tensor]) -> None:
        """The gradients go into the state; the weights stay."""
        grads = torch._foreach_add(grads, self.params, alpha=self.weight_decay)
        torch._foreach_mul_(self.velocities, self.momentum)
        torch._foreach_add_(self.velocities, grads)

    @torch.no_grad()
    def update(self, lr: float) -> None:
        """w <- w - lr v."""
        torch._foreach_add_(self.params, self.directions, alpha=-lr)


class AdamW:
    """w <- w - lr (m^ / (sqrt(v^) + eps) + weight_decay w). Loshchilov and Hutter 2019, alg. 2.

    `momentum` is its beta1.
    """

    BETA2, EPS = 0.999, 1e-8

    def __init__(self, params: Iterable[torch.Tensor], momentum: float, weight_decay: float):
        self.params = list(params)
        self.momentum, self.weight_decay = momentum, weight_decay
        self.means = [torch.zeros_like(p) for p in self.params]
        self.squares = [torch.zeros_like(p) for p in self.params]
        self.directions: list[torch.Tensor] = []  # from gather to update
        self.steps = 0

    step = SGD.step

    @torch.no_grad()
    def gather(self, grads: Sequence[torch.Tensor]) -> None:
        """The gradients go into the state; the weights stay."""
        self.steps += 1
        grads = list(grads)
        torch._foreach_lerp_(self.means, grads, 1 - self.momentum)
        torch._foreach_mul_(self.squares, self.BETA2)
        torch._foreach_addcmul_(self.squares, grads, grads, 1 - self.BETA2)
        roots = torch._foreach_sqrt(self.squares)
        torch._foreach_div_(roots, (1 - self.BETA2**self.steps) ** 0.5)
        torch._foreach_add_(roots, self.EPS)
        self.directions = torch._foreach_div(self.means, roots)
        torch._foreach_div_(self.directions, 1 - self.momentum**self.steps)
        torch._foreach_add_(self.directions, self.params, alpha=self.weight_decay)

    def update(self, lr: float) -> None:
        """w <- w - lr d."""
        SGD.update(self, lr)
        self.directions = []


@dataclass(frozen=True)
class OptimizerRow:
    """A row of OPTIMIZERS."""

    title: str
    make: Callable  # (params, momentum, weight_decay)
    help: str


#: To add one: a class with gather, update, params and directions, and a row here and in
#: memory.OPTIMIZERS.
OPTIMIZERS = {
    "sgd": OptimizerRow("SGD with momentum", SGD, "He et al. 2015, sec. 3.4"),
    "adamw": OptimizerRow("AdamW", AdamW, "Loshchilov and Hutter 2019; lr near 0.001 is usual"),
}
