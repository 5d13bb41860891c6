"""The one process per data folder that gives queued runs to owners and ends those that died.

It keeps a warm owner parked while an app is open, and leaves when there is nothing to do. Runs
do not need it: killed, it leaves them training, and the next one takes them over.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil

from . import processes
from .ends import end_sentence
from .limits import Limits, num_cores
from .locks import Lock, slot_lock
from .logs import SUPERVISOR_LOG, cap_log, drop_old_logs, say
from .owner_process import NO_DISK, NO_STORE, OwnerProcess
from .store import Store, StoreError

#: times that a run is started anew because its owner died before it had begun
MAX_ATTEMPTS = 2
#: exit code of an owner that could not store its run -> reason
GAVE_UP = {NO_DISK: "disk", NO_STORE: "store"}


class Supervisor:
    def __init__(self, folder: Path, limits: Limits):
        self.folder, self.limits = folder, limits
        self.cpu_slots = limits.num_cpu_slots
        self.store = Store(folder)
        self.apps = Lock(folder / "apps.lock")
        self.code = self.seen_code = processes.code_version()
        self.ended: dict[int, int] = {}  # children that are gone: pid -> how
        self.parked: OwnerProcess | None = None
        self.park_after = 0.0  # monotonic; pushed on when parked owners die by themselves
        self.failures = 0
        self.app_seen_at = time.monotonic()
        self.beats: dict[int, tuple[int, float]] = {}  # run -> (beat, when it was first seen)
        self.stops: dict[int, float] = {}  # run -> when the wish to stop was first seen
        self.looked_at = float("-inf")  # at what can wait a second
        self.minded_at = time.monotonic()
        self.leaving = False

    def work(self) -> None:
        is_tidy = False
        while not self.leaving and self.store.is_same_file():
            try:
                if not is_tidy:
                    self.tidy()
                    self.store.forget_speeds()  # of another day and load: measured when parked
                    is_tidy = True
                self.mind()
                self.dispatch()
                if time.monotonic() - self.looked_at > 1:
                    self.looked_at = time.monotonic()
                    self.park()
                    self.leave_if_idle()
                    self.notice_new_code()
            except StoreError as e:  # a full or locked disk may pass; the runs go on meanwhile
                say(str(e))
                time.sleep(1)
            time.sleep(self.limits.poll_s)
        if self.parked:
            self.parked.end()

    def mind(self) -> bool:
        """Ends active runs whose owner is gone, hung, or does not obey. True if one was active."""
        self.forget_sleep()
        if gone := processes.reap():
            self.ended |= gone
            self.tidy()
            self.looked_at = float("-inf")  # a run may have ended: get warm for the next
        active = self.store.active()
        for run in active:
            if not processes.is_alive(run["worker"]):
                self.ended |= processes.reap()
                pid = processes.pid_of(run["worker"])
                self.bury(run, self.ended.get(pid))
                self.ended.pop(pid, None)  # now: had it not been stored, it would be needed again
            elif end := self.given_up(run):
                say(f"run {run['id']}: {end}")
                processes.kill_group(run["worker"])
                self.close(run, *end)
        return bool(active)

    def bury(self, run, status: int | None) -> None:
        """The owner is gone. Its last words count if it had any; else we say what we know."""
        processes.kill_group(run["worker"])  # trainers end with their owner, unless they hang
        run = self.store.row(run["id"])
        if run["state"] == "ended":
            return
        if run["state"] == "starting" and run["attempt"] < MAX_ATTEMPTS:
            self.store.requeue(run["id"], run["attempt"])
        elif status in GAVE_UP:
            self.close(run, "failed", GAVE_UP[status], "")
        elif status is None:
            self.close(run, "interrupted", "lost", "")
        elif status < 0:
            self.close(run, "interrupted", "killed", processes.in_words(status))
        else:
            self.close(run, "failed", "crash", processes.in_words(status))

    def forget_sleep(self) -> None:
        """What stopped us, stopped the owners as well: they were not silent.

        Such as SIGSTOP, a frozen container or a paused virtual machine. A laptop that is closed
        stops the monotonic clock, too, on Linux and macOS: it shows no gap.
        """
        now = time.monotonic()
        if now - self.minded_at > self.limits.silent_s / 2:
            self.beats.clear()
            self.stops.clear()
        self.minded_at = now

    def given_up(self, run) -> tuple[str, str, str] | None:
        """(ended, reason, detail) for an owner that lives and does nothing any more."""
        now = self.minded_at  # not later: what stopped us since then stopped the owners, too
        beat, seen_at = self.beats.get(run["id"], (None, now))
        if beat != run["beat"]:
            self.beats[run["id"]] = run["beat"], now
        elif now - seen_at > self.limits.silent_s:
            return "failed", "hung", f"{self.limits.silent_s:.0f} s"
        if run["want"] == "stop":
            asked_at = self.stops.setdefault(run["id"], now)
            if now - asked_at > 2 * self.limits.soft_stop_s:
                return "stopped", "", ""
        return None

    def close(self, run, ended: str, reason: str, detail: str) -> None:
        last = self.store.last_step(run["id"])
        steps = 0 if last is None else last + 1
        sentence = end_sentence(ended, reason, detail, [], steps)
        self.store.end(run["id"], run["attempt"], ended=ended, reason=reason, sentence=sentence)
        self.tidy()

    def tidy(self) -> None:
        active = {run["id"] for run in self.store.active()}
        for seen in (self.beats, self.stops):
            for run_id in seen.keys() - active:
                del seen[run_id]
        self.store.prune(self.limits.keep_runs, self.limits.keep_bytes)
        drop_old_logs(self.folder / "logs")

    def dispatch(self) -> None:
        """Gives each free slot its next run: to the parked owner, or to a fresh one."""
        while self.store.can_claim(self.cpu_slots, self.is_held) and self.has_room():
            if processes.code_version() != self.code:
                self.start_anew()
            self.notice_lost_owner()
            owner = self.parked or OwnerProcess(self.folder, self.limits)
            self.parked = None
            if claimed := self.store.claim(owner.who, self.cpu_slots, self.is_held):
                self.failures = 0
                owner.give(*claimed)  # if it has died meanwhile, `mind` puts the run back
            else:
                self.parked = owner

    def has_room(self) -> bool:
        """Memory for one more run beside those that train; a run alone may try in any case."""
        return self.memory_is_free() or not self.store.active()

    def memory_is_free(self) -> bool:
        return psutil.virtual_memory().available >= self.limits.room_bytes

    def is_held(self, slot: str) -> bool:
        """By a process that no run knows of: given up, and not yet out of its last system call."""
        return slot_lock(self.folder, slot).is_held()

    def start_anew(self) -> None:
        """The code has changed: parked processes would still train with the old one."""
        say("the program has changed: starting anew")
        arguments = ["-m", "resnet_core.runs.supervisor", *sys.argv[1:]]
        os.execv(sys.executable, [sys.executable, *arguments])

    def park(self) -> None:
        """Keeps one owner warm while somebody has the app open and a run may start soon."""
        self.notice_lost_owner()
        if self.parked or not self.limits.park or not self.has_apps():
            return
        if time.monotonic() < self.park_after:
            return
        if not self.memory_is_free():
            return
        if all(self.ends_soon(run) for run in self.store.active()):
            self.parked = OwnerProcess(self.folder, self.limits)

    def notice_lost_owner(self) -> None:
        """A parked owner that ends by itself is replaced, later each time."""
        if self.parked and self.parked.process.pid in self.ended:
            say(f"the parked owner ended: {self.ended.pop(self.parked.process.pid)}")
            self.parked = None
            self.failures += 1
            self.park_after = time.monotonic() + min(0.5 * 2**self.failures, 60)

    def ends_soon(self, run) -> bool:
        """Warming up takes two cores for 2 s: with fewer than four the run itself goes first."""
        if num_cores() >= 4 or run["want"] == "stop":
            return True
        last = self.store.last_step(run["id"])
        return last is not None and run["total"] is not None and last > 0.8 * run["total"]

    def has_apps(self) -> bool:
        return self.apps.is_held()

    def leave_if_idle(self) -> None:
        now = time.monotonic()
        if self.has_apps() or self.store.num_queued() or self.store.active():
            self.app_seen_at = now
        elif now - self.app_seen_at > self.limits.grace_s:
            say("no app is open and nothing runs: leaving")
            self.leaving = True

    def notice_new_code(self) -> None:
        """Starts anew once the files have come to rest, so that the next run starts warm."""
        code = processes.code_version()
        if self.parked and code != self.code and code == self.seen_code:
            self.start_anew()
        self.seen_code = code

    def leave(self, *_) -> None:
        self.leaving = True


def main(folder: str, limits: str = "{}") -> None:
    lock = Lock(Path(folder) / "supervisor.lock")
    if not lock.take(patience_s=0.3):  # longer than anybody who only looks holds it
        raise SystemExit(0)
    cap_log(Path(folder) / "logs" / SUPERVISOR_LOG)
    try:
        supervisor = Supervisor(Path(folder), Limits.from_json(limits))
    except StoreError as e:
        say(str(e))
        raise SystemExit(1) from None
    signal.signal(signal.SIGTERM, supervisor.leave)
    supervisor.work()


if __name__ == "__main__":
    main(*sys.argv[1:])
