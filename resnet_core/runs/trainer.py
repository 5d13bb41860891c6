"""The process that trains: one net or both of a run. Its owner orders, it answers with frames.

Parked, it has imported everything and trained one step; a run then starts in a few milliseconds.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import queue
import sys
import threading
import traceback
from importlib import import_module
from pathlib import Path

from . import wire
from .calibrate import calibrate
from .device import is_ready
from .limits import Limits
from .logs import say
from .loop import Stopped, do_train


class Orders:
    """What the owner sends, read by a thread of its own so that a long step delays nothing."""

    def __init__(self, stdin, send):
        self.jobs: queue.Queue[dict] = queue.Queue()
        self._send = send
        self._news = threading.Condition()
        self._forget()
        threading.Thread(target=self._read, args=(stdin,), daemon=True).start()

    def _forget(self) -> None:
        """What was said of the last run."""
        self.stopped = False
        self.total: int | None = None  # steps, when they become fewer than planned
        self._hold: int | None = None  # number of the call to stand still
        self._rates: list[tuple[int, float]] = []

    def _read(self, stdin) -> None:
        for line in stdin:
            order = json.loads(line)
            with self._news:
                self._note(order)
                self._news.notify_all()
        os._exit(0)  # the owner is gone: nobody wants what is being computed

    def _note(self, order: dict) -> None:
        match order["do"]:
            case "begin":
                self._forget()
            case "hold":
                self._hold = order["number"]
            case "go":
                self._hold = None
            case "stop":
                self.stopped = True
            case "total":
                self.total = order["steps"]
            case "lr":
                self._rates.append((order["step"], order["lr"]))
            case _:
                self.jobs.put(order)

    def checkpoint(self, stands: dict[int, int]) -> None:
        """Between two steps: stands still for as long as told to; raises Stopped.

        `stands`: net -> the step that it stands before.
        """
        told = None
        with self._news:
            while self._hold is not None and not self.stopped:
                if told != self._hold:
                    told = self._hold
                    self._send({"kind": "held", "number": told, "stands": stands})
                self._news.wait()
        if self.stopped:
            raise Stopped

    def new_rates(self) -> list[tuple[int, float]]:
        """(first step, learning rate) as ordered since the last time."""
        with self._news:
            rates, self._rates = self._rates, []
        return rates


#: what libraries below torch say of a device without room, in errors of no class of their own
NO_DEVICE_MEMORY = ("CUDA error: out of memory", "backend out of memory", "ALLOC_FAILED")
DEVICE_FAULTS = ("CUDA error", "CUDA driver", "cuDNN error", "No CUDA GPUs", "MPS backend")
#: of the operating system -> reason
SYSTEM_FAULTS = {errno.ENOSPC: "disk", errno.ENOMEM: "ram"}


def failure(e: BaseException) -> dict:
    """An exception -> the reason from the closed list, and a line for the user."""
    text = " ".join(str(e).split())
    names = {c.__name__ for c in type(e).__mro__}
    if "OutOfMemoryError" in names or any(words in text for words in NO_DEVICE_MEMORY):
        reason = "oom"
    elif isinstance(e, MemoryError) or "can't allocate memory" in text:
        reason = "ram"
    elif isinstance(e, OSError) and e.errno in SYSTEM_FAULTS:
        reason = SYSTEM_FAULTS[e.errno]
    elif any(words in text for words in DEVICE_FAULTS):
        reason = "device"  # in one line; the others are for who debugs kernels
        said = (line for line in str(e).splitlines() if any(w in line for w in DEVICE_FAULTS))
        text = next(said, text)
    else:
        reason = "error"
    detail = text.strip()[:300] or type(e).__name__
    if not detail.endswith("."):
        detail += "."
    return {"kind": "failed", "reason": reason, "detail": detail}


def warm(train, devices: list[str]) -> None:
    """Steps of the shapes that runs usually have: kernels are chosen and memory is there."""
    from resnet_core.presets import digits

    for device in dict.fromkeys(devices):
        try:
            trainer = train.Trainer(train.RunConfig(net=digits(8), steps=2, device=device), 0)
            for _ in trainer.records():
                pass
            trainer.held_out()
        except RuntimeError as e:  # a GPU that another program fills: a run on it will tell
            say(f"{device} is not warm: {failure(e)['detail']}")


def obey(limits: Limits, orders: Orders, send, *, gpu: bool) -> None:
    """Gets warm, then does one job after the other, until the owner is gone."""
    train = import_module(limits.train)
    train.use_threads(limits.threads)
    device = train.available_devices()[0][0] if gpu else "cpu"
    if orders.jobs.empty():  # else somebody waits: the run itself is warming enough
        warm(train, ["cpu", device])
    gc.collect()
    gc.freeze()  # what torch is made of stays: looking through it would take 0.1 s now and then
    send({"kind": "ready", "device": device})
    while True:
        order = orders.jobs.get()
        JOBS[order["do"]](train, order, orders, send)
        gc.collect()  # nets hang in cycles with their hooks: the next ones may need the room


def do_measure(train, order: dict, orders: Orders, send) -> None:
    from .measure import measure  # here: it imports torch, and a stand-in for train needs none

    try:
        speed = measure(train, order["device"])
    except RuntimeError as e:  # as in `warm`; the next supervisor asks again
        say(f"{order['device']} is not measured: {failure(e)['detail']}")
    else:
        send({"kind": "speed", **speed})


def do_answer(train, order: dict, orders: Orders, send) -> None:
    send({"kind": "here"})


def do_run(train, order: dict, orders: Orders, send) -> None:
    """A run, or its calibration: whichever comes first waits for the device."""
    try:
        if not is_ready(train, order, orders, send):
            return
        facts = train.describe(order["device"]) | images_of(json.loads(order["config"]))
        send({"kind": "settled", **facts})
        (calibrate if order["do"] == "calibrate" else do_train)(train, order, orders, send)
    except Stopped:  # before the first step
        for model in order["models"]:
            send({"kind": "end", "model": model, "how": "stopped", "step": -1})


def images_of(config: dict) -> dict[str, str]:
    """What tells images that a user added from others that had their name; {} of other data."""
    dataset = config.get("dataset", "")
    if not dataset.startswith(ADDED):
        return {}
    from resnet_core.data import dataset_row  # here: it imports torch, and most runs have theirs

    return {"images": dataset_row(dataset).digest}


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
        obey(Limits.from_json(limits), Orders(stdin, send), send, gpu=place == "0")
    except BaseException as e:
        say(traceback.format_exc(limit=-12)[-4000:])
        send(failure(e))
        raise SystemExit(1) from None


ADDED = "images:"  # data.images.PREFIX
#: what an owner may order
JOBS = {"measure": do_measure, "calibrate": do_run, "train": do_run, "answer": do_answer}

if __name__ == "__main__":
    main(*sys.argv[1:])
