"""Processes by identity, not by number: who lives, how one is started, killed and reaped."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import psutil

from resnet_core.folder import VARIABLE, data_folder

from .logs import open_log

#: where `python -m resnet_core...` finds the package, whatever the working directory
ROOT = Path(__file__).resolve().parents[2]


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Changes when the machine starts anew: pids and start times from before mean nothing."""
    file = Path("/proc/sys/kernel/random/boot_id")
    return file.read_text().strip() if file.exists() else str(int(psutil.boot_time()))


def identity(pid: int) -> str | None:
    """ "pid:start:boot" of a process, None if there is none. No other process ever has the same."""
    try:
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists():  # ticks since boot: unlike seconds since 1970 no clock change moves them
            start = stat.read_text(errors="replace").rpartition(")")[2].split()[19]
        else:
            start = f"{psutil.Process(pid).create_time():.2f}"
    except (psutil.Error, OSError, IndexError):
        return None
    return f"{pid}:{start}:{boot_id()}"


def is_alive(who: str | None) -> bool:
    """False for a zombie too: it runs no more, only nobody has asked how it ended."""
    if not who or identity(pid := pid_of(who)) != who:
        return False
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def pid_of(who: str) -> int:
    return int(who.split(":")[0])


def kill_group(who: str) -> None:
    """SIGKILL to an owner and its trainers, also when the owner is gone; never to a stranger."""
    pid, _, boot = who.split(":")
    if boot != boot_id() or identity(int(pid)) not in (who, None):
        return  # the number belongs to somebody else by now
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(int(pid), signal.SIGKILL)


def reap() -> dict[int, int]:
    """Children that have ended: pid -> exit code, or minus the signal."""
    ended = {}
    with suppress(ChildProcessError):
        while (child := os.waitpid(-1, os.WNOHANG))[0]:
            ended[child[0]] = os.waitstatus_to_exitcode(child[1])
    return ended


def in_words(status: int) -> str:
    """An exit status as a reader says it."""
    if status >= 0:
        return f"it ended with code {status} without a result"
    with suppress(ValueError):
        return f"signal {-status}, {signal.Signals(-status).name}"
    return f"signal {-status}"


def spawn(module: str, *args: str, log: Path | None, **streams) -> subprocess.Popen:
    """`python -m module args`. What it prints goes to `log`: nobody reads a pipe for ever."""
    env = {**os.environ, "PYTHONPATH": _path(), "PYTHONUNBUFFERED": "1"}
    env[VARIABLE] = str(data_folder())  # absolute: the new process has another working directory
    out = open_log(log) if log else None
    try:
        return subprocess.Popen(
            [sys.executable, "-m", module, *args],
            cwd=ROOT,
            env=env,
            **{"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out, **streams},
        )
    finally:
        if out is not None:
            os.close(out)


def _path() -> str:
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(dict.fromkeys([str(ROOT), *filter(None, inherited)]))


def code_version() -> str:
    """Changes when a file of the package does: parked processes hold the code of their start."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "resnet_core").rglob("*.py")):
        with suppress(FileNotFoundError):
            stat = path.stat()
            digest.update(f"{path}:{stat.st_mtime_ns}:{stat.st_size};".encode())
    return digest.hexdigest()[:16]
