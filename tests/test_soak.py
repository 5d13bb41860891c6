"""Many short runs: nothing grows, and nothing is left over."""

import gc
import os
import time
import uuid
from dataclasses import replace

import psutil
import pytest
from engines import (
    FAKE,
    REAL,
    are_gone,
    config,
    engine_in,
    processes_of,
    submit,
    wait_for,
    wait_for_end,
)

from resnet_core.presets import digits
from resnet_core.runs import processes
from resnet_core.runs.crew import Crew
from resnet_core.runs.owner import Owner
from resnet_core.runs.store import Store
from resnet_core.series import Series
from resnet_core.train import RunConfig

MEGABYTE = 2**20
LIMITS = {"cpu_slots": 2, "park": True, "max_queued_per_owner": 100, "keep_runs": 1000}
#: what may still grow between the second fifth of the runs and the end [bytes]: lists of known runs
MAY_GROW = {"supervisor": 3 * MEGABYTE, "engine": 12 * MEGABYTE, "trainer": 15 * MEGABYTE}


def series_of(count: int, make) -> Series:
    return Series("seeds", "a series", tuple((str(i), make(i)) for i in range(count)))


def train_all(engine, count: int, make, size: int = 10) -> None:
    """In series of some runs; each run is looked at as a page does."""
    for _ in range(count // size):
        engine.start()
        for run_id in engine.submit_series(series_of(size, make), uuid.uuid4().hex):
            run = wait_for_end(engine, run_id)
            assert run.ended == "steps", run.sentence
            assert all(len(m.steps) == run.total_steps for m in engine.records(run_id))
    engine.runs(20)


def held_by(folder) -> dict[str, tuple[int, int]]:
    """Open files and memory [bytes] of the processes that live through all runs."""
    gc.collect()
    (supervisor,) = processes_of(folder, "supervisor")
    both = {"supervisor": supervisor, "engine": psutil.Process()}
    return {name: (p.num_fds(), p.memory_info().rss) for name, p in both.items()}


def files_of(folder) -> list[int]:
    """Of the supervisor, and of this process in the folder: it has other tests' files, too.

    The fewest of some moments: a lock that is looked at is open for one.
    """
    looks, root = [], str(folder.resolve())
    for _ in range(5):
        ours = [file for file in psutil.Process().open_files() if file.path.startswith(root)]
        looks.append([held_by(folder)["supervisor"][0], len(ours)])
        time.sleep(0.02)
    return [min(numbers) for numbers in zip(*looks)]


def leave_nothing(engine, folder) -> None:
    (supervisor,) = processes_of(folder, "supervisor")
    wait_for(lambda: psutil.STATUS_ZOMBIE not in [p.status() for p in supervisor.children()])
    everything = processes_of(folder)
    engine.close()
    wait_for(lambda: are_gone(everything) and processes_of(folder) == [])


@pytest.mark.slow
def test_ten_short_runs_leave_nothing_open(tmp_path):
    with engine_in(tmp_path, replace(FAKE, **LIMITS | {"park": False})) as engine:
        train_all(engine, 5, lambda i: config(steps=2), size=5)
        before = files_of(tmp_path)
        train_all(engine, 5, lambda i: config(steps=2), size=5)
        wait_for(lambda: all(now <= then for now, then in zip(files_of(tmp_path), before)))
        leave_nothing(engine, tmp_path)


@pytest.mark.slow
def test_two_hundred_short_runs_leave_memory_and_files_as_they_were(tmp_path):
    with engine_in(tmp_path, replace(FAKE, **LIMITS)) as engine:
        train_all(engine, 70, lambda i: config(steps=3 + i % 5))
        before = held_by(tmp_path)
        train_all(engine, 80, lambda i: config(steps=3 + i % 5))
        for _ in range(20):  # each in processes of its own
            assert wait_for_end(engine, submit(engine, steps=5)).ended == "steps"
        assert wait_for_end(engine, submit(engine, "1:segv@2", steps=5)).ended == "failed"
        wait_for(lambda: not engine._store.active())
        after = held_by(tmp_path)
        for name, (files, memory) in after.items():
            files_before, memory_before = before[name]
            print(name, files_before, files, (memory - memory_before) / MEGABYTE, "MB")
            assert abs(files - files_before) <= 2, name  # of a parked owner: there or not
            assert memory - memory_before < MAY_GROW[name], name
        leave_nothing(engine, tmp_path)
    with engine_in(tmp_path, replace(REAL, **LIMITS)) as engine:
        train_all(engine, 30, lambda i: RunConfig(net=digits(8), steps=3, seed=i), size=30)
        leave_nothing(engine, tmp_path)


@pytest.mark.slow
def test_trainers_do_not_grow_over_many_runs(tmp_path):
    """What hangs in cycles, as a net does with its hooks, would add up."""
    store, crew = Store(tmp_path), Crew(2, REAL, tmp_path / "log")
    held = []
    for seed in range(16):
        text = RunConfig(net=digits(32), steps=3, seed=seed).to_json()
        run_id = store.submit(text, str(seed), 3)
        Owner(store, *store.claim(processes.identity(os.getpid())), crew, REAL).work()
        assert store.row(run_id)["ended"] == "steps"
        held.append([psutil.Process(t.process.pid).memory_info().rss for t in crew.trainers])
    crew.end()
    store.close()
    growth = [most - before for most, before in zip(map(max, zip(*held[6:])), held[5])]
    print([round(size / MEGABYTE, 1) for size in growth], "MB over ten runs")
    assert max(growth) < MAY_GROW["trainer"]
