"""Real engines in folders of their own, with all their processes, for tests that kill."""

from __future__ import annotations

import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import fake_train
import numpy as np
import psutil

from resnet_core.presets import digits
from resnet_core.runs.embedded import Embedded
from resnet_core.runs.engine import StoreError
from resnet_core.runs.limits import Limits
from resnet_core.train import RunConfig

#: no torch in the trainers: they start in 0.2 s, and misbehave on demand
FAKE = Limits(
    train="fake_train", cpu_slots=1, park=False, measure=False, grace_s=0.3, soft_stop_s=1.0
)
REAL = Limits(cpu_slots=1, park=False, measure=False, grace_s=0.3)


@contextmanager
def engine_in(folder: Path, limits: Limits = FAKE, **changes) -> Iterator[Embedded]:
    """Leaves no process behind, whatever the test has done to them."""
    engine = Embedded(folder, replace(limits, **changes))
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)  # where the trainers find fake_train
    try:
        yield engine
    finally:
        engine.close()
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
        for _ in range(3):  # a supervisor that is being killed may just have started an owner
            kill(*processes_of(folder))


def config(behaviour: str = "", **fields) -> RunConfig:
    """A run of the fake trainer that behaves as told; see fake_train."""
    net = digits(8)
    return RunConfig(net=replace(net, name=behaviour or net.name), **fields)


class Gate:
    """Before which the nets of a "gated" run stand, so that none ends before a test has acted."""

    def __init__(self, path: Path):
        self._path = path
        self.allow(0)

    def allow(self, steps: int) -> None:
        """So many, since step 0."""
        self._path.write_text(str(steps))


def submit(engine: Embedded, behaviour: str = "", **fields) -> int:
    engine.start()
    return engine.submit(config(behaviour, **fields), uuid.uuid4().hex)


def wait_for(condition: Callable, seconds: float = 60.0):
    """The first true value of `condition()`. The limit is far above what it takes, load or not."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        time.sleep(0.01)
    return value


def wait_for_end(engine: Embedded, run_id: int, limit_s: float = 60.0):
    def ended():
        engine.start()  # as a page does at every tick
        with suppress(StoreError):  # locked for a moment, on a busy machine
            run = engine.run(run_id)
            return run if run.is_over else None

    return wait_for(ended, limit_s)


def wait_for_stillness(engine: Embedded, run_id: int) -> list[int]:
    """The steps that are stored of each net, once no more have come for half a second."""
    seen, since = [], time.monotonic()

    def is_still():
        nonlocal seen, since
        now = [len(m.steps) for m in engine.records(run_id)]
        if now != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since > 0.5

    wait_for(is_still)
    return seen


def wait_for_steps(engine: Embedded, run_id: int, steps: int = 1, limit_s: float = 60.0):
    """The run once every net has so many records stored."""

    def reached():
        engine.start()
        records = engine.records(run_id)
        assert not engine.run(run_id).is_over, engine.run(run_id).sentence
        return len(records) == 2 and all(len(m.steps) >= steps for m in records)

    wait_for(reached, limit_s)
    return engine.run(run_id)


def processes_of(folder: Path, module: str = "") -> list[psutil.Process]:
    """Our processes of that data folder: "supervisor", "owner", "trainer"."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = process.cmdline()
            ours = any(str(folder) in word for word in line)
            if ours and f"resnet_core.runs.{module}" in " ".join(line):
                found.append(process)
    return found


def kill(*processes: psutil.Process) -> None:
    """SIGKILL, and wait until they are gone; one that nobody reaps is gone as well."""
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    for process in processes:
        with suppress(psutil.Error):
            wait_for(lambda p=process: not p.is_running() or p.status() == psutil.STATUS_ZOMBIE, 5)


def are_gone(processes: list[psutil.Process]) -> bool:
    for process in processes:
        with suppress(psutil.Error):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                return False
    return True


def assert_curves_are_right(engine, run_id):
    """No hole, nothing twice, every value the one that was trained."""
    for m in engine.records(run_id):
        assert m.steps.tolist() == list(range(len(m.steps)))
        expected = [fake_train.record(m.model, step) for step in m.steps]
        assert m.scalars["loss"].tolist() == [record.scalars["loss"] for record in expected]
        for probe, rows in m.per_op.items():
            looked = [record for record in expected if probe in record.per_op]
            assert m.steps_of(probe).tolist() == [record.step for record in looked]
            assert rows.tolist() == [record.per_op[probe].tolist() for record in looked]


def assert_same_records(engine, run_id, model, expected):
    """What is stored of a net is what its trainer gave, bit for bit."""
    records = engine.records(run_id)[model]
    assert records.model == model
    assert records.steps.tolist() == [record.step for record in expected]
    for name in expected[0].scalars:
        values = np.float32([record.scalars[name] for record in expected])
        np.testing.assert_array_equal(records.scalars[name], values)
    for probe in expected[0].per_op:
        looked = [record for record in expected if probe in record.per_op]
        rows = np.stack([record.per_op[probe] for record in looked])
        assert records.steps_of(probe).tolist() == [record.step for record in looked]
        assert records.per_op[probe].shape == (len(looked), len(records.labels[probe]))
        np.testing.assert_array_equal(records.per_op[probe], rows)


def locks(db: sqlite3.Connection) -> bool:
    """Whether nobody else writes; then nobody else can, until it lets go."""
    with suppress(sqlite3.OperationalError):
        db.execute("begin exclusive")
        return True
    return False
