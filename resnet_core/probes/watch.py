"""What the hooks of all probes share: the net, its optimizer, and whether to look now."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from resnet_core.optimizers import SGD

#: dear probes look at each of the first steps, where most happens, and then at every so many
FIRST, EVERY = 20, 4


def is_dear(step: int, last: int | None) -> bool:
    """Whether the dear probes look at this step; `last` is that of the run, when known."""
    return step < FIRST or step % EVERY == 0 or step == last


@dataclass
class Watch:
    """A net in training, as its probes see it."""

    module: nn.Module
    optimizer: SGD
    lr: float = 0.0  # of the update that is about to be made
    looks: bool = False  # not while held-out images pass
    looks_closely: bool = False  # whether the dear probes look, too
