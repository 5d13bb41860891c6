"""The process that trains: one net or both of a run. Its owner orders, it answers with frames.

Parked, it has imported everything and trained one step; a run then starts in a few milliseconds.
"""

from __future__ import annotations

import errno
import json
import math
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np

from . import wire
from .limits import Limits
from .processes import code_version, say

#: a run with a time budget waits for its number of steps after so many steps and this part of it
HOLD_STEPS, HOLD_PART = 5, 0.05


class Stopped(Exception):
    """The owner wants no more."""


class Orders:
    """What the owner sends, read by a thread of its own so that a long step delays nothing."""

    def __init__(self, stdin):
        self.jobs: queue.Queue[dict] = queue.Queue()
        self.going = threading.Event()
        self.going.set()
        self.stopped = False
        self.total: int | None = None  # steps, of a run with a time budget
        self.settled = threading.Event()
        threading.Thread(target=self._read, args=(stdin,), daemon=True).start()

    def _read(self, stdin) -> None:
        for line in stdin:
            order = json.loads(line)
            match order["do"]:
                case "pause":
                    self.going.clear()
                case "resume":
                    self.going.set()
                case "stop":
                    self.stopped = True
                    self.going.set()
                case "total":
                    self.total = order["steps"]
                    self.settled.set()
                case _:
                    self.jobs.put(order)
        os._exit(0)  # the owner is gone: nobody wants what is being computed

    def checkpoint(self) -> None:
        """Between two steps: waits out a pause, raises Stopped."""
        self.going.wait()
        if self.stopped:
            raise Stopped


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
            orders.checkpoint()
            if not hasattr(event, "per_op"):
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
            if self.step + 1 >= total and is_finite(event):
                break
        accuracy = self.trainer.held_out()
        known = {"accuracy": accuracy} if math.isfinite(accuracy) else {}
        self._report_end("steps", **known)

    def _report(self, record) -> None:
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
        self._send(head, data.tobytes())

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

    def as_dict(self) -> dict:
        # the first two steps also pay for memory and for kernels being chosen
        _, _, first, *_, last = self._laps
        steps = len(self._laps) - 1
        return {"done": steps, "step_s": (last - first) / (steps - 2)}


def is_finite(record) -> bool:
    values = [np.asarray(list(record.scalars.values())), *record.per_op.values()]
    return all(np.isfinite(v).all() for v in values)


def do_train(train, order: dict, orders: Orders, send) -> None:
    """All nets of the order, in turns of one step."""
    config = train.RunConfig.from_json(order["config"])
    if problem := device_problem(config.device):
        send({"kind": "failed", "reason": "device", "detail": problem})
        return
    trainers = [train.Trainer(config, model) for model in order["models"]]
    send({"kind": "settled", **settled(config.device)})
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


def device_problem(device: str) -> str | None:
    if device == "cpu":
        return None
    from resnet_core.devices import available_devices

    names = [key for key, _ in available_devices()]
    if device in names or f"{device}:0" in names:
        return None
    return f"there is no {device} on this machine. Choose {' or '.join(names)}."


def settled(device: str) -> dict:
    """What the records depend on beside the config."""
    if "torch" not in sys.modules:  # a trainer without torch, as tests have it
        return {"threads": 1, "torch": "none", "device": device}
    import torch

    from resnet_core.devices import available_devices

    name = dict(available_devices()).get(device, device)
    return {"threads": torch.get_num_threads(), "torch": str(torch.__version__), "device": name}


def failure(e: BaseException) -> dict:
    """An exception -> the reason from the closed list, and a line for the user."""
    detail = " ".join(str(e).split())[:300] or type(e).__name__
    names = {c.__name__ for c in type(e).__mro__}
    if "OutOfMemoryError" in names:
        reason = "oom"
    elif isinstance(e, MemoryError):
        reason = "ram"
    elif isinstance(e, OSError) and e.errno == errno.ENOSPC:
        reason = "disk"
    elif "CUDA error" in detail or "MPS backend" in detail:
        reason = "device"
    else:
        reason = "error"
    if not detail.endswith("."):
        detail += "."
    return {"kind": "failed", "reason": reason, "detail": detail}


def warm(train, *, gpu: bool) -> None:
    """A step of the shapes that runs usually have: kernels are chosen and memory is there."""
    from resnet_core.presets import digits

    devices = ["cpu"]
    if gpu and "torch" in sys.modules:
        from resnet_core.devices import available_devices

        devices = dict.fromkeys([available_devices()[0][0], "cpu"])
    for device in devices:
        trainer = train.Trainer(train.RunConfig(net=digits(8), steps=2, device=device), 0)
        for _ in trainer.records():
            pass
        trainer.held_out()


def load(module: str):
    """The training code; with torch, one thread per process: the two nets run side by side."""
    train = import_module(module)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)
    return train


def obey(limits: Limits, orders: Orders, send, *, gpu: bool) -> None:
    """Gets warm, then does one job after the other, until the owner is gone."""
    version = code_version()
    train = load(limits.train)
    warm(train, gpu=gpu)
    send({"kind": "ready", "code": version})
    while True:
        order = orders.jobs.get()
        if order["do"] == "measure":
            from .measure import measure

            send({"kind": "speed", **measure(train, order["device"])})
        else:
            do_train(train, order, orders, send)


def main(limits: str, place: str) -> None:
    """`place`: 0 for the first trainer of its owner, which is the one that may use a GPU."""
    stdin, stdout = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # what anybody prints goes to the log, not between the frames

    def send(head: dict, data: bytes = b"") -> None:
        wire.send(stdout, wire.frame(head, data))

    try:
        obey(Limits.from_json(limits), Orders(stdin), send, gpu=place == "0")
    except BaseException as e:
        say(traceback.format_exc(limit=-12)[-4000:])
        send(failure(e))
        raise SystemExit(1) from None


if __name__ == "__main__":
    main(*sys.argv[1:])
