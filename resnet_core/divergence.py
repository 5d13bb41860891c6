"""Where a net's numbers stopped being finite."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


@torch.no_grad()
def first_nonfinite_output(module: nn.Module, forward: Callable[[], object]) -> str | None:
    """The path of the first op in order of execution with a NaN or an infinity in its output.

    `forward` lets the module do its forward pass.
    """
    found: list[str] = []
    handles = []
    for path, layer in module.named_modules():
        if not any(layer.children()) and not isinstance(layer, nn.Identity):
            handles.append(layer.register_forward_hook(_watch(path, found)))
    forward()
    for handle in handles:
        handle.remove()
    return found[0] if found else None


def _watch(path: str, found: list[str]):
    def after_forward(layer, args, output):
        if not found and not torch.isfinite(output).all():
            found.append(path)

    return after_forward
