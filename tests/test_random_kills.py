"""Whoever is killed at whatever moment: what anybody was told holds, and nobody is left over."""

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from engines import (
    FAKE,
    are_gone,
    assert_curves_are_right,
    config,
    engine_in,
    kill,
    processes_of,
    wait_for,
    wait_for_end,
)

from resnet_core.runs import processes
from resnet_core.runs.ends import REASONS
from resnet_core.runs.limits import Limits
from resnet_core.runs.schema import FILE

SLOTS = 2
LIMITS = replace(FAKE, cpu_slots=SLOTS, park=True, grace_s=0.5, keep_runs=10_000)
#: who is killed -> how often, in parts of 10
VICTIMS = {"trainer": 3, "owner": 2, "supervisor": 2, "app": 2, "all": 1}
PEACE = 20  # kills until a run is let come to its end


class LoneApp:
    """An app in a process of its own; what it has printed is what somebody may have seen."""

    def __init__(self, folder: Path, limits: Limits):
        script = str(Path(__file__).with_name("lone_app.py"))
        text = config("step=0.002").to_json()
        self._command = [sys.executable, script, str(folder), limits.to_json(), text]
        self.runs: set[int] = set()
        self.seen: Counter = Counter()  # (run, net) -> steps
        self.broken: list[str] = []
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        path = os.pathsep.join([str(processes.ROOT), os.environ["PYTHONPATH"]])
        env = os.environ | {"PYTHONPATH": path}
        self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, env=env)
        self._listener = threading.Thread(target=self._listen, args=(self.process,))
        self._listener.start()

    def kill(self) -> None:
        """And hear its last words: what it had printed, it had been told."""
        self.process.kill()
        self.process.wait()
        self._listener.join()

    def _listen(self, process: subprocess.Popen) -> None:
        with process.stdout:
            for line in process.stdout:
                what, *words = line.split()
                if what == "run":
                    self.runs.add(int(words[0]))
                elif what == "read" and len(words) == 3:
                    run_id, model, steps = map(int, words)
                    self.seen[run_id, model] = max(steps, self.seen[run_id, model])
                elif what == "bad":
                    self.broken.append(line)


class Sampler(threading.Thread):
    """Looks all the time whether a slot has two runs, and whether more nets train than may."""

    def __init__(self, folder: Path, marks: Path):
        super().__init__(daemon=True)
        self._path, self._marks = folder / FILE, marks
        self.most_on_a_slot = self.most_runs = self.most_nets = self.samples = 0
        self.is_over = False

    def run(self) -> None:
        while not self.is_over:
            if self._path.exists():
                self._look()
            time.sleep(0.01)

    def _look(self) -> None:
        db = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=5)
        try:
            active = "select slot from run where state in ('starting', 'running', 'paused')"
            slots = [slot for (slot,) in db.execute(active).fetchall()]
        except sqlite3.Error:  # not made yet
            return
        finally:
            db.close()
        training = [mark for mark in self._marks.iterdir() if is_in_training(mark)]
        self.most_on_a_slot = max(self.most_on_a_slot, *Counter(slots).values(), 0)
        self.most_runs = max(self.most_runs, len(slots))
        self.most_nets = max(self.most_nets, len(training))
        self.samples += bool(training)  # where there was something to see


def is_in_training(mark: Path) -> bool:
    """Not one whose owner was killed: it goes the same way, be it a moment later."""
    try:
        owner = psutil.Process(processes.pid_of(mark.name)).parent()
        owned = owner is not None and "resnet_core.runs.owner_process" in owner.cmdline()
    except psutil.Error:
        return False
    return owned and processes.is_alive(mark.name) and mark.exists()


def victims(who: str, folder: Path, app: LoneApp, chance: random.Random) -> list[psutil.Process]:
    """One process of that kind, or all of all kinds."""
    if who == "app":
        return [psutil.Process(app.process.pid)]
    found = processes_of(folder, "" if who == "all" else who)
    if who == "all":
        return [*found, psutil.Process(app.process.pid)]
    return [chance.choice(found)] if found else []


def something_happens(app: LoneApp, sampler: Sampler):
    """Somebody was told of records, which could be lost, and a net was seen that trains."""
    told, samples = app.seen.total(), sampler.samples
    return lambda: (app.seen.total() > told and sampler.samples > samples) or app.broken


def a_run_comes_to_its_end(folder: Path):
    """One more than now has done all its steps: left in peace, they go on."""

    def ended() -> int:
        db = sqlite3.connect(folder / FILE, timeout=30)
        try:
            return db.execute("select count(*) from run where ended = 'steps'").fetchone()[0]
        finally:
            db.close()

    before = ended()
    return lambda: ended() > before


@pytest.mark.parametrize("kills", [4, pytest.param(100, marks=pytest.mark.slow)])
def test_random_kills_lose_nothing_that_anybody_was_told(tmp_path, monkeypatch, kills):
    chance = random.Random(kills)
    folder, marks = tmp_path / "data", tmp_path / "marks"
    marks.mkdir()
    monkeypatch.setenv("FAKE_TRAIN_MARKS", str(marks))
    whom = [who for who, parts in VICTIMS.items() for _ in range(parts)]
    done: Counter = Counter()
    with engine_in(folder, LIMITS) as engine:
        app, sampler = LoneApp(folder, LIMITS), Sampler(folder, marks)
        app.start()
        sampler.start()
        wait_for(lambda: sampler.most_runs >= SLOTS or app.broken)
        while done.total() < kills and not app.broken:
            wait_for(something_happens(app, sampler))
            time.sleep(chance.uniform(0, 0.6))
            who = chance.choice(whom)
            if not (doomed := victims(who, folder, app, chance)):
                continue
            kill(*doomed)
            done[who] += 1
            if app.process.pid in [process.pid for process in doomed]:
                app.kill()
                app.start()
            if done.total() % PEACE == 0 or done.total() == kills:
                wait_for(a_run_comes_to_its_end(folder))
        app.kill()
        runs = [wait_for_end(engine, run_id) for run_id in sorted(app.runs)]
        sampler.is_over = True
        sampler.join()
        assert app.broken == []
        assert sampler.most_on_a_slot == 1 and sampler.most_runs == SLOTS
        assert 1 <= sampler.most_nets <= 2 * SLOTS
        for run in runs:
            assert run.ended in ("steps", "interrupted", "failed"), run
            assert run.reason is None or run.reason in REASONS
            assert_curves_are_right(engine, run.id)
            stored = {m.model: len(m.steps) for m in engine.records(run.id)}
            for model in (0, 1):
                assert stored.get(model, 0) >= app.seen[run.id, model], run
        db = sqlite3.connect(folder / FILE)
        assert db.execute("pragma integrity_check").fetchone()[0] == "ok"
        db.close()
        everything = processes_of(folder)
        engine.close()
        wait_for(lambda: are_gone(everything) and processes_of(folder) == [])
        ends = Counter(run.reason or run.ended for run in runs)
        print(dict(done), dict(ends), sum(app.seen.values()), "records read,", sampler.most_nets)
