"""How often a run is measured: always at first, evenly later. It needs no torch.

The loss is recorded at every step. The probes of record.AT_EVERY_STEP look at every step of a
short run; of a long one they look at every so many. The dear ones look at a quarter of those.
"""

from __future__ import annotations

from .record import AT_EVERY_STEP

#: all probes look at each of the first steps, where most happens
FIRST = 20
#: dear probes look at every so many of the steps that are probed at all
EVERY = 4
#: about as many steps of a run are probed at most
MOST = 2000


def stride(steps: int) -> int:
    """A run of so many steps is probed at every so many."""
    return -(-steps // MOST)


def is_probed(step: int, steps: int, fast_path: str = "none") -> bool:
    """Whether the cheap probes look at this step of a run of `steps`.

    With a fast path they keep to the rhythm of the dear ones: it is for the steps in between.
    """
    every = stride(steps) if fast_path == "none" else EVERY * stride(steps)
    return step < FIRST or step % every == 0 or step == steps - 1


def is_dear(step: int, steps: int) -> bool:
    """Whether the dear probes look, too."""
    return step < FIRST or step % (EVERY * stride(steps)) == 0 or step == steps - 1


def rhythm(probe: str, steps: int, fast_path: str = "none") -> str:
    """When this probe looks in a run of `steps`, for readers."""
    is_cheap = probe in AT_EVERY_STEP and fast_path == "none"
    every = stride(steps) * (1 if is_cheap else EVERY)
    if every == 1 or steps <= FIRST:
        return "every step"
    return f"the first {FIRST} steps, then every {ordinal(every)}"


def ordinal(number: int) -> str:
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
