"""Gradients at the blocks' inputs: in all at every step, and now and then by arm of the (+)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from resnet_core.blocks import ActFirst, Block, PreActivation

from .norms import Meter
from .places import block_paths, sum_paths
from .watch import Watch

#: beside the total: the probes that this file measures at each (+)
ARMS = ("grad_skip", "grad_residual", "share_skip")


class BlockGradients:
    """||dL/dx||, its part by way of the shortcut, its part by way of F, and the first's share.

    Each arm gets an alias of x (a view: no data is copied) whose gradient is that arm's part
    alone. Autograd adds the two in x as it adds them without aliases: bit by bit the same.
    """

    def __init__(self, watch: Watch, labels: dict[str, list[str]]):
        self._keys, self._meter = list(labels), Meter()
        self._norms: dict[tuple[str, str], torch.Tensor] = {}
        module = watch.net
        self._blocks, self._parted = block_paths(module), []
        for path in self._blocks:
            module.get_submodule(path).register_forward_pre_hook(self._on_input(path))
        if not set(ARMS).isdisjoint(labels):
            self._parted = sum_paths(module)
        for path in self._parted:
            self._part(path, module.get_submodule(path))

    def _on_input(self, path: str) -> Callable:
        def before_forward(block, args):
            args[0].register_hook(self._keep("total", path))

        return before_forward

    def _part(self, path: str, block: Block) -> None:
        residual, skip = self._alias("residual", path), self._alias("skip", path)
        if isinstance(block, PreActivation) and block.projects:
            # its arms share norm and activation, and part behind them
            block.act.register_forward_hook(self._on_parting(path))
            entry = block.residual
        elif isinstance(block, PreActivation):
            entry = block.norm
        else:
            entry = block.act if isinstance(block, ActFirst) else block.residual
        entry.register_forward_pre_hook(residual)
        taken = []

        def to_shortcut(part, args):
            taken[:] = skip(part, args)
            return tuple(taken)

        def to_add(part, args):  # a gate looks at x: what it sends back has not been through F
            return (*args[:2], taken.pop()) if len(args) == 3 else None

        block.shortcut.register_forward_pre_hook(to_shortcut)
        block.add.register_forward_pre_hook(to_add)
        block.register_forward_hook(lambda *_: taken.clear())

    def _alias(self, arm: str, path: str) -> Callable:
        keep = self._keep(arm, path)

        def before_forward(part, args):
            alias = args[0].view_as(args[0])
            alias.register_hook(keep)
            return (alias,)

        return before_forward

    def _on_parting(self, path: str) -> Callable:
        def after_forward(part, args, output):
            output.register_hook(self._keep("parting", path))

        return after_forward

    def _keep(self, what: str, path: str) -> Callable:
        def on_gradient(grad):
            self._norms[what, path] = self._meter.norm(grad)

        return on_gradient

    def readings(self) -> torch.Tensor:
        self._meter.forget()
        norms = [self._norms["total", path] for path in self._blocks]
        if self._parted:
            norms += [self._norms["skip", path] for path in self._parted]
            norms += [self._norms["residual", path] for path in self._parted]
            totals = [self._norms["total", path] for path in self._parted]
            parting = [self._norms.get(("parting", path)) for path in self._parted]
            norms += [total if part is None else part for part, total in zip(parting, totals)]
        return torch.stack(norms)

    def values(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        found = {"input_grad": numbers[: len(self._blocks)]}
        if len(numbers) > len(self._blocks):
            skip, residual, total = numbers[len(self._blocks) :].reshape(3, -1)
            # total = skip + residual as tensors, so their product needs no pass over them:
            # <skip, total> = (|total|^2 + |skip|^2 - |residual|^2) / 2
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                share = 0.5 + (skip - residual) / total * ((skip + residual) / total) / 2
            found |= dict(zip(ARMS, (skip, residual, share)))
        return {key: values for key, values in found.items() if key in self._keys}
