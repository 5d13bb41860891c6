"""What the supervisor makes of owners that died, and of a machine that changed meanwhile."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from types import SimpleNamespace

import psutil
import pytest
from engines import FAKE, config, engine_in, submit, wait_for, wait_for_end, wait_for_steps

from resnet_core.runs import processes, supervisor
from resnet_core.runs.database_file import journal_mode
from resnet_core.runs.embedded import READ_S
from resnet_core.runs.limits import Limits
from resnet_core.runs.owner_process import FENCED, OwnerProcess
from resnet_core.runs.schema import FILE
from resnet_core.runs.store import Batch, Store, StoreError
from resnet_core.runs.supervisor import Supervisor


@pytest.fixture
def ours(tmp_path):
    """A supervisor that is not working: tests let it look when they want."""
    supervisor = Supervisor(tmp_path, FAKE)
    yield supervisor
    supervisor.store.close()


@pytest.fixture
def dead():
    """The identity of a process that was, and is no more."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    who = processes.identity(child.pid)
    child.communicate()
    return who


def claimed(store, worker: str, request_id: str = "x") -> tuple[int, int]:
    store.submit(config().to_json(), request_id, 5)
    return store.claim(worker)


def test_a_run_of_before_the_machine_started_anew_is_interrupted(ours):
    """Its number belongs to somebody else by now, who is left alone."""
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    pid, start, _ = processes.identity(stranger.pid).split(":")
    run_id, attempt = claimed(ours.store, f"{pid}:{start}:another-boot")
    ours.store.append(run_id, attempt, Batch(run={"state": "running"}, models={0: {"steps": 3}}))
    ours.mind()
    row = ours.store.row(run_id)
    assert (row["ended"], row["reason"]) == ("interrupted", "lost")
    assert row["sentence"].endswith("The curves up to step 2 are kept.")
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_run_whose_owner_never_began_is_tried_twice(ours, dead):
    """The supervisor may have been killed between claiming a run and handing it over."""
    run_id, _ = claimed(ours.store, dead)
    ours.mind()
    assert ours.store.row(run_id)["state"] == "queued"
    assert ours.store.claim(dead) == (run_id, 2)
    ours.mind()
    row = ours.store.row(run_id)
    assert (row["ended"], row["reason"]) == ("interrupted", "lost")
    assert row["sentence"].endswith("Nothing was recorded.")


def test_a_run_that_was_stopped_before_its_owner_died_is_not_queued_for_ever(ours, dead):
    run_id, _ = claimed(ours.store, dead)
    ours.store.want(run_id, "stop")
    ours.mind()
    row = ours.store.row(run_id)
    assert (row["state"], row["ended"]) == ("ended", "stopped")
    assert row["sentence"] == "Taken out of the queue." and row["ended_at"]


def test_an_owner_whose_run_was_given_to_another_leaves(tmp_path):
    store = Store(tmp_path)
    run_id, attempt = claimed(store, "1:2:3")
    store.requeue(run_id, attempt)
    assert store.claim("4:5:6") == (run_id, attempt + 1)
    before = tuple(store.row(run_id))
    log = tmp_path / "late.log"
    arguments = (str(tmp_path), FAKE.to_json(), str(log))
    with engine_in(tmp_path):  # for its path to the fake trainer
        module, streams = "resnet_core.runs.owner_process", {"stdin": subprocess.PIPE}
        late = processes.spawn(module, *arguments, log=log, **streams)
        late.communicate(b'{"run": %d, "attempt": %d}\n' % (run_id, attempt), timeout=60)
    assert late.returncode == FENCED
    assert tuple(store.row(run_id)) == before
    store.close()


def test_a_database_of_a_newer_version_is_left_alone(tmp_path, capfd):
    Store(tmp_path).close()
    db = sqlite3.connect(tmp_path / FILE)
    db.execute("pragma user_version = 99")
    db.close()
    with pytest.raises(SystemExit) as caught:
        supervisor.main(str(tmp_path), FAKE.to_json())
    assert caught.value.code == 1
    assert "newer version of this program" in capfd.readouterr().err


@pytest.mark.parametrize("jump_s", [-3600.0, 86_400.0])
def test_a_clock_that_jumps_ends_nothing(ours, monkeypatch, jump_s):
    run_id, attempt = claimed(ours.store, processes.identity(os.getpid()))
    ours.store.append(run_id, attempt, Batch(run={"state": "running"}))
    ours.mind()
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + jump_s)
    ours.mind()
    assert ours.given_up(ours.store.row(run_id)) is None
    assert ours.store.row(run_id)["state"] == "running"


def test_an_owner_has_its_run_and_hears_no_more():
    """An open pipe would stay in the supervisor for each run."""
    owner = object.__new__(OwnerProcess)
    owner.process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    owner.give(3, 1)
    assert json.loads(owner.process.stdout.read()) == {"run": 3, "attempt": 1}  # all, to its end
    owner.process.stdout.close()
    assert owner.process.wait() == 0


def test_one_more_run_begins_only_where_there_is_memory_for_it(ours, monkeypatch):
    ours.cpu_slots, ours.limits = 2, Limits()
    started = []
    owner = SimpleNamespace(who="1:2:3", give=lambda *run: started.append(run))
    monkeypatch.setattr(supervisor, "OwnerProcess", lambda *_: owner)
    memory = SimpleNamespace(available=0)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    for name in "ab":
        ours.store.submit("{}", name, 5)
    ours.dispatch()
    assert started == [(1, 1)]  # one alone may try
    memory.available = 10**12
    ours.dispatch()
    assert started == [(1, 1), (2, 1)]


def test_a_lock_on_the_database_that_passes_costs_nothing(tmp_path, gate):
    """Another program may look into it for a while; what is trained meanwhile waits."""
    with engine_in(tmp_path, read_s=READ_S) as engine:
        gate.allow(5)
        run_id = submit(engine, "step=0.01 gated", steps=100)
        wait_for_steps(engine, run_id, 5)
        other = sqlite3.connect(tmp_path / FILE, isolation_level=None, timeout=10)
        other.execute("begin exclusive")
        gate.allow(80)
        time.sleep(0.2)
        assert engine.run(run_id).state == "running"  # as it was known
        other.execute("rollback")
        other.close()
        gate.allow(100)
        assert wait_for_end(engine, run_id).ended == "steps"
        for records in engine.records(run_id):
            assert records.steps.tolist() == list(range(100))


def test_a_read_only_database_is_a_sentence(tmp_path):
    store = Store(tmp_path)
    store._db.execute("pragma query_only = on")
    with pytest.raises(StoreError, match=r"read-only. Set RESIDUAL_EXPLORER_DATA"):
        store.submit("{}", "a", 1)
    store.close()


def test_a_page_that_is_damaged_later_is_a_sentence(tmp_path):
    store = Store(tmp_path)
    run_id, attempt = claimed(store, "1:2:3")
    for step in range(40):
        point = (0, 0, step, bytes(2000))
        store.append(run_id, attempt, Batch(points=[point]))
    store.close()
    path = tmp_path / FILE
    data = bytearray(path.read_bytes())
    data[-40 * 4096 :] = b"\xff" * (40 * 4096)
    path.write_bytes(data)
    store = Store(tmp_path)
    with pytest.raises(StoreError, match=r"damaged\. Restart the app"):
        store.points(run_id, 0, 0, -1)
    store.close()


def drives(*mounts):
    return lambda all: [SimpleNamespace(mountpoint=point, fstype=kind) for point, kind in mounts]


def test_a_folder_on_a_network_drive_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "disk_partitions", drives(("/", "ext4"), (str(tmp_path), "NFS4")))
    store = Store(tmp_path)
    assert "is on a network drive (nfs4)" in store.notice
    assert store._db.execute("pragma journal_mode").fetchone()[0] == "persist"
    store.close()
    inner = tmp_path / "local"
    mounts = ("/other", "nfs"), (str(inner), "ext4"), (str(tmp_path), "nfs"), ("/", "nfs")
    monkeypatch.setattr(psutil, "disk_partitions", drives(*mounts))
    store = Store(inner)
    assert store.notice is None
    store.close()


def test_wal_is_for_disks_of_this_machine():
    assert journal_mode((3, 51, 3)) == "wal"
    assert journal_mode((3, 51, 3), is_local=False) == "persist"


def test_what_a_supervisor_said_last_is_shown_whatever_it_was(tmp_path, monkeypatch):
    with engine_in(tmp_path) as engine:
        log = tmp_path / "logs" / "supervisor.log"
        log.parent.mkdir()
        log.write_bytes(b"first line\n\xff\xfe no UTF-8 " + b"x" * 10_000)
        monkeypatch.setattr(processes.sys, "executable", "/bin/false")
        engine.start()
        problem = wait_for(engine.problem)
        assert problem.startswith("Training cannot start on this machine: \ufffd\ufffd no UTF-8 x")
        assert len(problem) < 500


def test_a_list_of_runs_asks_no_more_of_a_full_database(tmp_path):
    """The number of questions does not grow with the runs that are stored."""
    with engine_in(tmp_path) as engine:
        store = engine._open()
        asked = []

        def questions() -> int:
            asked.clear()
            assert len(engine.runs(5)) == 5
            return len(asked)

        for number in range(5):
            store.submit(config().to_json(), f"a{number}", 5)
            store.want(number + 1, "stop")
        store._db.set_trace_callback(asked.append)
        few = questions()
        with store._writing() as db:
            sql = "insert into run(request_id, config, state, queued_at, queued_clock) "
            rows = [(f"b{number}", config().to_json()) for number in range(2000)]
            db.executemany(f"{sql} values (?, ?, 'ended', 1, 1)", rows)
        assert questions() == few
