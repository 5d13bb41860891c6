"""Both nets of a run or one of them, step by step, with a report to the owner after each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from resnet_core.record import Diverged, Record

if TYPE_CHECKING:
    from .trainer import Orders


class Stopped(Exception):
    """The owner wants no more."""


class Net:
    """One net of a run, step by step, with a report for the owner after each."""

    def __init__(self, trainer, send):
        self.trainer, self._send = trainer, send
        self.model, self.step = trainer.model, -1

    def steps(self) -> Iterator[None]:
        """Trains; whoever iterates may let another net have a turn between two steps."""
        self._send({"kind": "prints", "model": self.model, "prints": self.trainer.fingerprints()})
        for event in self.trainer.records():
            if isinstance(event, Diverged):
                self.report_end("diverged", path=event.path, what=event.what, cause=event.cause)
                return
            self._report(event)
            yield
        accuracy = self.trainer.held_out()
        known = {"accuracy": accuracy} if math.isfinite(accuracy) else {}
        self.report_end("steps", **known)

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

    def report_end(self, how: str, **more: object) -> None:
        self._send({"kind": "end", "model": self.model, "how": how, "step": self.step, **more})


def in_turns(nets: list[Net]) -> Iterator[list[Net]]:
    """Gives the nets that still train, before each round of one step of each of them.

    How the nets of one process share their device is decided here and nowhere else.
    """
    turns = {net: net.steps() for net in nets}
    while turns:
        yield list(turns)
        for net in list(turns):
            if next(turns[net], turns) is turns:  # it has come to its end
                del turns[net]


def do_train(train, order: dict, orders: Orders, send) -> None:
    """All nets of the order, until each has come to its end."""
    config = train.RunConfig.from_json(order["config"])
    nets = [Net(train.Trainer(config, model), send) for model in order["models"]]
    going = nets
    try:
        for going in in_turns(nets):
            orders.checkpoint({net.model: net.trainer.next_step for net in going})
            for step, lr in orders.new_rates():
                for net in going:
                    net.trainer.change_lr(step, lr)
            for net in going:
                trainer = net.trainer
                trainer.total = min(trainer.total, orders.total or trainer.total)
    except Stopped:
        for net in going:
            net.report_end("stopped")
