"""One SQLite file, shared by the threads of a process: whole transactions, whole reads."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .database_errors import plain_errors
from .database_file import open_database
from .run import StoreError
from .schema import FILE


class Database:
    """The file of one data folder. Safe to share between threads; never between processes."""

    def __init__(
        self,
        folder: Path,
        *,
        timeout_s: float = 5.0,  # that a write waits while another program has the file locked
        read_timeout_s: float | None = None,  # the same for a read; None: as long as a write
        max_pages: int | None = None,
    ):
        self.folder = Path(folder)
        self.path = self.folder / FILE
        self._lock = threading.RLock()
        self._db, self.notice = open_database(self.folder, timeout_s)
        self._write_s = self._wait_s = timeout_s
        self._read_s = timeout_s if read_timeout_s is None else read_timeout_s
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

    @contextmanager
    def as_one(self) -> Iterator[None]:
        """All that is written meanwhile is one transaction: whole or absent, nothing in between."""
        with self._writing():
            yield

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction. Immediate: one that first reads and then writes may not wait."""
        with self._alone():
            if self._db.in_transaction:  # a part of that one
                yield self._db
                return
            try:
                self._wait_at_most(self._write_s)
                self._db.execute("begin immediate")
                yield self._db
                self._db.execute("commit")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has rolled back by itself
                    self._db.execute("rollback")
                raise

    def _read(self, sql: str, values: tuple = ()) -> list[sqlite3.Row]:
        """All rows at once: an unfinished cursor would keep a lock on the file."""
        with self._alone():
            if not self._db.in_transaction:
                self._wait_at_most(self._read_s)
            try:
                return self._db.execute(sql, values).fetchall()
            except (OverflowError, UnicodeError):  # a number or a text that no row can have
                return []

    def _wait_at_most(self, seconds: float) -> None:
        if seconds != self._wait_s:
            self._db.execute(f"pragma busy_timeout = {int(1000 * seconds)}")
            self._wait_s = seconds

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._lock, plain_errors(self.path):
            if not self._is_open:
                raise StoreError(
                    f"The database in {self.folder} was closed, deleted or replaced. Try again."
                )
            yield
