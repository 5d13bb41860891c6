"""Who waits for which device, at what place and for how long, for all who look."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable

from .fair import Active, Place, Waiting, forecast, slots_of
from .locks import held_sentence, slot_lock
from .rows import eta_s, progress_from
from .run import WAITS
from .store import Store

BEHIND_PAUSED = "A paused run keeps the device until it goes on and ends, or is stopped."
#: seconds within which viewers share one look into the database
FRESH_S = 0.1


class Places:
    """Who waits for what, looked at once for all that look within FRESH_S."""

    def __init__(self, store: Store, cpu_slots: int):
        self._store, self._cpu_slots = store, cpu_slots
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._waiting: dict[int, Waiting] = {}
        self._active: list[Active] = []
        self._turns: dict[str, int] = {}
        self._places: dict[str, dict[int, Place]] = {}  # of each device

    def of(self, row: sqlite3.Row) -> Place:
        """Of a queued run. Of one that was paused in the queue: as if it went on now."""
        with self._lock:
            stale = time.monotonic() - self._looked_at > FRESH_S
            is_new = row["want"] == "run" and row["id"] not in self._waiting
            if stale or is_new:
                self._look()
            if row["id"] not in self._waiting:
                run = Waiting(**{name: row[name] for name in ("id", "owner", "device")})
                return self._forecast(row["device"], run)[row["id"]]
            if row["device"] not in self._places:
                self._places[row["device"]] = self._forecast(row["device"])
            return self._places[row["device"]][row["id"]]

    def sentence(self, row: sqlite3.Row, place: Place) -> str:
        if row["want"] == "pause":
            return "Paused; it keeps its place in the queue."
        slots = slots_of(row["device"], self._cpu_slots)
        taken = {run.slot: run for run in self._active}
        free = [slot for slot in slots if slot not in taken]
        if place.position == 1 and free:
            return self._held_by_stranger(free)
        return WAITS if free or not all(taken[slot].is_paused for slot in slots) else BEHIND_PAUSED

    def _held_by_stranger(self, slots: Iterable[str]) -> str:
        """For a run that could start, if no process held the slots that no run holds."""
        for slot in slots:
            lock = slot_lock(self._store.folder, slot)
            if not lock.path.exists() or (pid := lock.holder()) is None:
                return WAITS
        return held_sentence(pid)

    def _look(self) -> None:
        self._waiting = {run.id: run for run in self._store.waiting()}
        self._active = [active_from(row, self._store) for row in self._store.active()]
        self._turns = self._store.turns()
        self._places = {}
        self._looked_at = time.monotonic()

    def _forecast(self, device: str, *more: Waiting) -> dict[int, Place]:
        waiting = [*self._waiting.values(), *more]
        return forecast(device, waiting, self._active, self._turns, self._cpu_slots)


def active_from(row: sqlite3.Row, store: Store) -> Active:
    left_s, is_paused = None, row["want"] == "pause" or row["state"] == "paused"
    if not is_paused:
        left_s = eta_s(row, tuple(progress_from(m) for m in store.models(row["id"])))
        if left_s is None and row["expected_s"] is not None:  # it has no pace of its own yet
            left_s = max(row["expected_s"] - row["elapsed_s"], 0.0)
    return Active(owner=row["owner"], slot=row["slot"], left_s=left_s, is_paused=is_paused)
