"""Where a net's numbers stopped being finite."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def first_nonfinite_output(module: nn.Module, images: torch.Tensor) -> str | None:
    """The path of the first op in order of execution with a NaN or an infinity in its output.

    An addition has no module of its own: it shows as the input of the ReLU behind it.
    """
    found: list[str] = []
    handles = []
    for path, layer in module.named_modules():
        if not any(layer.children()) and not isinstance(layer, nn.Identity):
            handles.append(layer.register_forward_hook(_watch(path, found)))
    module(images)
    for handle in handles:
        handle.remove()
    return found[0] if found else None


def _watch(path: str, found: list[str]):
    def after_forward(layer, args, output):
        if found or torch.isfinite(output).all():
            return
        from_add = not torch.isfinite(args[0]).all()
        found.append(f"{path.rpartition('.')[0]}.add" if from_add else path)

    return after_forward
