"""The only truth about runs: one SQLite file per data folder.

Owners write, each fenced by its attempt number; pages read. A batch goes in whole or not at all.
"""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass, field

from .database_errors import StoreFull
from .queueing import IN_ACTIVE, Queue
from .request import Request
from .run import Speed, StoreError

__all__ = ["Batch", "Fenced", "Request", "Store", "StoreError", "StoreFull", "Wish"]


class Fenced(Exception):
    """The run was given to another owner or has ended: this one has no say any more."""


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


class Store(Queue):
    """The runs of one data folder: those who own one write it, everybody reads."""

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

    def end(self, run_id: int, attempt: int, *, ended: str, reason: str, sentence: str) -> bool:
        """Ends a run from outside. False if it had already ended or has another owner."""
        with self._writing() as db:
            changed = db.execute(
                "update run set state = 'ended', ended = ?, reason = ?, sentence = ?, ended_at = ? "
                f"where id = ? and attempt = ? and {IN_ACTIVE}",
                (ended, reason or None, sentence, time.time(), run_id, attempt),
            )
            return changed.rowcount == 1

    def newest(self, limit: int) -> list[sqlite3.Row]:
        return self._read("select * from run order by id desc limit ?", (limit,))

    def series(self, series_id: str) -> list[sqlite3.Row]:
        return self._read("select * from run where series = ? order by series_index", (series_id,))

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


def _update(db: sqlite3.Connection, table: str, columns: dict, where: str, values: tuple) -> None:
    if columns:
        names = ", ".join(f"{name} = ?" for name in columns)  # from our code, never from a user
        db.execute(f"update {table} set {names} where {where}", (*columns.values(), *values))


def as_json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
