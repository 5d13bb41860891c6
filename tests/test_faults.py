"""Processes are killed, hang, crash and run out of room: what was stored stays, and a run ends."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from engines import (
    FAKE,
    REAL,
    are_gone,
    assert_curves_are_right,
    config,
    engine_in,
    kill,
    locks,
    processes_of,
    submit,
    suspend,
    wait_for,
    wait_for_end,
    wait_for_steps,
)

from resnet_core.presets import digits
from resnet_core.runs import logs, owner_process, processes
from resnet_core.runs.crew import Crew
from resnet_core.runs.embedded import READ_S
from resnet_core.runs.locks import Lock
from resnet_core.runs.owner import Owner
from resnet_core.runs.owner_process import NO_DISK, NO_STORE
from resnet_core.runs.schema import FILE
from resnet_core.runs.store import Batch, Store, StoreError, StoreFull
from resnet_core.runs.supervisor import Supervisor
from resnet_core.train import RunConfig


def stored_steps(engine, run_id) -> list[int]:
    return [len(m.steps) for m in engine.records(run_id)]


def test_killed_owner_is_an_interrupted_run_with_its_curves(engine, tmp_path):
    run_id = submit(engine, "step=0.005", steps=5000)
    wait_for_steps(engine, run_id, 10)
    trainers = processes_of(tmp_path, "trainer")
    assert len(trainers) == 2
    before = stored_steps(engine, run_id)
    (owner,) = processes_of(tmp_path, "owner")
    owner.kill()
    run = wait_for_end(engine, run_id)
    assert (run.ended, run.reason) == ("interrupted", "killed")
    last = max(m.steps_done for m in run.models) - 1
    assert run.sentence == (
        "The training process was killed (signal 9, SIGKILL). "
        f"The curves up to step {last} are kept."
    )
    assert all(now >= was for now, was in zip(stored_steps(engine, run_id), before))
    assert_curves_are_right(engine, run_id)
    wait_for(lambda: are_gone(trainers))


@pytest.mark.slow
def test_real_trainers_end_with_their_owner(tmp_path):
    with engine_in(tmp_path, REAL) as engine:
        engine.start()
        run_id = engine.submit(RunConfig(net=digits(56), steps=5000), "x")
        wait_for_steps(engine, run_id, 2)
        trainers = processes_of(tmp_path, "trainer")
        assert len(trainers) == 2
        for supervisor in processes_of(tmp_path, "supervisor"):  # it would help
            supervisor.suspend()
        kill(*processes_of(tmp_path, "owner"))
        wait_for(lambda: are_gone(trainers))


def test_run_goes_on_without_supervisor_and_the_next_one_adopts_it(engine, tmp_path, gate):
    gate.allow(5)
    run_id = submit(engine, "gated", steps=60)
    wait_for_steps(engine, run_id, 5)
    owners = processes_of(tmp_path, "owner")
    kill(*processes_of(tmp_path, "supervisor"))
    gate.allow(30)
    wait_for(lambda: stored_steps(engine, run_id) == [30, 30])
    assert processes_of(tmp_path, "supervisor") == []
    engine._supervision.started_at = float("-inf")  # it waits a while before it starts another one
    wait_for(lambda: engine.start() or processes_of(tmp_path, "supervisor"))
    assert processes_of(tmp_path, "owner") == owners
    gate.allow(60)
    run = wait_for_end(engine, run_id)
    assert (run.ended, stored_steps(engine, run_id)) == ("steps", [60, 60])
    assert_curves_are_right(engine, run_id)


@pytest.mark.slow
def test_owner_killed_after_adoption_is_noticed(engine, tmp_path):
    run_id = submit(engine, "step=0.01", steps=5000)
    wait_for_steps(engine, run_id, 5)
    kill(*processes_of(tmp_path, "supervisor"))
    engine._supervision.started_at = float("-inf")
    wait_for(lambda: engine.start() or processes_of(tmp_path, "supervisor"))
    time.sleep(0.3)  # it has seen the run alive
    kill(*processes_of(tmp_path, "owner"))
    run = wait_for_end(engine, run_id)
    assert (run.ended, run.reason) == ("interrupted", "lost")
    assert_curves_are_right(engine, run_id)


def test_everything_killed_is_interrupted_at_the_next_start(tmp_path):
    with engine_in(tmp_path) as engine:
        run_id = submit(engine, "step=0.01", steps=5000)
        waiting = submit(engine, steps=4)
        wait_for_steps(engine, run_id, 5)
        engine.close()
        kill(*processes_of(tmp_path, "supervisor"), *processes_of(tmp_path))
        assert processes_of(tmp_path) == []
    with engine_in(tmp_path) as engine:
        assert engine.run(run_id).state == "running"  # nobody has looked yet
        run = wait_for_end(engine, run_id)
        assert (run.ended, run.reason) == ("interrupted", "lost")
        assert "ended while nothing was watching it. The curves up to step" in run.sentence
        assert_curves_are_right(engine, run_id)
        assert wait_for_end(engine, waiting).ended == "steps"


def test_owner_killed_before_it_began_is_replaced_once(tmp_path):
    with engine_in(tmp_path, park=True) as engine:
        engine.start()
        wait_for(lambda: len(processes_of(tmp_path, "trainer")) == 2)
        (owner,) = processes_of(tmp_path, "owner")
        suspend(tmp_path, owner)  # it will get the run and do nothing with it
        run_id = submit(engine, steps=5)
        wait_for(lambda: engine.run(run_id).state == "starting")
        kill(owner)
        run = wait_for_end(engine, run_id)
        assert run.ended == "steps"
        assert engine._store.row(run_id)["attempt"] == 2


@pytest.mark.slow
def test_parked_owner_that_dies_is_replaced(tmp_path):
    with engine_in(tmp_path, park=True) as engine:
        engine.start()
        (owner,) = wait_for(lambda: processes_of(tmp_path, "owner"))
        kill(owner)
        (other,) = wait_for(lambda: [p for p in processes_of(tmp_path, "owner") if p != owner])
        assert other.pid != owner.pid
        assert wait_for_end(engine, submit(engine, steps=3)).ended == "steps"


def test_second_supervisor_leaves_at_once(engine, tmp_path):
    wait_for(lambda: engine.start() or Lock(tmp_path / "supervisor.lock").is_held())
    second = processes.spawn(
        "resnet_core.runs.supervisor", str(tmp_path), FAKE.to_json(), log=tmp_path / "second.log"
    )
    assert second.wait(timeout=60) == 0
    assert len(processes_of(tmp_path, "supervisor")) == 1


@pytest.mark.parametrize(
    ("mishap", "reason", "words"),
    [
        ("raise", "error", "stopped with an error: no good x"),
        ("oom", "oom", "The device ran out of memory. Lower the batch size"),
        ("ram", "ram", "The machine ran out of memory"),
        ("segv", "crash", "The training process crashed (signal 11, SIGSEGV)."),
        ("exit", "crash", "it ended with code 0 without a result"),
    ],
)
def test_trainer_that_fails_is_a_failed_run(engine, tmp_path, mishap, reason, words):
    run_id = submit(engine, f"step=0.005 1:{mishap}@8", steps=5000)
    run = wait_for_end(engine, run_id)
    assert (run.ended, run.reason) == ("failed", reason)
    assert words in run.sentence and len(run.sentence) < 500
    assert "are kept." in run.sentence and "Traceback" not in run.sentence
    assert {m.model: len(m.steps) for m in engine.records(run_id)}[1] == 8
    assert_curves_are_right(engine, run_id)
    wait_for(lambda: processes_of(tmp_path, "trainer") == [])
    assert wait_for_end(engine, submit(engine, steps=3)).ended == "steps"  # the slot is free


def test_killed_trainer_is_an_interrupted_run_as_a_killed_owner_is(engine, tmp_path):
    run_id = submit(engine, "step=0.005", steps=5000)
    wait_for_steps(engine, run_id, 5)
    processes_of(tmp_path, "trainer")[1].kill()
    run = wait_for_end(engine, run_id)
    assert (run.ended, run.reason) == ("interrupted", "killed")
    assert "The training process was killed (signal 9, SIGKILL)." in run.sentence
    assert_curves_are_right(engine, run_id)


def test_hanging_trainer_is_ended(tmp_path):
    with engine_in(tmp_path, stall_s=0.5) as engine:
        run = wait_for_end(engine, submit(engine, "0:hang@3", steps=10))
        assert (run.ended, run.reason) == ("failed", "hung")
        assert "no sign of life" in run.sentence
        assert processes_of(tmp_path, "trainer") == []


def test_hanging_trainer_can_be_stopped(tmp_path):
    with engine_in(tmp_path, soft_stop_s=1.0) as engine:
        run_id = submit(engine, "0:hang@3 step=0.01", steps=10)
        wait_for(lambda: [m.steps_done for m in engine.run(run_id).models] == [3, 10])
        engine.stop(run_id)
        run = wait_for_end(engine, run_id)
        assert run.ended == "stopped"
        assert [m.steps_done for m in run.models] == [3, 10]


@pytest.mark.slow
def test_silent_owner_is_given_up_and_cannot_come_back(tmp_path):
    with engine_in(tmp_path, silent_s=1.5) as engine:
        run_id = submit(engine, "step=0.01", steps=5000)
        wait_for_steps(engine, run_id, 5)
        suspend(tmp_path, *processes_of(tmp_path, "owner"))
        run = wait_for_end(engine, run_id)
        assert (run.ended, run.reason) == ("failed", "hung")
        wait_for(lambda: processes_of(tmp_path, "trainer") == [])
        assert_curves_are_right(engine, run_id)


def test_prints_of_a_trainer_do_no_harm_and_its_log_is_capped(engine, tmp_path):
    run_id = submit(engine, "0:flood@3 step=0.01", steps=5000)
    wait_for_steps(engine, run_id, 10)
    (log,) = (tmp_path / "logs").glob("run-*.log")
    wait_for(lambda: log.stat().st_size <= logs.MAX_LOG)
    assert_curves_are_right(engine, run_id)
    engine.stop(run_id)


def tiny_disk(folder: Path, size: str):
    """A file system of its own, or a skipped test where that is not allowed."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"cannot mount a small file system here: {done.stderr.strip()}")


@pytest.fixture
def full_disk(tmp_path):
    folder = tmp_path / "disk"
    if not sys.platform.startswith("linux"):
        pytest.skip("tmpfs is Linux")
    tiny_disk(folder, "1m")
    yield folder
    wait_for(lambda: processes_of(folder) == [])
    # a thread of one that was killed may have a file open for a moment longer
    wait_for(lambda: subprocess.run(["umount", str(folder)], check=False).returncode == 0)


def fill(folder: Path) -> Path:
    path = folder / "filler"
    with path.open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(bytes(4096)):
            pass
    return path


@pytest.mark.slow
def test_full_disk_that_gets_room_again_costs_nothing(full_disk, gate):
    with engine_in(full_disk, min_free_bytes=0) as engine:
        gate.allow(5)
        run_id = submit(engine, "step=0.01 gated", steps=250)
        wait_for_steps(engine, run_id, 5)
        filler = fill(full_disk)
        gate.allow(200)
        log = next((full_disk / "logs").glob("run-*.log"))
        time.sleep(1.5)
        assert max(stored_steps(engine, run_id)) < 200
        filler.unlink()
        gate.allow(250)
        run = wait_for_end(engine, run_id)
        assert run.ended == "steps", (run.sentence, log.read_text())
        assert stored_steps(engine, run_id) == [250, 250]
        assert_curves_are_right(engine, run_id)


def test_full_disk_ends_the_run_and_keeps_what_was_stored(full_disk):
    with engine_in(full_disk, min_free_bytes=0, patience_s=1.0) as engine:
        run_id = submit(engine, "step=0.005", steps=20_000)
        wait_for_steps(engine, run_id, 5)
        filler = fill(full_disk)
        run = wait_for_end(engine, run_id)
        assert (run.ended, run.reason) == ("failed", "disk")
        assert "Free some space" in run.sentence
        assert_curves_are_right(engine, run_id)
        filler.unlink()
        assert wait_for_end(engine, submit(engine, steps=3)).ended == "steps"


@pytest.mark.parametrize(("code", "reason"), [(NO_DISK, "disk"), (NO_STORE, "store")])
def test_why_an_owner_gave_up_is_kept_until_it_is_stored(tmp_path, monkeypatch, code, reason):
    supervisor = Supervisor(tmp_path, FAKE)
    store = supervisor.store
    owner = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.stdin.read(); exit({code})"], stdin=subprocess.PIPE
    )
    run_id = store.submit(config().to_json(), "x", 5)
    _, attempt = store.claim(processes.identity(owner.pid))
    store.append(run_id, attempt, Batch(run={"state": "running"}))
    owner.stdin.close()
    wait_for(lambda: not processes.is_alive(store.row(run_id)["worker"]))
    with monkeypatch.context() as full:
        full.setattr(store, "end", cannot_write)
        for _ in range(2):
            with pytest.raises(StoreError):
                supervisor.mind()
    assert supervisor.mind()
    assert (store.row(run_id)["ended"], store.row(run_id)["reason"]) == ("failed", reason)
    assert not supervisor.mind() and owner.pid not in supervisor.ended
    store.close()


def cannot_write(*_, **__):
    raise StoreError("There is no room.")


@pytest.mark.parametrize(("error", "code"), [(StoreFull, NO_DISK), (StoreError, NO_STORE)])
def test_only_a_full_disk_is_called_full(tmp_path, monkeypatch, error, code):
    def full_or_locked(*_):
        raise error("a sentence")

    monkeypatch.setattr(owner_process, "wait_and_own", full_or_locked)
    with pytest.raises(SystemExit) as caught:
        owner_process.main(str(tmp_path), FAKE.to_json(), str(tmp_path / "log"))
    assert caught.value.code == code


@pytest.mark.slow
def test_locked_database_ends_the_run_and_is_not_called_a_full_disk(tmp_path):
    with engine_in(tmp_path, read_s=READ_S, patience_s=1.0) as engine:
        run_id = submit(engine, "step=0.005", steps=20_000)
        wait_for_steps(engine, run_id, 5)
        (owner,) = processes_of(tmp_path, "owner")
        other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        wait_for(lambda: locks(other))
        wait_for(lambda: are_gone([owner]))
        assert engine.run(run_id).state == "running"  # as it was known
        other.execute("rollback")
        other.close()
        run = wait_for_end(engine, run_id)
        assert (run.ended, run.reason) == ("failed", "store")
        assert "room" not in run.sentence and "Close other programs" in run.sentence
        assert_curves_are_right(engine, run_id)


def test_pause_ends_after_a_while_and_gives_the_slot_to_others(tmp_path):
    with engine_in(tmp_path, pause_s=0.6) as engine:
        run_id = submit(engine, "step=0.01", steps=5000)
        waiting = submit(engine, steps=3)
        wait_for_steps(engine, run_id, 5)
        engine.pause(run_id)
        run = wait_for_end(engine, run_id)
        assert (run.ended, run.reason) == ("interrupted", "paused_long")
        last = max(m.steps_done for m in run.models) - 1
        assert re.fullmatch(  # the seconds that it was: a busy machine may notice later
            r"The run was paused for [1-9]\d* s and was ended\. "
            rf"The curves up to step {last} are kept\.",
            run.sentence,
        )
        assert_curves_are_right(engine, run_id)
        assert wait_for_end(engine, waiting).ended == "steps"


def test_pause_ends_soon_when_no_app_is_open(tmp_path):
    with engine_in(tmp_path) as engine:
        run_id = submit(engine, "step=0.01", steps=5000)
        wait_for_steps(engine, run_id, 5)
        everything = processes_of(tmp_path)
        assert len(everything) == 4
        engine.pause(run_id)
        wait_for(lambda: engine.run(run_id).state == "paused")
        time.sleep(2 * FAKE.grace_s)
        assert engine.run(run_id).state == "paused"  # an app is open
        engine.close()
        wait_for(lambda: are_gone(everything))
        run = engine.run(run_id)
        assert (run.ended, run.reason) == ("interrupted", "paused_long")


def test_owner_keeps_its_batch_while_the_store_is_full(tmp_path, monkeypatch):
    """The same without a file system: the store itself may not grow for a while."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    store = Store(tmp_path)
    run_id = store.submit(config("step=0.001", steps=400).to_json(), "x", 400)
    _, attempt = store.claim(processes.identity(os.getpid()))
    pages = store._db.execute("pragma page_count").fetchone()[0]
    store._db.execute(f"pragma max_page_count = {pages + 3}")
    refused = []
    append = store.append

    def watched(*args):
        try:
            return append(*args)
        except Exception as e:
            refused.append(str(e))
            if len(refused) == 3:
                store._db.execute("pragma max_page_count = 100000")
            raise

    monkeypatch.setattr(store, "append", watched)
    crew = Crew(2, FAKE, tmp_path / "trainers.log")
    Owner(store, run_id, attempt, crew, FAKE).work()
    assert len(refused) == 3 and "full" in refused[0]
    assert store.row(run_id)["ended"] == "steps"
    for model in (0, 1):
        steps = [row["step"] for row in store.points(run_id, model, 0, -1)]
        assert steps == list(range(400))
    store.close()


def test_deleted_folder_takes_its_processes_with_it(tmp_path):
    folder = tmp_path / "data"
    with engine_in(folder) as engine:
        run_id = submit(engine, "step=0.01", steps=5000)
        wait_for_steps(engine, run_id, 3)
        everything = processes_of(folder)
        assert len(everything) == 4
        for path in sorted(folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        wait_for(lambda: are_gone(everything))


def test_supervisor_that_cannot_start_is_a_problem(tmp_path, monkeypatch):
    with engine_in(tmp_path) as engine:
        monkeypatch.setattr(processes.sys, "executable", "/bin/false")
        engine.start()
        wait_for(engine.problem)
        assert engine.problem().startswith("Training cannot start on this machine:")


def test_killed_supervisor_is_no_problem(engine, tmp_path):
    engine.start()
    kill(*wait_for(lambda: processes_of(tmp_path, "supervisor")))
    assert engine.problem() is None
    assert wait_for_end(engine, submit(engine, steps=3)).ended == "steps"


def test_folder_without_rights_is_a_problem(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    tmp_path.chmod(0o500)
    with engine_in(tmp_path / "data") as engine:
        assert "RESIDUAL_EXPLORER_DATA" in engine.problem()
        engine.start()
    tmp_path.chmod(0o700)


def test_a_number_that_was_given_again_is_nobody_of_ours():
    command = [sys.executable, "-c", "input()"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    who = processes.identity(child.pid)
    assert processes.is_alive(who)
    pid, start, boot = who.split(":")
    for stranger in (f"{pid}:{int(start) + 1}:{boot}", f"{pid}:{start}:another-boot"):
        assert not processes.is_alive(stranger)
        processes.kill_group(stranger)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(timeout=0.2)
    processes.kill_group(who)
    wait_for(lambda: not processes.is_alive(who))  # a zombie is not alive
    assert child.wait() == -signal.SIGKILL
    assert not processes.is_alive(who)


def test_clock_changes_do_not_end_a_run(engine, gate, monkeypatch):
    gate.allow(5)
    run_id = submit(engine, "step=0.01 gated", steps=40)
    wait_for_steps(engine, run_id)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    gate.allow(40)
    run = wait_for_end(engine, run_id)
    assert run.ended == "steps" and run.elapsed_s > 0.2


def test_owner_and_supervisor_import_no_torch():
    code = (
        "import sys, resnet_core.runs.supervisor, resnet_core.runs.owner_process\n"
        "print([m for m in ('torch', 'streamlit', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=processes.ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.replace("'", '"')) == []


def test_changed_code_starts_cold_with_the_new_one(tmp_path, monkeypatch):
    """A parked owner of old code is not used; the supervisor starts anew, too."""
    root, folder = tmp_path / "program", tmp_path / "data"
    shutil.copytree(processes.ROOT / "resnet_core", root / "resnet_core")
    monkeypatch.setattr(processes, "ROOT", root)  # other tests go on with what has not changed
    with engine_in(folder, park=True) as engine:
        engine.start()
        (owner,) = wait_for(lambda: processes_of(folder, "owner"))
        (supervisor,) = processes_of(folder, "supervisor")
        (root / "resnet_core" / "runs" / "__init__.py").touch()
        run_id = submit(engine, steps=100)
        assert wait_for_end(engine, run_id).ended == "steps"
        assert engine._store.row(run_id)["worker"].split(":")[0] != str(owner.pid)
        assert processes_of(folder, "supervisor") == [supervisor]  # the same process
