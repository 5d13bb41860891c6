"""Kernel locks on files: how processes that know nothing of each other share a folder or a GPU."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

import psutil

#: file systems that another machine has
NETWORK_DRIVES = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "afs", "webdav", "davfs", "fuse.davfs"),
    *("fuse.sshfs", "fuse.rclone", "ceph", "fuse.ceph", "lustre", "gpfs", "beegfs"),
    *("glusterfs", "fuse.glusterfs"),
}


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


def held_sentence(pid: int | None) -> str:
    """Said of a slot that no run holds, while a process has its lock; None: nobody knows which."""
    who = f" (process {pid})" if pid else ""
    return f"The device is still held by another program{who}. The run waits."


def network_drive(folder: Path) -> str | None:
    """The file system of a folder, if another machine has it; locks of files may not hold there."""
    best, found = -1, None
    with suppress(OSError, psutil.Error):
        for mount in psutil.disk_partitions(all=True):
            root = Path(mount.mountpoint)
            if folder.resolve().is_relative_to(root) and len(root.parts) >= best:
                best, found = len(root.parts), mount.fstype.lower()
    return found if found in NETWORK_DRIVES else None
