"""The engine of one machine: a database in a data folder, and a supervisor that trains from it."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_core.ranges import check_range

from .engine import (
    NOBODY,
    EngineError,
    ModelRecords,
    NotYours,
    Run,
    Speed,
    StoreError,
    User,
)
from .limits import Limits
from .locks import Lock
from .reading import Reader
from .request import Request, request_of, requests_of
from .store import Store
from .supervision import Supervision

if TYPE_CHECKING:  # importing it costs torch, and a page may want to paint first
    from resnet_core.run_config import RunConfig
    from resnet_core.series import Series

#: seconds between two looks at whether the supervisor lives
LOOK_S = 0.5
#: seconds that a page waits for a locked database before it shows what it has read last
READ_S = 0.3
#: seconds after which a folder that could not be used is tried again
RETRY_S = 2.0


class Embedded:
    """Runs of one data folder, as engine.Engine says. One per web server; safe from any thread.

    While the folder cannot be used `problem` says why, and reads give what they have read last.
    What was never read is an empty list, or None; only `run` raises StoreError then, because its
    None says that there is no such run.
    """

    def __init__(self, folder: Path, limits: Limits | None = None):
        self.folder = Path(folder).absolute()
        self.limits = limits or Limits()
        self._lock = threading.RLock()
        self._store: Store | None = None
        self._reader: Reader | None = None
        self._trouble: StoreError | None = None
        self._tried_at = self._looked_at = float("-inf")
        self._supervision = Supervision(self.folder, self.limits)
        self._presence = Lock(self.folder / "apps.lock")

    def close(self) -> None:
        with self._lock:
            self._presence.give()
            self._let_go()

    def start(self) -> None:
        with self._lock:
            now = time.monotonic()
            if now - self._looked_at < LOOK_S:
                return
            self._looked_at = now
            with suppress(StoreError):
                self._open()
                self._supervision.ensure()

    def submit(self, config: RunConfig, request_id: str, by: User = NOBODY) -> int:
        return self._queue([request_of(config, request_id, self.speed)], by)[0]

    def submit_series(self, series: Series, request_id: str, by: User = NOBODY) -> list[int]:
        return self._queue(requests_of(series, request_id, self.speed), by)

    def _queue(self, requests: list[Request], by: User) -> list[int]:
        if problem := self.problem():
            raise EngineError(problem)
        limit = self.limits.max_queued_per_owner
        ids = self._open().submit_all(requests, by.id, limit)
        self.start()
        return ids

    def run(self, run_id: int) -> Run | None:
        return self._reading().run(run_id)

    def runs(self, limit: int = 20) -> list[Run]:
        with suppress(StoreError):
            return self._reading().runs(limit)
        return []

    def series(self, series_id: str) -> list[Run]:
        with suppress(StoreError):
            return self._reading().series(series_id)
        return []

    def records(self, run_id: int, since: int = 0) -> list[ModelRecords]:
        with suppress(StoreError):
            return [model.since(since) for model in self._reading().records(run_id)]
        return []

    def pause(self, run_id: int, by: User = NOBODY) -> None:
        self._store_of(run_id, by, "paused").want(run_id, "pause")

    def resume(self, run_id: int, by: User = NOBODY) -> None:
        self._store_of(run_id, by, "resumed").want(run_id, "run")

    def stop(self, run_id: int, by: User = NOBODY) -> None:
        self._store_of(run_id, by, "stopped").want(run_id, "stop")

    def set_lr(self, run_id: int, lr: float, by: User = NOBODY) -> None:
        check_range("lr", lr)
        store, run = self._store_of(run_id, by, "changed"), self.run(run_id)
        if run and run.series:
            raise EngineError(
                f"Run {run_id} is one of a series, whose runs are compared: they keep their "
                "learning rate. Start it alone to change its rate while it trains."
            )
        store.wish_lr(run_id, lr)

    def _store_of(self, run_id: int, by: User, done: str) -> Store:
        """The store, for who may change the run. Raises NotYours or another EngineError."""
        run = self.run(run_id)
        if run is None:
            raise EngineError(f"Run {run_id} cannot be {done}: there is no such run any more.")
        if not by.may_change(run):
            raise NotYours(f"Run {run_id} cannot be {done}: it was started by somebody else.")
        return self._open()

    def problem(self) -> str | None:
        try:
            self._open()
            free = shutil.disk_usage(self.folder).free
        except (StoreError, OSError) as e:
            return str(e)
        if free < self.limits.min_free_bytes:
            return (
                f"The disk of the data folder {self.folder} is full ({free / 1e6:.0f} MB free, "
                f"{self.limits.min_free_bytes / 1e6:.0f} MB needed). Free some space, or set "
                "RESIDUAL_EXPLORER_DATA to a folder on another disk."
            )
        with self._lock:
            return self._supervision.problem()

    def notice(self) -> str | None:
        with suppress(StoreError):
            return self._open().notice
        return None

    def speed(self, device: str) -> Speed | None:
        with suppress(StoreError):
            return self._open().speed(device)
        return None

    def _open(self) -> Store:
        """The store, opened when it is first needed and again after its file was replaced."""
        with self._lock:
            if self._store and self._store.is_same_file():
                return self._store
            now = time.monotonic()
            if self._trouble and now - self._tried_at < RETRY_S:
                raise self._trouble
            self._tried_at = now
            self._let_go()
            try:
                self._store = Store(self.folder, read_timeout_s=READ_S)
                self._presence.give()
                if not self._presence.take(shared=True, patience_s=5.0):  # others only look at it
                    raise StoreError(f"The data folder {self.folder} is locked. Try again.")
            except StoreError as e:
                self._trouble = e
                raise
            except OSError as e:
                self._let_go()
                self._trouble = StoreError(f"The data folder {self.folder} cannot be used: {e}.")
                raise self._trouble from e
            self._trouble, self._reader = None, Reader(self._store, self.limits.num_cpu_slots)
            return self._store

    def _let_go(self) -> None:
        if self._store:
            self._store.close()
            self._store = None

    def _reading(self) -> Reader:
        """A reader of the store; if that cannot be opened now, the last one: it knows a little."""
        with self._lock:
            try:
                self._open()
            except StoreError:
                if self._reader is None:
                    raise
            return self._reader
