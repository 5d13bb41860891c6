"""The database file: its tables, its version, how it is opened and what its errors mean."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .processes import Lock, network_drive
from .run import ACTIVE, MODEL_ENDS, STATES, StoreError

FILE = "runs.sqlite"
#: raised when a table changes its meaning
VERSION = 2

TABLES = f"""
create table run(
  id integer primary key autoincrement,  -- a link to a deleted run must not show another one
  request_id text not null unique,       -- a double click or a rerun is the same run
  config text not null,                  -- as submitted
  resolved text,                         -- JSON: config, threads, torch, device
  state text not null default 'queued'
    check(state in {STATES}),
  want text not null default 'run' check(want in ('run', 'pause', 'stop')),
  device text not null default 'cpu',    -- where it is to train: "cpu", "cuda:0", "mps"
  slot text,                             -- of that device, since it was claimed: "cpu:1"
  turn integer not null default 0,       -- counts the claims: who was served least recently
  owner text not null default '',        -- User.id
  series text, series_kind text, series_title text,
  series_index integer, series_size integer, series_label text,
  expected_s real,                       -- of training, estimated when it was submitted
  lr_wish real,                          -- the learning rate that was asked for last
  attempt integer not null default 0,    -- fences writers that were given up
  worker text,                           -- pid:start:boot of the owner
  beat integer not null default 0,       -- counts the owner's writes
  total integer,
  ended text, reason text, sentence text not null default '',
  proof text not null default '{{}}',
  bytes integer not null default 0,      -- of its points
  queued_at real not null, queued_clock real not null,
  started_at real, first_at real, first_s real, ended_at real, elapsed_s real not null default 0);
-- two active runs on a slot are impossible, not only unlikely
create unique index run_slot on run(slot) where state in {ACTIVE};
create index run_state on run(state, id);
create index run_owner on run(owner, turn);
create index run_series on run(series, series_index);
create table model(
  run_id integer not null references run on delete cascade, model integer not null,
  steps integer not null default 0, how text check(how in {MODEL_ENDS}), end_step integer,
  path text, what text, cause text, accuracy real,
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


#: version -> what makes the next one of it, statement by statement
MIGRATIONS = {
    1: (
        "drop index run_slot",
        "alter table run rename column slot to device",  # it was 'cpu' whatever the device
        "update run set device = coalesce(case when json_valid(config) "
        "then json_extract(config, '$.device') end, 'cpu')",
        "update run set device = 'cuda:0' where device = 'cuda'",
        "alter table run add column slot text",
        f"update run set slot = iif(device = 'cpu', 'cpu:0', device) where state in {ACTIVE}",
        "alter table run add column turn integer not null default 0",
        "update run set turn = id where attempt > 0",
        "alter table run add column owner text not null default ''",
        *(
            f"alter table run add column {column}"
            for column in (
                "series text",
                "series_kind text",
                "series_title text",
                "series_index integer",
                "series_size integer",
                "series_label text",
                "expected_s real",
                "lr_wish real",
            )
        ),
        "alter table model add column cause text",
        f"create unique index run_slot on run(slot) where state in {ACTIVE}",
        "create index run_owner on run(owner, turn)",
        "create index run_series on run(series, series_index)",
    ),
}


class StoreFull(StoreError):
    """There is no room on the disk."""


class Fenced(Exception):
    """The run was given to another owner or has ended: this one has no say any more."""


def journal_mode(
    version: tuple[int, ...] = sqlite3.sqlite_version_info, *, is_local: bool = True
) -> str:
    """WAL only where its reset bug is repaired (sqlite.org/wal.html#walresetbug).

    It corrupts files that several processes write at once, as ours do. 3.40 in Debian 12 has it.
    And only on a disk of this machine: its processes share memory (sqlite.org/wal.html).
    """
    if not is_local:
        return "persist"
    repaired = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or version[:2] == (3, 44)
    return "wal" if repaired and not (3, 44) <= version < (3, 44, 6) else "persist"


def open_database(folder: Path, timeout_s: float) -> tuple[sqlite3.Connection, str | None]:
    """A connection, and a sentence if a broken file had to be moved aside for a new one."""
    path = folder / FILE
    lock = Lock(folder / "open.lock")  # two processes create the tables at once: one waits
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.take(patience_s=timeout_s)
        with plain_errors(path):
            try:
                return _open(path, timeout_s), far_away(folder)
            except sqlite3.DatabaseError as e:
                if e.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                    raise
                aside = _move_aside(path)
                return _open(path, timeout_s), (
                    f"The database of the runs was damaged. It was moved to {aside.name} "
                    "and a new one was started."
                )
    except OSError as e:
        raise StoreError(
            f"The data folder {folder} cannot be used ({e.strerror}). "
            "Set RESIDUAL_EXPLORER_DATA to a folder that you can write to."
        ) from e
    finally:
        lock.give()


def far_away(folder: Path) -> str | None:
    """A sentence for a folder on a drive of another machine (sqlite.org/howtocorrupt.html, 2.1)."""
    if (drive := network_drive(folder)) is None:
        return None
    return (
        f"The data folder {folder} is on a network drive ({drive}), where databases can be "
        "damaged. Set RESIDUAL_EXPLORER_DATA to a folder on a disk of this machine."
    )


def _open(path: Path, timeout_s: float) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    try:
        version = _readable_version(db, path)
        is_local = network_drive(path.parent) is None
        db.execute(f"pragma journal_mode = {journal_mode(is_local=is_local)}")
        db.execute("pragma synchronous = full")
        db.execute("pragma foreign_keys = on")
        db.execute("pragma trusted_schema = off")
        if version < VERSION:
            _bring_up_to_date(db, path)
        db.execute("select count(*) from run").fetchall()
        path.chmod(0o600)
    except BaseException:
        db.close()
        raise
    return db


def _readable_version(db: sqlite3.Connection, path: Path) -> int:
    version = db.execute("pragma user_version").fetchone()[0]
    if version > VERSION:
        raise StoreError(
            f"The runs in {path.parent} were stored by a newer version of this program "
            f"(database {version}, this program reads {VERSION}). Update the program, "
            "or set RESIDUAL_EXPLORER_DATA to another folder."
        )
    return version


def _bring_up_to_date(db: sqlite3.Connection, path: Path) -> None:
    """Makes or migrates the tables, all or nothing; of several processes one does it."""
    db.execute("begin immediate")  # from here on nobody else writes
    try:
        version = _readable_version(db, path)  # again: another process may have been quicker
        if 0 < version < VERSION:
            back_up(path, path.with_name(f"{FILE}.version-{version}"))
        statements = TABLES.split(";\n") if version == 0 else ()
        for old in range(max(version, 1), VERSION if version else 0):
            statements = (*statements, *MIGRATIONS[old])
        for statement in statements:
            db.execute(statement)
        db.execute(f"pragma user_version = {VERSION}")
        db.execute("commit")
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk has rolled back by itself
            db.execute("rollback")
        raise


def back_up(path: Path, copy: Path) -> None:
    """A whole copy of the database at one moment, whoever writes meanwhile; or none at all."""
    part = copy.with_name(copy.name + ".part")
    part.unlink(missing_ok=True)
    source, target = sqlite3.connect(path), sqlite3.connect(part, isolation_level=None)
    try:
        source.backup(target, sleep=0.02)  # between attempts while somebody writes
    finally:
        source.close()
        target.close()
    part.chmod(0o600)
    part.replace(copy)


def _move_aside(path: Path) -> Path:
    aside = path.with_name(f"{FILE}.broken-{time.strftime('%Y%m%d-%H%M%S')}")
    path.rename(aside)
    for suffix in ("-journal", "-wal", "-shm"):  # they belong to the broken file
        path.with_name(FILE + suffix).unlink(missing_ok=True)
    return aside


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """SQLite's errors -> StoreError with a sentence for the user."""
    try:
        yield
    except sqlite3.Error as e:
        kind = getattr(e, "sqlite_errorcode", None)
        if kind is None:  # a mistake of ours: closed connection, wrong parameter
            raise
        error, sentence = SENTENCES.get(kind & 0xFF, (StoreError, "The database failed ({e})."))
        raise error(sentence.format(folder=path.parent, e=e)) from e


#: SQLite's primary result code -> (error, sentence)
SENTENCES = {
    sqlite3.SQLITE_FULL: (
        StoreFull,
        "The disk of the data folder {folder} is full. Free some space, or set "
        "RESIDUAL_EXPLORER_DATA to a folder on another disk.",
    ),
    sqlite3.SQLITE_IOERR: (
        StoreError,
        "The data folder {folder} cannot be written ({e}). Check the disk and its free space.",
    ),
    sqlite3.SQLITE_BUSY: (
        StoreError,
        "Another program keeps the database in {folder} locked. Close it and try again.",
    ),
    sqlite3.SQLITE_READONLY: (
        StoreError,
        "The data folder {folder} is read-only. Set RESIDUAL_EXPLORER_DATA to a folder that "
        "you can write to.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StoreError,
        "The database in {folder} cannot be opened. Check the rights of the folder, or set "
        "RESIDUAL_EXPLORER_DATA to another one.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        StoreError,
        "The database in {folder} is damaged. Restart the app: it moves the file aside and "
        "starts a new one.",
    ),
    sqlite3.SQLITE_NOTADB: (
        StoreError,
        "The database in {folder} is damaged. Restart the app: it moves the file aside and "
        "starts a new one.",
    ),
}
