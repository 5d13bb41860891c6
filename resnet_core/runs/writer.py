"""How an owner stores what its ledger has gathered, and hears what the user wants."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from .ledger import Ledger
from .limits import Limits
from .logs import say
from .store import Fenced, Store, StoreError, Wish

Found = TypeVar("Found")


class Writer:
    """The only one to write a run, for as long as its attempt is the last one."""

    def __init__(self, store: Store, run_id: int, attempt: int, limits: Limits):
        self._store, self._run_id, self._attempt = store, run_id, attempt
        self._limits = limits
        row = store.row(run_id)
        self._queued_clock = row["queued_clock"]
        self.ledger = Ledger()
        self.wish = Wish()
        self.elapsed_s = 0.0  # of training, for the next batch
        self._stored_at = self._tried_at = self._asked_at = time.monotonic()

    def set(self, **columns: object) -> None:
        """Of the run, with the next batch."""
        self.ledger.batch.run |= columns

    def write_if_due(self, *, at_once: bool = False) -> None:
        """Stores what there is now and then; asks for the user's wish more often."""
        now = time.monotonic()
        if at_once or self._is_due(now):
            self.write()
        elif now - self._asked_at > self._limits.flush_s:
            self.ask()

    def ask(self) -> None:
        """What the user wants by now."""
        self._asked_at = time.monotonic()
        with suppress(StoreError):  # a locked file may pass
            self.wish = self._store.wanted(self._run_id, self._attempt)

    def _is_due(self, now: float) -> bool:
        """Something to store, or a sign of life to give; less often while storing fails."""
        if self._tried_at > self._stored_at:
            return now - self._tried_at > 0.5
        busy = self.ledger.batch.points or self.ledger.batch.models
        return now - self._stored_at > (self._limits.flush_s if busy else self._limits.beat_s)

    def write(self, also: Callable[[], Found] = lambda: None) -> Found | None:
        """Stores the batch and learns what the user wants. A full disk may pass, for a while.

        What `also` does in the store belongs to it: nobody sees the one without the other. Gives
        what that gave, None if nothing was stored.
        """
        batch, found = self.ledger.take(), None
        batch.run["elapsed_s"] = self.elapsed_s
        if "first_at" in batch.run:
            batch.run["first_s"] = time.monotonic() - self._queued_clock
        self._tried_at = time.monotonic()
        try:
            if not self._store.is_same_file():
                raise Fenced("the database was deleted or replaced")
            with self._store.as_one():
                self.wish = self._store.append(self._run_id, self._attempt, batch)
                found = also()
        except StoreError as e:
            say(f"not stored: {e}")
            if self._tried_at - self._stored_at > self._limits.patience_s:
                raise
            return None
        self.ledger.stored()
        self._stored_at = self._asked_at = time.monotonic()
        return found

    def write_all(self, also: Callable[[], Found]) -> Found | None:
        """The same, but it returns when nothing is left."""
        found = self.write(also)
        while self.ledger.batch.run:  # not stored: there may be room in a moment
            time.sleep(0.5)
            found = self.write(also)
        return found
