"""Loop and main program of an exported file that trains: run here, exported as source."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from resnet_core.data import batches
from resnet_core.optimizers import SGD
from resnet_core.probes.norms import l2_norm
from resnet_core.probes.places import block_paths


class InputGradient:
    """||dL/dx|| at the input x of each block; the gradients of both paths are added in it."""

    def __init__(self, module: nn.Module, paths: Sequence[str]):
        self.norms = [torch.tensor(torch.nan, dtype=torch.float64)] * len(paths)
        for place, path in enumerate(paths):
            module.get_submodule(path).register_forward_pre_hook(self._watch(place))

    def _watch(self, place: int) -> Callable:
        def keep(grad):
            self.norms[place] = l2_norm(grad)

        return lambda block, args: args[0].register_hook(keep) and None


def train(
    net: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    *,
    steps: int,
    batch_size: int = 32,
    lr: float = 0.05,
) -> Iterator[tuple[float, dict[str, float]]]:
    """Loss [nats] and ||dL/dx|| at the input x of each block, once per step, before its update."""
    paths = block_paths(net)
    probe = InputGradient(net, paths)
    optimizer = SGD(net.parameters(), momentum=0.9, weight_decay=1e-4)
    plan = batches(len(images), min(batch_size, len(images)), seed=0)
    net.train()
    for _, chosen in zip(range(steps), plan):
        loss = F.cross_entropy(net(images[chosen]), labels[chosen])
        grads = torch.autograd.grad(loss, optimizer.params)
        yield loss.item(), {path: norm.item() for path, norm in zip(paths, probe.norms)}
        optimizer.step(grads, lr)


def examples(files: list[str], shape: tuple[int, ...], num_classes: int):
    """Images [N, C, H, W] and labels [N] of a file that torch.save wrote; without one, noise."""
    if files:
        return torch.load(files[0], weights_only=True)
    return torch.randn(32, *shape), torch.randint(num_classes, (32,))


def main(net: nn.Module, shape: tuple[int, ...], num_classes: int) -> None:
    """`python FILE.py [data.pt] [steps]`: prints the loss and the gradient at every block."""
    numbers = [word for word in sys.argv[1:] if word.isdigit()]
    files = [word for word in sys.argv[1:] if not word.isdigit()]
    images, labels = examples(files, shape, num_classes)
    steps = int(numbers[0]) if numbers else 10
    for step, (loss, norms) in enumerate(train(net, images, labels, steps=steps)):
        print(f"step {step}: loss {loss:.4f}")
        for path, norm in norms.items():
            print(f"  {path}: ||dL/dx|| = {norm:.3e}")
