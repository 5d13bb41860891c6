"""The two arms of a block as lists of layers, and what passes on them while the block runs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .blocks import ActFirst, Block, EveryLayer, NormAfterAdd, PostActivation, PreActivation
from .layers import Add
from .shortcuts import ScaledAdd


def chain_of_F(block: Block) -> list[nn.Module]:
    """What x goes through up to the (+); in a block of shortcuts around layers, up to the first."""
    if isinstance(block, EveryLayer):
        return [getattr(block.residual, name) for name in block.names[0]]
    before = [block.norm, block.act] if isinstance(block, PreActivation) else []
    before += [block.act] if isinstance(block, ActFirst) else []
    weigh = [block.add.scale_F] if isinstance(block.add, ScaledAdd) else []
    return [*before, *block.residual, *weigh]


def chain_of_shortcut(block: Block) -> list[nn.Module]:
    """What x goes through beside F."""
    shortcut = block.shortcut.layer1 if isinstance(block, EveryLayer) else block.shortcut
    weigh = [block.add.scale_x] if isinstance(block.add, ScaledAdd) else []
    return [*(shortcut if isinstance(shortcut, nn.Sequential) else [shortcut]), *weigh]


def chain_after(block: Block) -> list[nn.Module]:
    """What stands between the (+) and the final activation."""
    return [block.norm] if isinstance(block, NormAfterAdd) else []


def has_gate(block: Block) -> bool:
    """Whether the (+) weighs its arms by something that depends on x."""
    return block.add is not None and not isinstance(block.add, (Add, ScaledAdd))


def has_final_act(block: Block) -> bool:
    return isinstance(block, (PostActivation, NormAfterAdd, EveryLayer))


@torch.no_grad()
def before_final_act(block: Block, x: Tensor) -> Tensor:
    """y of the block as it runs, before the activation behind the (+) if it has one."""
    if not has_final_act(block):
        return block(x)
    return _seen(block, x, block.act, lambda inputs, output: inputs[0])


@torch.no_grad()
def output_of_F(block: Block, x: Tensor) -> Tensor:
    """F(x) as the block runs it, with the activation before it where the order has one."""
    return _seen(block, x, block.residual, lambda inputs, output: output)


def _seen(block: Block, x: Tensor, module: nn.Module, pick: Callable) -> Tensor:
    """pick(inputs, output) of a module inside `block`, while the block runs on x."""
    found = []
    hook = module.register_forward_hook(lambda _, inputs, out: found.append(pick(inputs, out)))
    try:
        block(x)
    finally:
        hook.remove()
    return found[0]
