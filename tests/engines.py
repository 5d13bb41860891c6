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
from unittest.mock import patch

import fake_train
import numpy as np
import psutil

from resnet_core.presets import digits
from resnet_core.runs import embedded
from resnet_core.runs.embedded import Embedded
from resnet_core.runs.engine import StoreError
from resnet_core.runs.limits import Limits
from resnet_core.runs.schema import FILE
from resnet_core.train import RunConfig

#: no torch in the trainers: they start in 0.2 s, and misbehave on demand
FAKE = Limits(train="fake_train", cpu_slots=1, park=False, measure=False, grace_s=0.3, room_bytes=0)
REAL = Limits(cpu_slots=1, park=False, measure=False, grace_s=0.3)
#: a page shows what it knows when it cannot read so long; a test wants what is stored
PATIENCE_S = 30.0


@contextmanager
def engine_in(
    folder: Path, limits: Limits = FAKE, *, read_s: float = PATIENCE_S, **changes
) -> Iterator[Embedded]:
    """Leaves no process behind, whatever the test has done to them.

    `read_s`: seconds that reads wait for a locked database.
    """
    engine = Embedded(folder, replace(limits, **changes))
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)  # where the trainers find fake_train
    try:
        with patch.object(embedded, "READ_S", read_s):
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


def wait_until_both_stand(engine: Embedded, run_id: int, lr: float) -> list[int]:
    """The steps stored of each net of a paused run: a rate is on record once both stand still."""
    engine.set_lr(run_id, lr)
    wait_for(lambda: lr in dict(engine.run(run_id).resolved.config.lr_changes).values())
    return [m.steps_done for m in engine.run(run_id).models]


def wait_for_a_turn(engine: Embedded, run_id: int) -> None:
    """Until the owner of the run has done what comes after the write that was seen last."""
    beat = engine._store.row(run_id)["beat"]
    wait_for(lambda: engine._store.row(run_id)["beat"] > beat)


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
            named = f"resnet_core.runs.{module}" in " ".join(line)
            if ours and named and not is_being_started(process, line):
                found.append(process)
    return found


def is_being_started(process: psutil.Process, line: list[str]) -> bool:
    """For a moment a new process looks like the one that starts it."""
    with suppress(psutil.Error):
        parent = process.parent()
        return parent is not None and parent.cmdline() == line
    return False


def kill(*processes: psutil.Process) -> None:
    """SIGKILL, and wait until they are gone; one that nobody reaps is gone as well."""
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    for process in processes:
        with suppress(psutil.Error):
            wait_for(lambda p=process: not p.is_running() or p.status() == psutil.STATUS_ZOMBIE)


def suspend(folder: Path, *processes: psutil.Process) -> None:
    """SIGSTOP, while none of them has the database locked: it would stay locked for all others."""
    db = sqlite3.connect(folder / FILE, isolation_level=None)
    wait_for(lambda: locks(db))
    for process in processes:
        process.suspend()
    wait_for(lambda: all(p.status() == psutil.STATUS_STOPPED for p in processes))
    db.execute("rollback")
    db.close()


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
