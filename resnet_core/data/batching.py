"""Which images make a batch."""

from __future__ import annotations

from collections.abc import Iterator

import torch


def batches(num_examples: int, batch_size: int, seed: int) -> Iterator[torch.Tensor]:
    """Endless batches of indices, int64 [batch_size]; a new permutation for every epoch.

    Its own generator: the plan depends on these three numbers alone, never on the model. What
    does not fill a batch is left for the next permutation, so that all batches weigh the same.
    """
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(num_examples, generator=generator)
        yield from order[: num_examples - num_examples % batch_size].split(batch_size)
