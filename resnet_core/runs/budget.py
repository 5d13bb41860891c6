"""A time budget as a number of steps. Pure arithmetic, for owners and trainers alike."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_core.ranges import RANGES
from resnet_core.rhythm import FIRST

#: part of the budget that is planned: the rest is for what no measurement sees, such as storing
PLANNED = 0.98
#: a run that would last longer than this part of its budget ends before its last step
MOST = 1.17


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What one training process takes for its part of a run [s]: one net, or both in turns."""

    build_s: float  # before the first step
    early_s: float  # each of the first steps, which all probes look at
    later_s: float  # each of the others, on average
    after_s: float  # the test on held-out images

    def steps_in(self, seconds: float) -> float:
        """How many steps fit."""
        room = seconds - self.build_s - self.after_s
        if room < FIRST * self.early_s:
            return room / self.early_s
        return FIRST + (room - FIRST * self.early_s) / self.later_s


def steps_that_fit(seconds: float, paces: list[Pace]) -> int:
    """Steps of each net; the slowest process decides. At least one, and no more than allowed."""
    _, least, most = RANGES["steps"]
    fit = min((pace.steps_in(seconds) for pace in paces), default=least)
    return max(least, min(int(fit), most))


class Budget:
    """The time that a run may take, as its owner keeps it; without one it takes what it takes."""

    def __init__(self, seconds: float | None):
        self.seconds = seconds
        self.spent_s = 0.0  # since all training processes began, without pauses
        self._paces: dict[int, Pace] = {}  # by place of the process

    def note(self, place: int, pace: dict) -> None:
        self._paces[place] = Pace(**pace)

    def steps(self, num_processes: int) -> int | None:
        """The run's number of steps; None until every process has its pace."""
        if self.seconds is None or len(self._paces) < num_processes:
            return None
        return steps_that_fit(PLANNED * self.seconds - self.spent_s, list(self._paces.values()))

    def is_up(self) -> bool:
        """Whether the run has to end now: the steps under way and the test come after that."""
        rest = max((pace.after_s + 2 * pace.later_s for pace in self._paces.values()), default=0.0)
        return self.seconds is not None and self.spent_s + rest > MOST * self.seconds
