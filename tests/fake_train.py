"""A stand-in for resnet_core.train without torch: the net's name says how it shall behave.

"step=0.01 1:raise@3" is 10 ms a step, and model 1 raises at step 3. See MISHAPS. "gated" is no
further than the test allows, "1:gated" the same of model 1 alone: see engines.Gate.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from resnet_core.record import Diverged, Record

PATHS = {
    "input_grad": ["stage1.0", "stage1.1"],
    "act_rms": ["stage1.0"],
    "weight_grad": ["stem.conv", "head.fc", "x"],
}
DEAR = {"act_rms": 3}  # probe -> it looks at every so many steps


class OutOfMemoryError(RuntimeError):
    """Named like torch's."""


class RunConfig(SimpleNamespace):
    seconds, lr, lr_changes = None, 0.02, ()

    @staticmethod
    def from_json(text: str) -> RunConfig:
        data = json.loads(text)
        return RunConfig(**{**data, "net": SimpleNamespace(**data["net"])})


class Trainer:
    examples = SimpleNamespace(test_labels=range(360))

    def __init__(self, config: RunConfig, model: int):
        self.config, self.model, self.labels = config, model, PATHS
        self.changes = [tuple(change) for change in config.lr_changes]
        self.total, self.next_step = config.steps, 0
        self.step_s, self.mishaps, self.gate = 0.0, {}, None
        for word in config.net.name.split():
            if word.startswith("step="):
                self.step_s = float(word.removeprefix("step="))
            elif "@" in word and word.startswith(f"{model}:"):
                what, _, step = word.partition(":")[2].partition("@")
                self.mishaps[int(step)] = what
            elif word in ("gated", f"{model}:gated"):
                self.gate = Path(os.environ["FAKE_TRAIN_GATE"])
            elif word == f"{model}:differs":
                self.mishaps[-1] = word
            elif word == f"{model}:oom-at-build":
                MISHAPS["oom"]()

    def fingerprints(self) -> dict:
        extra = {"only": "c"} if self.model == 0 else {}
        return {"a": "1", "b": str(self.model if -1 in self.mishaps else 0), **extra}

    def change_lr(self, step: int, lr: float) -> None:
        self.changes.append((step, lr))

    def records(self, first: int = 0):
        print("training", self.config.net.name)  # must not get between the frames
        with mark():
            yield from self._records(first)

    def _records(self, first: int):
        for step in range(first, self.config.steps):
            if step >= self.total:
                return
            time.sleep(self.step_s)
            while self.gate and step >= int(self.gate.read_text() or 0):
                time.sleep(0.002)
            self.next_step = step + 1
            what = self.mishaps.get(step)
            if what in MISHAPS:
                MISHAPS[what]()
            if what == "slow":
                self.step_s *= 100
            lr = lr_at(step, self.config.lr, self.changes)
            loss = math.nan if what == "diverge" else None
            yield record(self.model, step, loss, lr)
            if what == "diverge":
                path = "stage1.1.residual.conv2"
                yield Diverged(self.model, step, path, "gradient", "The lesson wants it so.")
                return

    def held_out(self) -> float:
        return 0.5


@contextmanager
def mark():
    """A file while this process trains, where a test wants to count those that do."""
    if folder := os.environ.get("FAKE_TRAIN_MARKS"):
        from resnet_core.runs.processes import identity  # here: few need it

        path = Path(folder) / identity(os.getpid())
        path.touch()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    else:
        yield


def lr_at(step: int, lr: float, changes) -> float:
    """Not resnet_core.schedules': tests compare with this one."""
    return max([(-1, lr), *((first, peak) for first, peak in changes if first <= step)])[1]


def record(model: int, step: int, loss: float | None = None, lr: float = 0.02) -> Record:
    """What the fake trainer of `model` records at `step`; tests compare with it."""
    scalars = {"loss": step + 0.5 * model if loss is None else loss, "accuracy": 0.25, "lr": lr}
    per_op = {
        name: np.arange(len(paths), dtype=np.float32) + 10 * step + model
        for name, paths in PATHS.items()
        if step % DEAR.get(name, 1) == 0
    }
    return Record(model, step, scalars, per_op, batch_crc=7 * step)


def available_devices() -> list[tuple[str, str]]:
    return [("cpu", "CPU"), ("cuda:0", "a GPU that is none")]


def use_threads(number: int) -> None:
    pass


def describe(device: str) -> dict:
    return {"threads": 1, "torch": "none", "device": device}


def fail(error: Exception):
    raise error


def flood():
    for _ in range(3000):
        print("x" * 1000)


def fork():
    """As a loader of images would: a child that hears of nothing."""
    subprocess.Popen([sys.executable, "-c", f"import time; time.sleep(1000)  # {os.getpid()}"])


MISHAPS = {
    "raise": lambda: fail(ValueError("no good\n" + "x" * 100_000)),
    "oom": lambda: fail(OutOfMemoryError("Tried to allocate 2 GiB")),
    "ram": lambda: fail(MemoryError()),
    "segv": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "exit": lambda: os._exit(0),
    "freeze": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "fork": fork,
    "hang": lambda: time.sleep(1000),
    "flood": flood,
    "late": lambda: time.sleep(0.3),
}
