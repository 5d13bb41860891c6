"""What SQLite's errors mean to who uses the program."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .run import StoreError


class StoreFull(StoreError):
    """There is no room on the disk."""


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """SQLite's errors -> StoreError with a sentence for the user."""
    try:
        yield
    except sqlite3.Error as e:
        kind = getattr(e, "sqlite_errorcode", None)
        if kind is None:  # a mistake of ours: closed connection, wrong parameter
            raise
        error, sentence = SENTENCES.get(kind & 0xFF, (StoreError, "The database failed ({e})."))
        raise error(sentence.format(folder=path.parent, e=e)) from e


#: SQLite's primary result code -> (error, sentence)
SENTENCES = {
    sqlite3.SQLITE_FULL: (
        StoreFull,
        "The disk of the data folder {folder} is full. Free some space, or set "
        "RESIDUAL_EXPLORER_DATA to a folder on another disk.",
    ),
    sqlite3.SQLITE_IOERR: (
        StoreError,
        "The data folder {folder} cannot be written ({e}). Check the disk and its free space.",
    ),
    sqlite3.SQLITE_BUSY: (
        StoreError,
        "Another program keeps the database in {folder} locked. Close it and try again.",
    ),
    sqlite3.SQLITE_READONLY: (
        StoreError,
        "The data folder {folder} is read-only. Set RESIDUAL_EXPLORER_DATA to a folder that "
        "you can write to.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StoreError,
        "The database in {folder} cannot be opened. Check the rights of the folder, or set "
        "RESIDUAL_EXPLORER_DATA to another one.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        StoreError,
        "The database in {folder} is damaged. Restart the app: it moves the file aside and "
        "starts a new one.",
    ),
    sqlite3.SQLITE_NOTADB: (
        StoreError,
        "The database in {folder} is damaged. Restart the app: it moves the file aside and "
        "starts a new one.",
    ),
}
