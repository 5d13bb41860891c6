"""The queue in the database: what is submitted, what is asked of it, and who gets it when."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .database import Database
from .fair import Active, Waiting, first, startable
from .run import ACTIVE, EngineError, SeriesPlace

IN_ACTIVE = f"state in {ACTIVE}"
#: a run that may start: not one that was paused while it waited
STARTABLE = "state = 'queued' and want = 'run'"
#: a series of so many runs may be submitted by who has no other, whatever the limit
SERIES_FITS = 8
MAX_TEXT = 300  # characters of an owner's id, a request id, a title


@dataclass(frozen=True, kw_only=True)
class Request:
    """A run that shall be queued."""

    config: str  # JSON
    request_id: str
    total: int | None = None  # steps; None for a time budget
    device: str = "cpu"  # as fair.device_of gives it
    expected_s: float | None = None  # of training
    series: SeriesPlace | None = None


def nobody_holds(slot: str) -> bool:
    return False


class Queue(Database):
    """Runs until they are claimed. Whoever claims one owns it, by its attempt number."""

    def submit(self, config: str, request_id: str, total: int | None) -> int:
        """Queues one run of nobody on the CPU."""
        request = Request(config=config, request_id=request_id, total=total)
        return self.submit_all([request])[0]

    def submit_all(
        self, requests: Sequence[Request], owner: str = "", limit: int | None = None
    ) -> list[int]:
        """Queues all or none, and gives their numbers.

        The same request ids give the same runs, however often and from where. Raises EngineError
        if `owner` would have more than `limit` runs that are not over.
        """
        check_texts(requests, owner)
        with self._writing() as db:
            if known := _known(db, requests):
                return known
            if limit is not None:
                _check_limit(db, len(requests), owner, limit)
            return [_insert(db, request, owner) for request in requests]

    def want(self, run_id: int, want: str) -> None:
        """What the user asks of a run. A queued one that shall stop has ended with that."""
        with self._writing() as db:
            db.execute(
                "update run set want = ? where id = ? and state != 'ended' and want != 'stop'",
                (want, run_id),
            )
            _take_out(db, run_id)

    def wish_lr(self, run_id: int, lr: float) -> None:
        """Another learning rate for a run that is not over; its owner reads it with `wanted`."""
        with self._writing() as db:
            db.execute("update run set lr_wish = ? where id = ? and state != 'ended'", (lr, run_id))

    def can_claim(self, cpu_slots: int = 1, is_held: Callable[[str], bool] = nobody_holds) -> bool:
        """Whether `claim` would give a run now."""
        return self._next(cpu_slots, is_held) is not None

    def claim(
        self, worker: str, cpu_slots: int = 1, is_held: Callable[[str], bool] = nobody_holds
    ) -> tuple[int, int] | None:
        """Gives the run that is next to `worker` if its device has a free slot -> (run, attempt).

        `is_held(slot)` may know of a process that still has a slot which no run holds any more.
        """
        with self._writing() as db:
            found = self._next(cpu_slots, is_held)
            return _claim(db, found[0].id, found[1], worker) if found else None

    def claim_next_of_series(self, worker: str, run_id: int) -> tuple[int, int] | None:
        """After its run `run_id` is over: the next of the same series, on the same slot.

        None if there is none, or if the slot is somebody else's turn. The processes that trained
        the last run are warm, and so is what they have in memory.
        """
        with self._writing() as db:
            last = self.row(run_id)
            if last is None or last["state"] != "ended" or last["worker"] != worker:
                return None
            if db.execute(
                f"select 1 from run where slot = ? and {IN_ACTIVE}", (last["slot"],)
            ).fetchone():
                return None
            following = db.execute(
                f"select id from run where series = ? and device = ? and {STARTABLE} "
                "order by series_index limit 1",
                (last["series"], last["device"]),
            ).fetchone()
            if following is None:
                return None
            waiting = [run for run in self.waiting() if run.device == last["device"]]
            active = Counter(row["owner"] for row in self.active())
            if first(waiting, active, self.turns()).owner != last["owner"]:
                return None
            return _claim(db, following["id"], last["slot"], worker)

    def requeue(self, run_id: int, attempt: int) -> None:
        """Back into the queue, at its old place: its worker died before it had begun.

        One that shall stop has ended with that.
        """
        with self._writing() as db:
            db.execute(
                "update run set state = 'queued', worker = null, slot = null "
                "where id = ? and attempt = ? and state = 'starting'",
                (run_id, attempt),
            )
            _take_out(db, run_id)

    def row(self, run_id: int) -> sqlite3.Row | None:
        rows = self._read("select * from run where id = ?", (run_id,))
        return rows[0] if rows else None

    def active(self) -> list[sqlite3.Row]:
        return self._read(f"select * from run where {IN_ACTIVE}")

    def waiting(self) -> list[Waiting]:
        """Queued runs that may start, the oldest first."""
        sql = f"select id, owner, device, expected_s from run where {STARTABLE} order by id"
        return [Waiting(**dict(row)) for row in self._read(sql)]

    def turns(self) -> dict[str, int]:
        """owner -> number of the claim by which he was served last, 0 for never."""
        return dict(map(tuple, self._read("select owner, max(turn) from run group by owner")))

    def num_queued(self) -> int:
        """Runs that wait for a slot; not those that were paused while they waited."""
        return self._read(f"select count(*) from run where {STARTABLE}")[0][0]

    def _next(self, cpu_slots: int, is_held: Callable[[str], bool]) -> tuple[Waiting, str] | None:
        if not (waiting := self.waiting()):
            return None
        active = [Active(owner=row["owner"], slot=row["slot"]) for row in self.active()]
        return startable(waiting, active, self.turns(), cpu_slots, is_held)


def check_texts(requests: Sequence[Request], owner: str) -> None:
    """Raises EngineError for what would make SQLite fail with words that mislead."""
    texts = [owner]
    for request in requests:
        texts.append(request.request_id)
        if place := request.series:
            texts += [place.id, place.kind, place.title, place.label]
    if any(len(text) > MAX_TEXT or not text.isprintable() for text in texts):
        raise EngineError(
            "The run was not queued: a name in it is too long or has characters that cannot be "
            "shown. Use plain text."
        )


def _known(db: sqlite3.Connection, requests: Sequence[Request]) -> list[int]:
    """The runs of these request ids; of a series all that are still kept."""
    marks = ", ".join("?" * len(requests))
    sql = f"select id from run where request_id in ({marks}) order by id"
    return [row["id"] for row in db.execute(sql, [r.request_id for r in requests]).fetchall()]


def _check_limit(db: sqlite3.Connection, more: int, owner: str, limit: int) -> None:
    sql = "select count(*) from run where owner = ? and state != 'ended'"
    unfinished = db.execute(sql, (owner,)).fetchone()[0]
    if unfinished + more <= limit or (not unfinished and more <= SERIES_FITS):
        return
    if not unfinished:
        raise EngineError(
            f"A series of {more} runs is too long: at most {max(limit, SERIES_FITS)} runs of one "
            "person may wait at once. Make it shorter."
        )
    have = "one run" if unfinished == 1 else f"{unfinished} runs"
    raise EngineError(
        f"You have {have} queued or training, and at most {limit} may be yours at once. "
        "Wait until one ends, or stop one."
    )


def _insert(db: sqlite3.Connection, request: Request, owner: str) -> int:
    place = request.series
    row = {
        "config": request.config,
        "request_id": request.request_id,
        "total": request.total,
        "device": request.device,
        "owner": owner,
        "expected_s": request.expected_s,
        "queued_at": time.time(),
        "queued_clock": time.monotonic(),
    }
    if place:
        row |= {
            "series": place.id,
            "series_kind": place.kind,
            "series_title": place.title,
            "series_index": place.index,
            "series_size": place.size,
            "series_label": place.label,
        }
    marks = ", ".join("?" * len(row))
    sql = f"insert into run({', '.join(row)}) values ({marks})"
    return db.execute(sql, tuple(row.values())).lastrowid


def _take_out(db: sqlite3.Connection, run_id: int) -> None:
    """Ends a run that waits and shall stop: nobody would ever start it."""
    db.execute(
        "update run set state = 'ended', ended = 'stopped', ended_at = ?, sentence = "
        "'Taken out of the queue.' where id = ? and state = 'queued' and want = 'stop'",
        (time.time(), run_id),
    )


def _claim(db: sqlite3.Connection, run_id: int, slot: str, worker: str) -> tuple[int, int]:
    sql = (
        "update run set state = 'starting', attempt = attempt + 1, worker = ?, slot = ?, "
        "turn = 1 + (select max(turn) from run) where id = ? returning attempt"
    )
    return run_id, db.execute(sql, (worker, slot, run_id)).fetchone()["attempt"]
