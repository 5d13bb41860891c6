"""Rows of the store -> what a page shows; curves are read once and then only continued."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from functools import lru_cache

import numpy as np

from resnet_core.proof import Proof
from resnet_core.spec import SpecError

from .run import ModelEnd, ModelProgress, ModelRecords, Resolved, Run
from .store import Store, StoreError

#: runs whose curves stay in memory: all that the viewers of one server look at
MAX_CACHED = 16
#: runs that can be shown without their curves while the database cannot be read
MAX_KNOWN = 256
#: seconds within which viewers share one look into the database
FRESH_S = 0.1


@lru_cache(maxsize=256)
def config_from(text: str):
    from resnet_core.train import RunConfig  # here: it imports torch

    return RunConfig.from_json(text)


def shown(row: sqlite3.Row, store: Store) -> Run | None:
    """None for a run whose config this version of the program cannot read."""
    with suppress(SpecError):
        return run_from(row, store)
    return None


def run_from(row: sqlite3.Row, store: Store) -> Run:
    models = tuple(progress_from(m) for m in store.models(row["id"]))
    queued = row["state"] == "queued"
    return Run(
        config=config_from(row["config"]),
        resolved=resolved_from(row["resolved"]),
        position=store.position(row["id"]) if queued else None,
        total_steps=row["total"],
        models=models,
        proof=proof_from(row["proof"]),
        sentence="Waiting for its turn." if queued else row["sentence"] or "Starting.",
        started_at=row["started_at"],
        first_record_at=row["first_at"],
        first_record_s=row["first_s"],
        eta_s=eta_s(row, models),
        lr=row["lr_wish"],
        **{name: row[name] for name in SAME},
    )


#: columns that a page sees as they are
SAME = (
    "id",
    "request_id",
    "state",
    "ended",
    "reason",
    "want",
    "queued_at",
    "ended_at",
    "elapsed_s",
    "owner",
    "slot",
)


def resolved_from(text: str | None) -> Resolved | None:
    if text is None:
        return None
    data = json.loads(text)
    return Resolved(**{**data, "config": config_from(json.dumps(data["config"]))})


def proof_from(text: str) -> Proof:
    data = json.loads(text)
    names = {name: tuple(data[name]) for name in ("only_0", "only_1") if name in data}
    return Proof(**{**data, **names})


def progress_from(row: sqlite3.Row) -> ModelProgress:
    end = row["how"] and ModelEnd(
        how=row["how"],
        step=row["end_step"],
        path=row["path"],
        what=row["what"],
        cause=row["cause"],
    )
    return ModelProgress(
        model=row["model"], steps_done=row["steps"], end=end, accuracy=row["accuracy"]
    )


def eta_s(row: sqlite3.Row, models: tuple[ModelProgress, ...]) -> float | None:
    """Seconds of training that are left, by the pace so far; the slowest net decides."""
    todo = [m.steps_done for m in models if m.end is None]
    if row["state"] not in ("running", "paused") or not todo or not row["total"] or not min(todo):
        return None
    done = min(todo)
    return row["elapsed_s"] / done * (row["total"] - done)


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

    def __init__(self, store: Store):
        self._store = store
        self._lock = threading.Lock()
        self._runs: OrderedDict[int, Curves] = OrderedDict()
        self._known_lock = threading.Lock()
        self._known: OrderedDict[int, Run] = OrderedDict()

    def run(self, run_id: int) -> Run | None:
        """None if there is no such run. Raises StoreError if that cannot be told now."""
        try:
            row = self._store.row(run_id)
            run = shown(row, self._store) if row else None
        except StoreError:
            with self._known_lock:
                if run_id not in self._known:
                    raise
                return self._known[run_id]
        self._remember({run_id: run})
        return run

    def runs(self, limit: int) -> list[Run]:
        try:
            runs = {row["id"]: shown(row, self._store) for row in self._store.newest(limit)}
        except StoreError:
            with self._known_lock:
                newest = sorted(self._known, reverse=True)[:limit]
                return [self._known[run_id] for run_id in newest]
        self._remember(runs)
        return [run for run in runs.values() if run]

    def series(self, series_id: str) -> list[Run]:
        return []  # none can be stored yet

    def _remember(self, runs: dict[int, Run | None]) -> None:
        with self._known_lock:
            for run_id, run in runs.items():
                self._known.pop(run_id, None)
                if run:
                    self._known[run_id] = run
            while len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)

    def records(self, run_id: int) -> list[ModelRecords]:
        """One entry per net; reads only what is new since the last call."""
        with self._lock:
            curves = self._runs.pop(run_id, None) or Curves(run_id)
            self._runs[run_id] = curves
            while len(self._runs) > MAX_CACHED:
                self._runs.popitem(last=False)
            if not curves.is_final and time.monotonic() - curves.read_at > FRESH_S:
                with suppress(StoreError):
                    curves.refresh(self._store)
            return curves.shown
