"""A time budget as a number of steps. Pure arithmetic, for owners and trainers alike."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_core.ranges import RANGES
from resnet_core.rhythm import FIRST, stride
from resnet_core.rhythm import MOST as PROBED

#: part of the budget that is planned: the rest is for what no measurement sees, such as storing
PLANNED = 0.98
#: a run that would last longer than this part of its budget ends before its last step
MOST = 1.17


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What one training process takes for its part of a run [s]: one net, or both in turns."""

    build_s: float  # before the first step
    early_s: float  # each of the first steps, which all probes look at
    probed_s: float  # each of the others that probes look at, on average
    bare_s: float  # each of those that no probe looks at, in a long run
    after_s: float  # the test on held-out images

    def later_s(self, every: int) -> float:
        """Each step but the first ones, on average, if probes look at every so many."""
        return (self.probed_s + (every - 1) * self.bare_s) / every

    def steps_in(self, seconds: float, every: int) -> int:
        """The most steps that fit."""
        room = seconds - self.build_s - self.after_s
        if room <= FIRST * self.early_s:
            return int(room / self.early_s)
        return int(FIRST + (room - FIRST * self.early_s) / self.later_s(every))


def steps_that_fit(seconds: float, paces: list[Pace]) -> int:
    """Steps of each net; the slowest process decides. At least one, and no more than allowed."""
    _, least, most = RANGES["steps"]
    # a long run is probed more rarely, and so one that is longer may take less time
    for every in range(stride(most), 0, -1):
        fit = min((pace.steps_in(seconds, every) for pace in paces), default=least)
        steps = max(least, min(fit, most, every * PROBED))
        if stride(steps) == every:
            break
    return steps


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
        rest = max((pace.after_s + 2 * pace.probed_s for pace in self._paces.values()), default=0.0)
        return self.seconds is not None and self.spent_s + rest > MOST * self.seconds
