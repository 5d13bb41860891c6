"""How long the steps of a run take, measured before step 0 with nets that are then thrown away.

Each training process measures its own part of the run while the other does the same: side by side
is how they will train.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from statistics import median
from typing import TYPE_CHECKING

from resnet_core.ranges import RANGES
from resnet_core.rhythm import EVERY, FIRST, MOST, stride

from .budget import Pace, steps_that_fit

if TYPE_CHECKING:
    from .trainer import Orders

#: the first steps also pay for memory and for kernels being chosen
WARM_UP = 2
#: steps that all probes look at, measured at most
EARLY = 4
#: part of the budget after which the early steps have been measured long enough, and the later ones
LONG, ENOUGH = 0.12, 0.05
#: steps that a budget trains at least: two of them to be measured, one to be recorded
LEAST_STEPS = 3


class Throwaway:
    """The nets of one process, in turns of one step as they will train."""

    def __init__(self, train, order: dict, between: Callable[[], None], steps: int, first: int):
        _, least_lr, _ = RANGES["lr"]  # weights that hardly move take as long, and never diverge
        changes = {"steps": steps, "seconds": None, "lr": least_lr, "lr_changes": []}
        config = train.RunConfig.from_json(json.dumps(json.loads(order["config"]) | changes))
        self._between = between
        began = time.perf_counter()
        trainers = [train.Trainer(config, model) for model in order["models"]]
        for trainer in trainers:
            trainer.fingerprints()
        self.build_s = time.perf_counter() - began
        # a forward pass is a third of a step: the gradients of inputs and of weights are the rest
        self.after_steps = len(trainers[0].examples.test_labels) / config.batch_size / 3
        self._turns = [trainer.records(first) for trainer in trainers]

    def lap(self) -> float | None:
        """Seconds of one step of each net; None once a net has come to its end."""
        self._between()
        began = time.perf_counter()
        going = [next(turn, None) is not None for turn in self._turns]
        return time.perf_counter() - began if all(going) else None

    def few_laps(self, most: int, limit_s: float) -> list[float]:
        """Two at least, if the nets go so far."""
        laps: list[float] = []
        while len(laps) < most and (len(laps) < 2 or sum(laps) < limit_s):
            if (lap := self.lap()) is None:
                break
            laps.append(lap)
        return laps

    def periods(self, size: int, seconds: float) -> list[float]:
        """For so many seconds, the mean lap of each period: cheap steps and dear ones as they come.

        One period at least, if the nets go so far.
        """
        means: list[float] = []
        while not means or size * sum(means) < seconds:
            laps = [self.lap() for _ in range(size)]
            if None in laps:
                break
            means.append(sum(laps) / size)
        return means


def calibrate(train, order: dict, orders: Orders, send) -> None:
    """Sends the pace of this process, and goes on stepping until the run itself is ordered."""

    def between() -> None:
        orders.checkpoint(dict.fromkeys(order["models"], 0))

    pace, nets = measure(train, order, between)
    send({"kind": "pace", **asdict(pace)})
    while orders.jobs.empty():  # the other process may still be measuring
        if nets.lap() is None:
            time.sleep(0.01)


def measure(train, order: dict, between: Callable[[], None]) -> tuple[Pace, Throwaway]:
    config = json.loads(order["config"])
    budget = config["seconds"]
    nets = Throwaway(train, order, between, steps=MOST, first=FIRST - WARM_UP - EARLY)
    laps = nets.few_laps(WARM_UP + EARLY, LONG * budget)
    # medians: what holds the machine up for a moment now does not do so all the time.
    # A net that is not finite from its start ends there: any pace will do
    early = median(laps[WARM_UP:] or laps[1:] or laps or [0.01])
    test_s = nets.after_steps * early
    pace = Pace(build_s=nets.build_s, early_s=early, probed_s=early, bare_s=early, after_s=test_s)
    if len(laps) < WARM_UP + EARLY:  # hardly more than the early steps will fit
        return pace, nets
    if config.get("fast_path", "none") != "none":  # it is prepared when it is first used
        pace = replace(pace, build_s=pace.build_s + EVERY * sum(nets.periods(EVERY, 0.0)))
    probed = median(nets.periods(EVERY, ENOUGH * budget) or laps)
    pace = replace(pace, probed_s=probed, bare_s=probed, after_s=nets.after_steps * probed)
    every = stride(steps_that_fit(budget, [pace]))
    if every > 1:  # a long run has steps that no probe looks at
        del nets  # the device may have no room for two of them
        gc.collect()  # they hang in cycles with their hooks
        nets = Throwaway(train, order, between, steps=every * MOST, first=FIRST)
        nets.periods(EVERY * every, 0.0)
        later = median(nets.periods(EVERY * every, ENOUGH * budget) or [probed])
        bare = min(max((every * later - probed) / (every - 1), 0.1 * later), probed)
        pace = replace(pace, bare_s=bare)
    return pace, nets
