"""The database file: how it is opened, brought up to date, copied and, if damaged, moved aside."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from .database_errors import plain_errors
from .locks import Lock, network_drive
from .run import StoreError
from .schema import FILE, MIGRATIONS, TABLES, VERSION


def journal_mode(
    version: tuple[int, ...] = sqlite3.sqlite_version_info, *, is_local: bool = True
) -> str:
    """WAL only where its reset bug is repaired (sqlite.org/wal.html#walresetbug).

    It corrupts files that several processes write at once, as ours do. 3.40 in Debian 12 has it.
    And only on a disk of this machine: its processes share memory (sqlite.org/wal.html).
    """
    if not is_local:
        return "persist"
    repaired = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or version[:2] == (3, 44)
    return "wal" if repaired and not (3, 44) <= version < (3, 44, 6) else "persist"


def open_database(folder: Path, timeout_s: float) -> tuple[sqlite3.Connection, str | None]:
    """A connection, and a sentence if a broken file had to be moved aside for a new one."""
    path = folder / FILE
    lock = Lock(folder / "open.lock")  # two processes create the tables at once: one waits
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.take(patience_s=timeout_s)
        with plain_errors(path):
            try:
                return _open(path, timeout_s), far_away(folder)
            except sqlite3.DatabaseError as e:
                if e.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                    raise
                aside = _move_aside(path)
                return _open(path, timeout_s), (
                    f"The database of the runs was damaged. It was moved to {aside.name} "
                    "and a new one was started."
                )
    except OSError as e:
        raise StoreError(
            f"The data folder {folder} cannot be used ({e.strerror}). "
            "Set RESIDUAL_EXPLORER_DATA to a folder that you can write to."
        ) from e
    finally:
        lock.give()


def far_away(folder: Path) -> str | None:
    """A sentence for a folder on a drive of another machine (sqlite.org/howtocorrupt.html, 2.1)."""
    if (drive := network_drive(folder)) is None:
        return None
    return (
        f"The data folder {folder} is on a network drive ({drive}), where databases can be "
        "damaged. Set RESIDUAL_EXPLORER_DATA to a folder on a disk of this machine."
    )


def _open(path: Path, timeout_s: float) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    try:
        version = _readable_version(db, path)
        is_local = network_drive(path.parent) is None
        db.execute(f"pragma journal_mode = {journal_mode(is_local=is_local)}")
        db.execute("pragma synchronous = full")
        db.execute("pragma foreign_keys = on")
        db.execute("pragma trusted_schema = off")
        if version < VERSION:
            _bring_up_to_date(db, path)
        db.execute("select count(*) from run").fetchall()
        path.chmod(0o600)
    except BaseException:
        db.close()
        raise
    return db


def _readable_version(db: sqlite3.Connection, path: Path) -> int:
    version = db.execute("pragma user_version").fetchone()[0]
    if version > VERSION:
        raise StoreError(
            f"The runs in {path.parent} were stored by a newer version of this program "
            f"(database {version}, this program reads {VERSION}). Update the program, "
            "or set RESIDUAL_EXPLORER_DATA to another folder."
        )
    return version


def _bring_up_to_date(db: sqlite3.Connection, path: Path) -> None:
    """Makes or migrates the tables, all or nothing; of several processes one does it."""
    db.execute("begin immediate")  # from here on nobody else writes
    try:
        version = _readable_version(db, path)  # again: another process may have been quicker
        if 0 < version < VERSION:
            back_up(path, path.with_name(f"{FILE}.version-{version}"))
        statements = TABLES.split(";\n") if version == 0 else ()
        for old in range(max(version, 1), VERSION if version else 0):
            statements = (*statements, *MIGRATIONS[old])
        for statement in statements:
            db.execute(statement)
        db.execute(f"pragma user_version = {VERSION}")
        db.execute("commit")
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk has rolled back by itself
            db.execute("rollback")
        raise


def back_up(path: Path, copy: Path) -> None:
    """A whole copy of the database at one moment, whoever writes meanwhile; or none at all."""
    part = copy.with_name(copy.name + ".part")
    part.unlink(missing_ok=True)
    source, target = sqlite3.connect(path), sqlite3.connect(part, isolation_level=None)
    try:
        source.backup(target, sleep=0.02)  # between attempts while somebody writes
    finally:
        source.close()
        target.close()
    part.chmod(0o600)
    part.replace(copy)


def _move_aside(path: Path) -> Path:
    aside = path.with_name(f"{FILE}.broken-{time.strftime('%Y%m%d-%H%M%S')}")
    path.rename(aside)
    for suffix in ("-journal", "-wal", "-shm"):  # they belong to the broken file
        path.with_name(FILE + suffix).unlink(missing_ok=True)
    return aside
