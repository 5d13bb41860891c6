"""The process that trains: one net or both of a run. Its owner orders, it answers with frames.

Parked, it has imported everything and trained one step; a run then starts in a few milliseconds.
"""

from __future__ import annotations

import errno
import json
import os
import queue
import sys
import threading
import time
import traceback
from importlib import import_module
from pathlib import Path

from . import wire
from .limits import Limits
from .loop import Stopped, do_train
from .processes import say


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

    def checkpoint(self) -> float:
        """Between two steps: waits out a pause, however long; raises Stopped. Seconds waited."""
        began = time.monotonic()
        self.going.wait()
        if self.stopped:
            raise Stopped
        return time.monotonic() - began


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


def warm(train, devices: list[str]) -> None:
    """Steps of the shapes that runs usually have: kernels are chosen and memory is there."""
    from resnet_core.presets import digits

    for device in dict.fromkeys(devices):
        trainer = train.Trainer(train.RunConfig(net=digits(8), steps=2, device=device), 0)
        for _ in trainer.records():
            pass
        trainer.held_out()


def obey(limits: Limits, orders: Orders, send, *, gpu: bool) -> None:
    """Gets warm, then does one job after the other, until the owner is gone."""
    train = import_module(limits.train)
    train.use_one_thread()
    device = train.available_devices()[0][0] if gpu else "cpu"
    if orders.jobs.empty():  # else somebody waits: the run itself is warming enough
        warm(train, ["cpu", device])
    send({"kind": "ready", "device": device})
    while True:
        order = orders.jobs.get()
        if order["do"] == "measure":
            from .measure import measure

            send({"kind": "speed", **measure(train, order["device"])})
        else:
            do_train(train, order, orders, send)


def main(limits: str, place: str, log: str) -> None:
    """`place`: 0 for the first trainer of its owner, which is the one that may use a GPU.

    `log` is only for those who look at the list of processes: it says whose trainer this is.
    """
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
