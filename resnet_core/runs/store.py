"""The only truth about runs: one SQLite file per data folder.

Owners write, each fenced by its attempt number; pages read. A batch goes in whole or not at all.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from .run import ACTIVE, Speed, StoreError
from .schema import FILE, Fenced, StoreFull, open_database, plain_errors

__all__ = ["Batch", "Fenced", "Store", "StoreError", "StoreFull", "Wish"]

IN_ACTIVE = f"state in {ACTIVE}"


@dataclass(frozen=True)
class Wish:
    """What the user wants of a run that goes on."""

    want: str = "run"  # "run", "pause" or "stop"
    lr: float | None = None  # another learning rate; None while nobody has asked for one


@dataclass
class Batch:
    """What an owner has gathered since its last commit. Writing it twice changes nothing."""

    channels: list[tuple] = field(default_factory=list)  # model, id, name, kind, labels as JSON
    points: list[tuple] = field(default_factory=list)  # model, channel, step, blob
    models: dict[int, dict] = field(default_factory=dict)  # model -> columns to set
    run: dict[str, object] = field(default_factory=dict)  # columns to set


class Store:
    """The database of one data folder. Safe to share between threads; never between processes."""

    def __init__(self, folder: Path, *, timeout_s: float = 5.0, max_pages: int | None = None):
        self.folder = Path(folder)
        self.path = self.folder / FILE
        self._lock = threading.RLock()
        self._db, self.notice = open_database(self.folder, timeout_s)
        self._is_open = True
        self._inode = self.path.stat().st_ino
        if max_pages is not None:
            self._db.execute(f"pragma max_page_count = {int(max_pages)}")

    def close(self) -> None:
        """Whoever still holds the store, in another thread, gets a StoreError."""
        with self._lock:
            self._is_open = False
            self._db.close()

    def is_same_file(self) -> bool:
        """False once the file was deleted or replaced: SQLite would go on writing into nothing."""
        with suppress(OSError):
            return self.path.stat().st_ino == self._inode
        return False

    def submit(self, config: str, request_id: str, total: int | None) -> int:
        """Queues a run; the same request id gives the same run, however often and from where."""
        known = "select id from run where request_id = ?"
        with self._writing() as db:
            row = db.execute(known, (request_id,)).fetchone()
            if row is None:
                db.execute(
                    "insert into run(config, request_id, total, queued_at, queued_clock) "
                    "values (?, ?, ?, ?, ?)",
                    (config, request_id, total, time.time(), time.monotonic()),
                )
                row = db.execute(known, (request_id,)).fetchone()
            return row["id"]

    def want(self, run_id: int, want: str) -> None:
        """What the user asks of a run. A queued one that shall stop has ended with that."""
        with self._writing() as db:
            db.execute(
                "update run set want = ? where id = ? and state != 'ended' and want != 'stop'",
                (want, run_id),
            )
            if want == "stop":
                db.execute(
                    "update run set state = 'ended', ended = 'stopped', ended_at = ?, "
                    "sentence = 'Taken out of the queue.' where id = ? and state = 'queued'",
                    (time.time(), run_id),
                )

    def claim(self, worker: str) -> tuple[int, int] | None:
        """Gives the oldest queued run to `worker` if the slot is free -> (run, attempt)."""
        with self._writing() as db:
            row = db.execute(
                "select id, attempt + 1 as attempt from run where state = 'queued' and want = 'run'"
                f" and not exists (select 1 from run where {IN_ACTIVE}) order by id limit 1"
            ).fetchone()
            if row is None:
                return None
            db.execute(
                "update run set state = 'starting', attempt = ?, worker = ?, slot = 'cpu:0' "
                "where id = ?",
                (row["attempt"], worker, row["id"]),
            )
            return row["id"], row["attempt"]

    def requeue(self, run_id: int, attempt: int) -> None:
        """Back into the queue, at its old place: its worker died before it had begun."""
        with self._writing() as db:
            db.execute(
                "update run set state = 'queued', worker = null "
                "where id = ? and attempt = ? and state = 'starting'",
                (run_id, attempt),
            )

    def append(self, run_id: int, attempt: int, batch: Batch) -> Wish:
        """Stores a batch and gives what the user wants. Raises Fenced or StoreError."""
        with self._writing() as db:
            wish = self.wanted(run_id, attempt)
            for table, rows in (("channel", batch.channels), ("point", batch.points)):
                if rows:
                    marks = ", ".join("?" * (1 + len(rows[0])))
                    rows = [(run_id, *row) for row in rows]
                    db.executemany(f"insert or replace into {table} values ({marks})", rows)
            for model, columns in batch.models.items():
                db.execute(
                    "insert or ignore into model(run_id, model) values (?, ?)", (run_id, model)
                )
                _update(db, "model", columns, "run_id = ? and model = ?", (run_id, model))
            _update(db, "run", batch.run, "id = ?", (run_id,))
            db.execute("update run set beat = beat + 1 where id = ?", (run_id,))
            return wish

    def wanted(self, run_id: int, attempt: int) -> Wish:
        """What the user wants of a run, as its owner may ask. Raises Fenced for any other."""
        rows = self._read(
            f"select want, lr_wish from run where id = ? and attempt = ? and {IN_ACTIVE}",
            (run_id, attempt),
        )
        if not rows:
            raise Fenced(f"run {run_id}, attempt {attempt}")
        return Wish(rows[0]["want"], rows[0]["lr_wish"])

    def wish_lr(self, run_id: int, lr: float) -> None:
        """Another learning rate for a run that is not over; its owner reads it with `wanted`."""
        with self._writing() as db:
            db.execute("update run set lr_wish = ? where id = ? and state != 'ended'", (lr, run_id))

    def end(self, run_id: int, attempt: int, *, ended: str, reason: str, sentence: str) -> bool:
        """Ends a run from outside. False if it had already ended or has another owner."""
        with self._writing() as db:
            changed = db.execute(
                "update run set state = 'ended', ended = ?, reason = ?, sentence = ?, ended_at = ? "
                f"where id = ? and attempt = ? and {IN_ACTIVE}",
                (ended, reason or None, sentence, time.time(), run_id, attempt),
            )
            return changed.rowcount == 1

    def row(self, run_id: int) -> sqlite3.Row | None:
        rows = self._read("select * from run where id = ?", (run_id,))
        return rows[0] if rows else None

    def newest(self, limit: int) -> list[sqlite3.Row]:
        return self._read("select * from run order by id desc limit ?", (limit,))

    def active(self) -> list[sqlite3.Row]:
        return self._read(f"select * from run where {IN_ACTIVE}")

    def num_queued(self) -> int:
        """Runs that wait for the slot; not those that were paused while they waited."""
        sql = "select count(*) from run where state = 'queued' and want = 'run'"
        return self._read(sql)[0][0]

    def position(self, run_id: int) -> int:
        """1 = the next to start."""
        return self._read("select count(*) from run where state = 'queued' and id <= ?", (run_id,))[
            0
        ][0]

    def models(self, run_id: int) -> list[sqlite3.Row]:
        return self._read("select * from model where run_id = ? order by model", (run_id,))

    def last_step(self, run_id: int) -> int | None:
        """The last step of which any net's record is kept."""
        return self._read("select max(steps) - 1 from model where run_id = ?", (run_id,))[0][0]

    def channels(self, run_id: int) -> list[sqlite3.Row]:
        return self._read("select * from channel where run_id = ? order by model, id", (run_id,))

    def points(self, run_id: int, model: int, channel: int, after: int) -> list[sqlite3.Row]:
        return self._read(
            "select step, v from point where run_id = ? and model = ? and channel = ? and step > ? "
            "order by step",
            (run_id, model, channel, after),
        )

    def speed(self, device: str) -> Speed | None:
        rows = self._read("select * from speed where device = ?", (device,))
        return Speed(**dict(rows[0])) if rows else None

    def keep_speed(self, speed: Speed) -> None:
        with self._writing() as db:
            row = (speed.device, speed.op_overhead_s, speed.macs_per_s)
            db.execute("insert or replace into speed values (?, ?, ?)", row)

    def forget_speeds(self) -> None:
        with self._writing() as db:
            db.execute("delete from speed")

    def prune(self, keep_runs: int, keep_bytes: int) -> int:
        """Deletes the oldest ended runs beyond a number of runs or of bytes -> how many."""
        with self._writing() as db:
            ended = "select id, bytes from run where state = 'ended' order by id desc"
            kept, doomed = 0, []
            for place, row in enumerate(db.execute(ended).fetchall()):
                kept += row["bytes"]
                if place >= keep_runs or (kept > keep_bytes and place > 0):
                    doomed.append((row["id"],))
            db.executemany("delete from run where id = ?", doomed)
            return len(doomed)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction. Immediate: one that first reads and then writes may not wait."""
        with self._alone():
            self._db.execute("begin immediate")
            try:
                yield self._db
                self._db.execute("commit")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has rolled back by itself
                    self._db.execute("rollback")
                raise

    def _read(self, sql: str, values: tuple = ()) -> list[sqlite3.Row]:
        """All rows at once: an unfinished cursor would keep a lock on the file."""
        with self._alone():
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._lock, plain_errors(self.path):
            if not self._is_open:
                raise StoreError(
                    f"The database in {self.folder} was closed, deleted or replaced. Try again."
                )
            yield


def _update(db: sqlite3.Connection, table: str, columns: dict, where: str, values: tuple) -> None:
    if columns:
        names = ", ".join(f"{name} = ?" for name in columns)  # from our code, never from a user
        db.execute(f"update {table} set {names} where {where}", (*columns.values(), *values))


def as_json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
