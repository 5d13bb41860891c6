"""Runs and their curves for many viewers; curves are read once and then only continued."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import OrderedDict
from contextlib import suppress

import numpy as np

from .places import FRESH_S, Places
from .rows import run_from
from .run import ModelRecords, Run
from .store import Store, StoreError

#: runs whose curves stay in memory: all that the viewers of one server look at
MAX_CACHED = 16
#: runs that can be shown without their curves while the database cannot be read
MAX_KNOWN = 256


class Curve:
    """One channel of one net: a growing array of float32 rows."""

    def __init__(self, row: sqlite3.Row):
        self.name, self.kind, self.place = row["name"], row["kind"], row["id"]
        self.labels = tuple(json.loads(row["labels"]))
        self._steps = np.empty(64, np.int64)
        self._values = np.empty((64, len(self.labels)), np.float32)
        self.length = 0

    @property
    def last_step(self) -> int:
        return int(self._steps[self.length - 1]) if self.length else -1

    def extend(self, rows: list[sqlite3.Row]) -> None:
        end = self.length + len(rows)
        if end > len(self._steps):  # a new array: those who hold a view of the old one keep it
            more = max(end, 2 * len(self._steps)) - self.length
            self._steps = np.concatenate([self._steps[: self.length], np.empty(more, np.int64)])
            blank = np.empty((more, len(self.labels)), np.float32)
            self._values = np.concatenate([self._values[: self.length], blank])
        if rows:
            self._steps[self.length : end] = [row["step"] for row in rows]
            values = np.frombuffer(b"".join(row["v"] for row in rows), "<f4")
            self._values[self.length : end] = values.reshape(len(rows), -1)
        self.length = end

    def view(self, last: int) -> tuple[np.ndarray, np.ndarray]:
        """(steps, values) up to a step; they do not change any more."""
        length = np.searchsorted(self._steps[: self.length], last, side="right")
        steps, values = self._steps[:length], self._values[:length]
        steps.flags.writeable = values.flags.writeable = False
        return steps, values


class Curves:
    """All channels of one run as far as they have been read."""

    def __init__(self, run_id: int):
        self.run_id, self.models, self.is_final = run_id, {}, False
        self.read_at = -1.0  # monotonic
        self.shown: list[ModelRecords] = []

    def refresh(self, store: Store) -> None:
        # asked first: what is stored before the end is stored, is read below
        row = store.row(self.run_id)
        is_final = row is None or row["state"] == "ended"
        for channel in store.channels(self.run_id):
            curves = self.models.setdefault(channel["model"], {})
            if channel["id"] not in curves:
                curves[channel["id"]] = Curve(channel)
        for model, curves in self.models.items():
            for curve in curves.values():
                rows = store.points(self.run_id, model, curve.place, curve.last_step)
                curve.extend(rows)
        self.shown = [self._show(model, curves) for model, curves in sorted(self.models.items())]
        self.read_at = time.monotonic()
        self.is_final = is_final  # last: a read that failed is tried again

    def _show(self, model: int, curves: dict[int, Curve]) -> ModelRecords:
        # a batch that was stored while we read may have reached only the later channels
        first = curves[min(curves)]  # the scalars, of every step
        last, scalars, per_op, probe_steps = first.last_step, {}, {}, {}
        for curve in curves.values():
            steps, values = curve.view(last)
            if curve.kind == "scalars":
                scalars = {name: values[:, i] for i, name in enumerate(curve.labels)}
            else:
                per_op[curve.name], probe_steps[curve.name] = values, steps
        return ModelRecords(
            model=model,
            labels={c.name: c.labels for c in curves.values() if c.kind == "per_op"},
            steps=first.view(last)[0],
            scalars=scalars,
            per_op=per_op,
            probe_steps=probe_steps,
        )


class Reader:
    """Runs and curves for many viewers. Safe to call from any thread.

    While the store cannot be read it gives what it has read last.
    """

    def __init__(self, store: Store, cpu_slots: int = 1):
        self._store = store
        self._places = Places(store, cpu_slots)
        self._lock = threading.Lock()
        self._runs: OrderedDict[int, Curves] = OrderedDict()
        self._known_lock = threading.Lock()
        self._known: OrderedDict[int, Run] = OrderedDict()

    def run(self, run_id: int) -> Run | None:
        """None if there is no such run. Raises StoreError if that cannot be told now."""
        try:
            row = self._store.row(run_id)
            run = run_from(row, self._store, self._places) if row else None
        except StoreError:
            with self._known_lock:
                if run_id not in self._known:
                    raise
                return self._known[run_id]
        self._remember({run_id: run})
        return run

    def runs(self, limit: int) -> list[Run]:
        """The newest first."""
        try:
            return self._runs_of(self._store.newest(limit))
        except StoreError:
            return sorted(self._all_known(), key=lambda run: -run.id)[:limit]

    def series(self, series_id: str) -> list[Run]:
        """In their order."""
        try:
            return self._runs_of(self._store.series(series_id))
        except StoreError:
            known = [run for run in self._all_known() if run.series]
            mine = [run for run in known if run.series.id == series_id]
            return sorted(mine, key=lambda run: run.series.index)

    def _runs_of(self, rows: list[sqlite3.Row]) -> list[Run]:
        runs = {row["id"]: run_from(row, self._store, self._places) for row in rows}
        self._remember(runs)
        return [run for run in runs.values() if run]

    def _all_known(self) -> list[Run]:
        with self._known_lock:
            return list(self._known.values())

    def _remember(self, runs: dict[int, Run | None]) -> None:
        with self._known_lock:
            for run_id, run in runs.items():
                self._known.pop(run_id, None)
                if run:
                    self._known[run_id] = run
            while len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)

    def _is_over(self, run_id: int) -> bool:
        """As far as anybody has been told."""
        with self._known_lock:
            known = self._known.get(run_id)
        return known is not None and known.is_over

    def records(self, run_id: int) -> list[ModelRecords]:
        """One entry per net; reads only what is new since the last call."""
        with self._lock:
            curves = self._runs.pop(run_id, None) or Curves(run_id)
            self._runs[run_id] = curves
            while len(self._runs) > MAX_CACHED:
                self._runs.popitem(last=False)
            # until the first record all look closely; who was told of the end, looks no more after
            fresh_s = FRESH_S if curves.shown and not self._is_over(run_id) else 0.0
            if not curves.is_final and time.monotonic() - curves.read_at > fresh_s:
                with suppress(StoreError):
                    curves.refresh(self._store)
            return curves.shown
