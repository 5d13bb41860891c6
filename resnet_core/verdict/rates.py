"""Learning rates that were changed by hand while a run went on, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imports torch
    from resnet_core.run_config import RunConfig


def changed_by_hand(config: RunConfig | None, steps: int) -> str:
    """What was changed in the first `steps` steps, a clause without an end; "" for nothing."""
    changes = [change for change in config.lr_changes if change[0] < steps] if config else []
    if not changes:
        return ""
    (step, lr), more = changes[0], len(changes) - 1
    again = "" if not more else " and once more after" if more == 1 else f" and {more} times after"
    return (
        f"The learning rate was changed by hand at step {step:,} ({config.lr:g} to {lr:g}){again}"
    )
