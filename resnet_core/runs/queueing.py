"""The queue in the database: what is submitted, what is asked of it, and who gets it when."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence

from .admission import check_limit, check_texts, insert, known_runs
from .database import Database
from .fair import Active, Waiting, first, startable
from .request import Request
from .run import ACTIVE

IN_ACTIVE = f"state in {ACTIVE}"
#: a run that may start: not one that was paused while it waited
STARTABLE = "state = 'queued' and want = 'run'"


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
            if known := known_runs(db, requests):
                return known
            if limit is not None:
                check_limit(db, len(requests), owner, limit)
            return [insert(db, request, owner) for request in requests]

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
