"""Stochastic gradient descent with momentum and weight decay, exactly as torch.optim.SGD does it.

Our own because the first optimizer of torch.optim costs 0.9 s: it imports torch._dynamo.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch


class SGD:
    """v <- momentum v + (g + weight_decay w);  w <- w - lr v.  All parameters at once."""

    def __init__(self, params: Iterable[torch.Tensor], momentum: float, weight_decay: float):
        self.params = list(params)
        self.momentum, self.weight_decay = momentum, weight_decay
        self.velocities = [torch.zeros_like(p) for p in self.params]

    def step(self, grads: Sequence[torch.Tensor], lr: float) -> None:
        self.gather(grads)
        self.update(lr)

    @torch.no_grad()
    def gather(self, grads: Sequence[torch.Tensor]) -> None:
        """v <- momentum v + (g + weight_decay w)."""
        grads = torch._foreach_add(grads, self.params, alpha=self.weight_decay)
        torch._foreach_mul_(self.velocities, self.momentum)
        torch._foreach_add_(self.velocities, grads)

    @torch.no_grad()
    def update(self, lr: float) -> None:
        """w <- w - lr v."""
        torch._foreach_add_(self.params, self.velocities, alpha=-lr)
