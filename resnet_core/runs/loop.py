"""Both nets of a run or one of them, step by step, with a report to the owner after each."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from resnet_core.record import Diverged, Record

if TYPE_CHECKING:
    from .trainer import Orders

#: a run with a time budget waits for its number of steps after so many steps and this part of it
HOLD_STEPS, HOLD_PART = 5, 0.05


class Stopped(Exception):
    """The owner wants no more."""


class Net:
    """One net of a run, step by step, with a report for the owner after each."""

    def __init__(self, trainer, send):
        self.trainer, self._send = trainer, send
        self.model, self.step = trainer.model, -1

    def steps(self, orders: Orders) -> Iterator[None]:
        """Trains; whoever iterates may let another net have a turn between two steps."""
        self._send({"kind": "prints", "model": self.model, "prints": self.trainer.fingerprints()})
        total, pace = self.trainer.config.steps, Pace(self.trainer.config.seconds)
        for event in self.trainer.records():
            pace.skip(orders.checkpoint())
            if isinstance(event, Diverged):
                self._report_end("diverged", path=event.path, what=event.what)
                return
            self._report(event)
            yield
            if pace.is_known():
                self._send({"kind": "pace", "model": self.model, **pace.as_dict()})
                while not orders.settled.wait(0.01):
                    orders.checkpoint()
                    yield  # the other net has to find its pace, too
                total = orders.total
            # a record that is not finite is followed by what it means
            if self.step + 1 >= total and event.is_finite:
                break
        accuracy = self.trainer.held_out()
        known = {"accuracy": accuracy} if math.isfinite(accuracy) else {}
        self._report_end("steps", **known)

    def _report(self, record: Record) -> None:
        if self.step < 0:
            labels = {k: list(paths) for k, paths in self.trainer.labels.items()}
            names = list(record.scalars)
            self._send(
                {"kind": "channels", "model": self.model, "scalars": names, "per_op": labels}
            )
        self.step = record.step
        parts = [np.asarray(list(record.scalars.values())), *record.per_op.values()]
        data = np.concatenate(parts).astype("<f4")
        head = {"kind": "record", "model": self.model, "step": self.step, "crc": record.batch_crc}
        self._send(head | {"per_op": list(record.per_op)}, data.tobytes())

    def _report_end(self, how: str, **more: object) -> None:
        self._send({"kind": "end", "model": self.model, "how": how, "step": self.step, **more})


class Pace:
    """Seconds per step, once enough of a time budget has gone by to know it."""

    def __init__(self, seconds: float | None):
        self._budget, self._laps = seconds, [time.perf_counter()]

    def is_known(self) -> bool:
        """To be asked once after each step. True once, and never without a budget."""
        if self._budget is None:
            return False
        self._laps.append(time.perf_counter())
        long_enough = self._laps[-1] - self._laps[0] >= HOLD_PART * self._budget
        if not long_enough or len(self._laps) <= HOLD_STEPS:
            return False
        self._budget = None
        return True

    def skip(self, seconds: float) -> None:
        """A pause is no step."""
        if self._budget is not None:
            self._laps = [lap + seconds for lap in self._laps]

    def as_dict(self) -> dict:
        # the first two steps also pay for memory and for kernels being chosen
        _, _, first, *_, last = self._laps
        steps = len(self._laps) - 1
        return {"done": steps, "step_s": (last - first) / (steps - 2)}


def do_train(train, order: dict, orders: Orders, send) -> None:
    """All nets of the order, in turns of one step."""
    config = train.RunConfig.from_json(order["config"])
    if problem := device_problem(train, config.device):
        send({"kind": "failed", "reason": "device", "detail": problem})
        return
    trainers = [train.Trainer(config, model) for model in order["models"]]
    send({"kind": "settled", **train.describe(config.device)})
    nets = [Net(trainer, send) for trainer in trainers]
    turns = {net: net.steps(orders) for net in nets}
    try:
        while turns:
            for net in list(turns):
                if next(turns[net], turns) is turns:  # it has come to its end
                    del turns[net]
    except Stopped:
        for net in turns:
            send({"kind": "end", "model": net.model, "how": "stopped", "step": net.step})


def device_problem(train, device: str) -> str | None:
    names = [key for key, _ in train.available_devices()]
    if device in names or f"{device}:0" in names:
        return None
    return f"there is no {device} on this machine. Choose {' or '.join(names)}."
