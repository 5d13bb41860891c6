"""Databases of older versions of the program: all that was stored is there, or nothing changes."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from engines import config

from resnet_core.runs import database_file, schema
from resnet_core.runs.locks import Lock
from resnet_core.runs.processes import ROOT
from resnet_core.runs.reading import Reader
from resnet_core.runs.schema import FILE, VERSION
from resnet_core.runs.store import Batch, Store, StoreError, StoreFull

VERSION_1 = """
create table run(
  id integer primary key autoincrement,  -- a link to a deleted run must not show another one
  request_id text not null unique,       -- a double click or a rerun is the same run
  config text not null,                  -- as submitted
  resolved text,                         -- JSON: config, threads, torch, device
  state text not null default 'queued'
    check(state in ('queued', 'starting', 'running', 'paused', 'ended')),
  want text not null default 'run' check(want in ('run', 'pause', 'stop')),
  slot text not null default 'cpu',
  attempt integer not null default 0,    -- fences writers that were given up
  worker text,                           -- pid:start:boot of the owner
  beat integer not null default 0,       -- counts the owner's writes
  total integer,
  ended text, reason text, sentence text not null default '',
  proof text not null default '{}',
  bytes integer not null default 0,      -- of its points
  queued_at real not null, queued_clock real not null,
  started_at real, first_at real, first_s real, ended_at real, elapsed_s real not null default 0);
-- two active runs on a slot are impossible, not only unlikely
create unique index run_slot on run(slot) where state in ('starting', 'running', 'paused');
create index run_state on run(state, id);
create table model(
  run_id integer not null references run on delete cascade, model integer not null,
  steps integer not null default 0,
  how text check(how in ('steps', 'stopped', 'diverged', 'failed')), end_step integer,
  path text, what text, accuracy real,
  primary key(run_id, model)) without rowid;
create table channel(
  run_id integer not null references run on delete cascade, model integer not null,
  id integer not null, name text not null, kind text not null check(kind in ('scalars', 'per_op')),
  labels text not null, primary key(run_id, model, id)) without rowid;
-- v: float32, little endian, one number per label of the channel
create table point(
  run_id integer not null references run on delete cascade, model integer not null,
  channel integer not null, step integer not null, v blob not null,
  primary key(run_id, model, channel, step)) without rowid;
create table speed(device text primary key, op_overhead_s real not null, macs_per_s real not null);
"""


@pytest.fixture
def old(tmp_path):
    """A folder as version 1 left it: a finished run with a curve, one in training, one queued."""
    db = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    db.executescript(f"begin; {VERSION_1}")  # one transaction: the disk is waited for once
    gpu = config(device="cuda:0").to_json()
    rows = [
        ("a", config(seed=7).to_json(), "ended", 1, "steps", "All 2 steps are done."),
        ("b", gpu, "running", 1, None, "Training."),
        ("c", config().to_json(), "queued", 0, None, ""),
    ]
    db.executemany(
        "insert into run(request_id, config, state, attempt, ended, sentence, queued_at, "
        "queued_clock, worker) values (?, ?, ?, ?, ?, ?, 5, 6, '1:2:3')",
        rows,
    )
    db.execute("insert into model values (1, 0, 2, 'steps', 1, null, null, 0.5)")
    db.execute("insert into channel values (1, 0, 0, 'scalars', 'scalars', '[\"loss\"]')")
    for step in (0, 1):
        blob = np.float32([step + 0.5]).tobytes()
        db.execute("insert into point values (1, 0, 0, ?, ?)", (step, blob))
    db.execute("insert into speed values ('cpu', 0.1, 1e9)")
    db.execute("pragma user_version = 1")
    db.execute("commit")
    db.close()
    return tmp_path


def version_of(path) -> int:
    db = sqlite3.connect(path)
    try:
        assert db.execute("pragma integrity_check").fetchone()[0] == "ok"
        return db.execute("pragma user_version").fetchone()[0]
    finally:
        db.close()


def test_what_was_stored_is_there_after_an_update(old):
    store = Store(old)
    reader = Reader(store)
    done, training, queued = (reader.run(run_id) for run_id in (1, 2, 3))
    assert (done.ended, done.sentence, done.config.seed) == ("steps", "All 2 steps are done.", 7)
    assert (done.models[0].steps_done, done.models[0].end.cause) == (2, None)
    assert (done.owner, done.series, done.lr, done.wait_s) == ("", None, None, None)
    assert reader.records(1)[0].scalars["loss"].tolist() == [0.5, 1.5]
    assert (training.state, training.slot) == ("running", "cuda:0")
    assert (queued.state, queued.position, queued.slot) == ("queued", 1, None)
    assert store.speed("cpu").macs_per_s == 1e9
    assert store.claim("4:5:6") == (3, 1)  # the CPU is free: the one that trains has the GPU
    assert store.submit("{}", "a", 1) == 1 and store.submit("{}", "new", 1) == 4
    store.close()
    assert version_of(old / FILE) == VERSION


def test_an_updated_database_has_the_tables_of_a_new_one(old, tmp_path):
    def tables(folder):
        store = Store(folder)
        names = [name for (name,) in store._read("select name from pragma_table_list")]
        info = 'select name, type, dflt_value, pk, "notnull" from pragma_table_info(?)'
        columns = {name: sorted(map(tuple, store._read(info, (name,)))) for name in names}
        indexes = "select sql from sqlite_master where type = 'index' and sql is not null"
        found = columns, sorted(sql for (sql,) in store._read(indexes))
        store.close()
        return found

    assert tables(old) == tables(tmp_path / "new")


def test_a_copy_is_kept_from_before_the_update(old):
    Store(old).close()
    copy = old / f"{FILE}.version-1"
    assert version_of(copy) == 1
    db = sqlite3.connect(copy)
    assert db.execute("select count(*) from point").fetchone()[0] == 2
    db.close()
    assert not list(old.glob("*.part"))
    assert copy.stat().st_mode & 0o077 == 0  # nobody else may read it, as with the database


def test_a_new_database_needs_no_copy(tmp_path):
    Store(tmp_path).close()
    assert not list(tmp_path.glob("*.version-*"))


@pytest.mark.parametrize("locked", [True, False], ids=["with the lock", "without it"])
def test_of_many_that_open_at_once_one_updates(old, monkeypatch, locked):
    copies = []

    def slow_copy(*paths):  # every one that means to update is here before the first has done so
        copies.append(paths)
        time.sleep(0.1)

    monkeypatch.setattr(database_file, "back_up", slow_copy)
    if not locked:  # as on a file system where locks of files do nothing
        monkeypatch.setattr(Lock, "take", lambda *_, **__: True)
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: Store(old), range(8)))
    assert len(copies) == 1
    assert all(len(store.newest(9)) == 3 for store in stores)
    for store in stores:
        store.close()


def test_many_create_a_new_database_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(Lock, "take", lambda *_, **__: True)
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: Store(tmp_path), range(8)))
    stores[0].submit("{}", "a", 1)
    assert all(len(store.newest(9)) == 1 for store in stores)
    for store in stores:
        store.close()


DIES_HALFWAY = """
import os, sqlite3, sys
from pathlib import Path
from resnet_core.runs import database_file, schema

class Dying(sqlite3.Connection):
    def execute(self, sql, *values):
        if "add column owner" in sql:
            os.kill(os.getpid(), 9)
        return super().execute(sql, *values)

connect = sqlite3.connect
database_file.sqlite3.connect = lambda *a, **k: connect(*a, **k, factory=Dying)
database_file.open_database(Path(sys.argv[1]), 5.0)
"""


def test_an_update_that_is_killed_halfway_has_changed_nothing(old):
    command = [sys.executable, "-c", DIES_HALFWAY, str(old)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert version_of(old / FILE) == 1
    test_what_was_stored_is_there_after_an_update(old)


def test_an_update_that_fails_has_changed_nothing(old, monkeypatch):
    broken = {1: (*schema.MIGRATIONS[1][:8], "alter table absent add column x")}
    with monkeypatch.context() as context:
        context.setattr(database_file, "MIGRATIONS", broken)
        with pytest.raises(StoreError, match="no such table: absent"):
            Store(old)
    assert version_of(old / FILE) == 1
    test_what_was_stored_is_there_after_an_update(old)


@pytest.mark.parametrize(
    ("error", "caught", "words"),
    [
        (OSError(28, "No space left on device"), StoreError, "No space left on device"),
        (sqlite3.OperationalError("database or disk is full"), StoreFull, "Free some space"),
    ],
)
def test_without_room_for_the_copy_nothing_is_updated(old, monkeypatch, error, caught, words):
    def no_room(*_):
        if isinstance(error, sqlite3.Error):
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with monkeypatch.context() as context:
        context.setattr(database_file, "back_up", no_room)
        with pytest.raises(caught, match=words):
            Store(old)
    assert version_of(old / FILE) == 1
    Store(old).close()
    assert version_of(old / FILE) == VERSION


def test_a_copy_during_writes_is_whole(tmp_path):
    """Batches are whole or absent in it, too."""
    store = Store(tmp_path)
    run_id = store.submit("{}", "a", 1)
    _, attempt = store.claim("1:2:3")
    begun, stop = threading.Event(), threading.Event()

    def write() -> int:
        step = 0
        while not stop.wait(0.002):
            points = [(model, 0, step, bytes(400)) for model in (0, 1)]
            store.append(run_id, attempt, Batch(points=points))
            begun.set()
            step += 1
        return step

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        assert begun.wait(60)
        copies = [tmp_path / f"copy-{number}" for number in range(3)]
        for copy in copies:
            database_file.back_up(store.path, copy)
        stop.set()
        assert writing.result() > 0
    for copy in copies:
        assert version_of(copy) == VERSION
        db = sqlite3.connect(copy)
        counts = db.execute("select count(*) from point group by model").fetchall()
        assert len(set(counts)) <= 1
        db.close()
    store.close()


def test_a_database_in_wal_mode_is_read_whole(tmp_path):
    """A newer SQLite may have left it so; pages of its log are not lost by going back."""
    Store(tmp_path).close()
    db = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    db.execute("pragma journal_mode = wal")
    columns = "request_id, config, queued_at, queued_clock"
    db.execute(f"insert into run({columns}) values ('a', '{{}}', 1, 1)")
    files = {path.name: path.read_bytes() for path in tmp_path.glob(f"{FILE}*")}
    assert files[f"{FILE}-wal"]
    db.close()
    for name, data in files.items():  # as a process leaves them that ends without closing
        (tmp_path / name).write_bytes(data)
    store = Store(tmp_path)
    assert len(store.newest(9)) == 1
    assert store._db.execute("pragma journal_mode").fetchone()[0] == database_file.journal_mode()
    store.close()
