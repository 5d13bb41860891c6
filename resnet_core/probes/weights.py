"""Gradients and updates of the conv and linear layers' weights."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from .norms import grouped_norms
from .watch import Watch


class WeightGradient:
    """||dL/dW||."""

    def __init__(self, watch: Watch, labels: dict[str, list[str]]):
        ((self._key, paths),) = labels.items()
        device = next(watch.net.parameters()).device
        self.watch = watch
        self._places = torch.tensor(places(watch.net, paths), device=device)

    def readings(self) -> torch.Tensor:
        return self.watch.grad_norms[self._places]

    def values(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        return {self._key: numbers}


class UpdateRatio:
    """||dW|| / ||W||, dW = -lr d, the direction d of the optimizer with this step's gradient."""

    def __init__(self, watch: Watch, labels: dict[str, list[str]]):
        ((self._key, paths),) = labels.items()
        self.watch, self._places = watch, places(watch.net, paths)

    def readings(self) -> torch.Tensor:
        optimizer, count = self.watch.optimizer, len(self._places)
        tensors = [t[i] for t in (optimizer.directions, optimizer.params) for i in self._places]
        norms = grouped_norms(tensors)
        norms[:count] *= self.watch.lr  # of this step: its numbers may be read in a later one
        return norms

    def values(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        updates, weights = numbers.reshape(2, -1)
        with np.errstate(divide="ignore", invalid="ignore"):  # weights that an init has set to 0
            return {self._key: updates / weights}


def places(module: nn.Module, paths: list[str]) -> list[int]:
    """Where the weights of these layers stand in `module.parameters()`."""
    place = {name: i for i, (name, _) in enumerate(module.named_parameters())}
    return [place[f"{path}.weight"] for path in paths]
