"""SIGSTOP, a frozen container, a paused virtual machine: nothing has hung, and no time was spent.

A laptop that is closed is none of these: on Linux and macOS the monotonic clock stands still, too.
"""

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
    suspend,
    wait_for,
    wait_for_steps,
)

from resnet_core.runs import processes
from resnet_core.runs.crew import Crew
from resnet_core.runs.owner import Owner
from resnet_core.runs.store import Batch, Store, Wish
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
    supervisor.minded_at += 2 * FAKE.silent_s
    assert supervisor.given_up(store.row(1))[:2] == ("failed", "hung")  # awake, and silent
    supervisor.store.close()


def test_a_supervisor_that_slept_while_it_looked_gives_nobody_up(store, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "kill_group", lambda who: None)  # it would be this test's
    store.append(1, 1, Batch(run={"state": "running"}))
    supervisor = Supervisor(tmp_path, FAKE)
    supervisor.mind()
    now, active = time.monotonic, supervisor.store.active

    def sleeps():
        monkeypatch.setattr(time, "monotonic", lambda: now() + NIGHT_S)
        return active()

    monkeypatch.setattr(supervisor.store, "active", sleeps)
    supervisor.mind()
    supervisor.mind()
    assert store.row(1)["state"] == "running"
    supervisor.store.close()


def test_an_owner_that_slept_while_it_wrote_lets_its_trainers_wake(store, tmp_path, monkeypatch):
    crew = Crew(2, FAKE, tmp_path / "trainers.log")
    owner, now = Owner(store, 1, 1, crew, FAKE), time.monotonic
    wake = now() + NIGHT_S
    monkeypatch.setattr(
        owner, "_show", lambda: monkeypatch.setattr(time, "monotonic", lambda: wake)
    )
    assert owner._turn() is None and owner._turn() is None
    crew.end()


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


def test_who_is_asked_to_stop_has_all_of_its_time(store, tmp_path):
    owner = Owner(store, 1, 1, Crew(0, FAKE, tmp_path / "trainers.log"), FAKE)
    owner.writer.wish, asked_at = Wish("stop"), time.monotonic()
    owner._obey(asked_at - NIGHT_S)  # it was heard at the end of a long turn
    assert owner.stop_by >= asked_at + FAKE.soft_stop_s
    owner._ticked_at -= NIGHT_S
    owner._tick()
    assert owner.stop_by >= asked_at + FAKE.soft_stop_s + NIGHT_S


def test_nobody_is_charged_for_the_time_that_everything_stood_still(store, tmp_path, monkeypatch):
    clock = [1e6]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    owner = Owner(store, 1, 1, Crew(0, FAKE, tmp_path / "trainers.log"), FAKE)
    owner.ledger.nets[0].steps, owner.budget.seconds = 1, 30

    def wake_after(seconds: float) -> None:
        clock[0] += seconds
        owner._tick()

    for seconds in (1.0, NIGHT_S, 120.0, 2.0):
        wake_after(seconds)
    assert owner.writer.elapsed_s == owner.budget.spent_s == 3.0
    assert not owner.budget.is_up()
    owner.obeyed, owner._paused_at, owner._app_seen_at = "pause", clock[0], clock[0]
    wake_after(NIGHT_S)
    assert owner._paused_long(clock[0]) is None
    clock[0] += FAKE.pause_s + 1
    assert owner._paused_long(clock[0]) == ("interrupted", "paused_long", "30 minutes")
    assert owner.writer.elapsed_s == 3.0


@pytest.mark.slow
def test_a_run_goes_on_when_all_its_processes_wake(tmp_path):
    with engine_in(tmp_path, silent_s=8.0, stall_s=8.0) as engine:
        run_id = submit(engine, "step=0.05", steps=5000)
        wait_for_steps(engine, run_id, 2)
        everything = processes_of(tmp_path)
        suspend(tmp_path, *everything)
        time.sleep(10)
        before = [len(m.steps) for m in engine.records(run_id)]
        for process in everything:
            process.resume()
        wait_for(lambda: min(len(m.steps) for m in engine.records(run_id)) > max(before) + 10)
        assert engine.run(run_id).state == "running"
        assert_curves_are_right(engine, run_id)
        engine.stop(run_id)
