"""The supervisor as an app sees it: started where there is none, and why it cannot be."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from pathlib import Path

from . import processes
from .limits import Limits
from .locks import Lock
from .logs import SUPERVISOR_LOG, say

#: seconds between two attempts to start one
START_S = 3.0
#: seconds after which a problem is more than one failure, of which the next attempt knows nothing
LASTS_S = 3 * START_S


class Supervision:
    """Of one data folder. Not safe to share between threads: its engine has a lock."""

    def __init__(self, folder: Path, limits: Limits):
        self._folder, self._limits = folder, limits
        self._log = folder / "logs" / SUPERVISOR_LOG
        self.child: subprocess.Popen | None = None
        self.started_at = float("-inf")

    def ensure(self) -> None:
        """Starts a supervisor if none lives, but not again and again."""
        if self.child and self.child.poll() is None:
            return
        now = time.monotonic()
        if now - self.started_at < START_S or self._one_lives():
            return
        self.started_at = now
        try:
            self.child = processes.spawn(
                "resnet_core.runs.supervisor",
                str(self._folder),
                self._limits.to_json(),
                log=self._log,
                start_new_session=True,  # it outlives this server and is no target of its Ctrl-C
            )
        except OSError as e:
            say(f"the supervisor cannot be started: {e}")

    def problem(self) -> str | None:
        """A sentence if the one that we started ended with an error, and no other lives."""
        child = self.child
        if child is None or (child.poll() or 0) <= 0:  # lives, left, or was killed: no error
            return None
        if self._one_lives():
            return None
        last = ""
        with suppress(OSError, IndexError):
            last = self._log.read_text(errors="replace").strip().splitlines()[-1][:200]
        return f"Training cannot start on this machine: {last or 'see the log'} ({self._log})"

    def _one_lives(self) -> bool:
        return Lock(self._folder / "supervisor.lock").is_held()


class Trouble:
    """Whether a problem lasts. One that comes back with each supervisor is the same one."""

    def __init__(self):
        self._began_at = self._seen_at = float("-inf")

    def lasts(self, problem: str | None, now: float) -> bool:
        """`problem` as it is now; `now`: monotonic [s]."""
        if problem is None:
            return False
        if now - self._seen_at > 2 * START_S:  # one had lived meanwhile
            self._began_at = now
        self._seen_at = now
        return now - self._began_at >= LASTS_S
