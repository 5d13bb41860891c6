"""Processes by identity, not by number: who lives, starting and killing, locks, logs."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import psutil

from resnet_core.folder import VARIABLE, data_folder

#: where `python -m resnet_core...` finds the package, whatever the working directory
ROOT = Path(__file__).resolve().parents[2]
#: exit codes with which an owner tells its supervisor why it gave up
FENCED, NO_DISK, NO_STORE = 75, 74, 73
#: file systems that another machine has
NETWORK_DRIVES = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "afs", "webdav", "davfs", "fuse.davfs"),
    *("fuse.sshfs", "fuse.rclone", "ceph", "fuse.ceph", "lustre", "gpfs", "beegfs"),
    *("glusterfs", "fuse.glusterfs"),
}
MAX_LOG = 1_000_000  # bytes
MAX_LOGS = 20  # files


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


def network_drive(folder: Path) -> str | None:
    """The file system of a folder, if another machine has it; locks of files may not hold there."""
    best, found = -1, None
    with suppress(OSError, psutil.Error):
        for mount in psutil.disk_partitions(all=True):
            root = Path(mount.mountpoint)
            if folder.resolve().is_relative_to(root) and len(root.parts) >= best:
                best, found = len(root.parts), mount.fstype.lower()
    return found if found in NETWORK_DRIVES else None


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
        logs = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime)
        for path in logs[:-MAX_LOGS]:
            path.unlink()


def say(text: str) -> None:
    """A line for the log. Never an error: a full disk must not kill who wants to report it."""
    with suppress(Exception):
        print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


class Lock:
    """A kernel lock on a file: it is free again however its holder ends."""

    def __init__(self, path: Path):
        self.path = path
        self._fd: int | None = None

    def take(self, *, shared: bool = False, patience_s: float = 0.0) -> bool:
        """False if somebody else holds it. Raises OSError if the file cannot be opened."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(fd)
                    return False
                time.sleep(0.01)
            else:
                self._fd = fd
                return True

    def give(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def is_held(self) -> bool:
        """By anybody. Takes it for a moment, so whoever wants it must be patient for as long."""
        if self.take():
            self.give()
            return False
        return True

    def holder(self) -> int | None:
        """The pid of a process that holds it, where the system tells."""
        with suppress(OSError, ValueError, IndexError):
            inode = self.path.stat().st_ino
            for line in Path("/proc/locks").read_text().splitlines():
                words = line.split()  # 1: FLOCK ADVISORY WRITE pid major:minor:inode 0 EOF
                if words[1] == "FLOCK" and int(words[5].split(":")[2]) == inode:
                    return int(words[4])
        return None


def slot_lock(folder: Path, slot: str) -> Lock:
    """Held by the process that trains on a slot: the kernel frees it however that one ends."""
    return Lock(folder / f"slot-{slot}.lock")


def code_version() -> str:
    """Changes when a file of the package does: parked processes hold the code of their start."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "resnet_core").rglob("*.py")):
        with suppress(FileNotFoundError):
            stat = path.stat()
            digest.update(f"{path}:{stat.st_mtime_ns}:{stat.st_size};".encode())
    return digest.hexdigest()[:16]
