"""What the processes of a run write for whoever looks for a fault: a few files, none too long."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

MAX_LOG = 1_000_000  # bytes
MAX_LOGS = 20  # files, beside that of the supervisor
SUPERVISOR_LOG = "supervisor.log"


def open_log(path: Path) -> int:
    """A descriptor to append to. On a full disk or without rights the text is dropped instead."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


def cap_log(path: Path) -> None:
    """Empties a log that has grown too long; its writers append, so they just go on."""
    with suppress(OSError):
        if path.stat().st_size > MAX_LOG:
            os.truncate(path, 0)


def drop_old_logs(folder: Path) -> None:
    with suppress(OSError):
        logs = [path for path in folder.glob("*.log") if path.name != SUPERVISOR_LOG]
        for path in sorted(logs, key=lambda path: path.stat().st_mtime)[:-MAX_LOGS]:
            path.unlink()


def say(text: str) -> None:
    """A line for the log. Never an error: a full disk must not kill who wants to report it."""
    with suppress(Exception):
        print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)
