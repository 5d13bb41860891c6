"""A laptop that is closed, a container or a virtual machine that is paused: nothing has hung."""

import os
import time
from pathlib import Path

import pytest
from engines import (
    FAKE,
    assert_curves_are_right,
    config,
    engine_in,
    processes_of,
    submit,
    wait_for,
    wait_for_steps,
)

from resnet_core.runs import processes
from resnet_core.runs.crew import Crew
from resnet_core.runs.owner import Owner
from resnet_core.runs.store import Batch, Store
from resnet_core.runs.supervisor import Supervisor

NIGHT_S = 8 * 3600.0


@pytest.fixture
def store(tmp_path, monkeypatch):
    """With one claimed run."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    store = Store(tmp_path)
    store.submit(config().to_json(), "x", 60)
    assert store.claim(processes.identity(os.getpid())) == (1, 1)
    yield store
    store.close()


def test_a_supervisor_that_slept_gives_nobody_up(store, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "kill_group", lambda who: None)  # it would be this test's
    store.append(1, 1, Batch(run={"state": "running"}))
    supervisor = Supervisor(tmp_path, FAKE)
    supervisor.mind()
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + NIGHT_S)
    supervisor.mind()
    assert store.row(1)["state"] == "running"
    monkeypatch.setattr(time, "monotonic", lambda: now() + NIGHT_S + 2 * FAKE.silent_s)
    assert supervisor.given_up(store.row(1))[:2] == ("failed", "hung")  # awake, and silent
    supervisor.store.close()


def test_an_owner_that_slept_lets_its_trainers_wake(store, tmp_path):
    crew = Crew(2, FAKE, tmp_path / "trainers.log")
    owner = Owner(store, 1, 1, crew, FAKE)
    for trainer in crew.trainers:
        trainer.heard_at -= NIGHT_S
    assert owner._hung(time.monotonic())[:2] == ("failed", "hung")
    owner._ticked_at -= NIGHT_S
    owner._tick()
    assert owner._hung(time.monotonic()) is None
    crew.end()


@pytest.mark.slow
def test_a_run_goes_on_when_all_its_processes_wake(tmp_path):
    with engine_in(tmp_path, silent_s=8.0, stall_s=8.0) as engine:
        run_id = submit(engine, "step=0.05", steps=5000)
        wait_for_steps(engine, run_id, 2)
        everything = processes_of(tmp_path)
        for process in everything:
            process.suspend()
        time.sleep(10)
        before = [len(m.steps) for m in engine.records(run_id)]
        for process in everything:
            process.resume()
        wait_for(lambda: min(len(m.steps) for m in engine.records(run_id)) > max(before) + 10)
        assert engine.run(run_id).state == "running"
        assert_curves_are_right(engine, run_id)
        engine.stop(run_id)
