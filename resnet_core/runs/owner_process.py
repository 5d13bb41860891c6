"""A process with two warm trainers that waits for a run, and then owns it.

Parked, it ends when its supervisor does. Once it has a run it needs nobody: neither the app nor
the supervisor. It imports no torch.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from . import processes, wire
from .crew import Crew, offer_to_oom_killer
from .ledger import NUM_MODELS
from .limits import Limits
from .logs import cap_log, say
from .owner import Owner
from .run import Speed
from .store import Fenced, Store, StoreError, StoreFull

#: exit codes with which an owner tells its supervisor why it gave up
FENCED, NO_DISK, NO_STORE = 75, 74, 73


class OwnerProcess:
    """Such a process, seen from the supervisor, until it has its run."""

    def __init__(self, folder: Path, limits: Limits):
        log = folder / "logs" / f"run-{time.time_ns()}.log"
        self.process = processes.spawn(
            "resnet_core.runs.owner_process",
            str(folder),
            limits.to_json(),
            str(log),
            log=log,
            stdin=subprocess.PIPE,
            start_new_session=True,  # it outlives the supervisor, and its group can be killed
        )
        self.who = processes.identity(self.process.pid)

    def give(self, run_id: int, attempt: int) -> None:
        wire.send(self.process.stdin, wire.line(run=run_id, attempt=attempt))
        self.end()  # nothing else is ever sent

    def end(self) -> None:
        """Without a run it ends itself."""
        with suppress(OSError):
            self.process.stdin.close()


def parked(crew: Crew, store: Store, limits: Limits) -> dict:
    """Waits for a run. Meanwhile the trainers warm up, and measure the machine once."""
    stdin = os.fdopen(0, "rb", buffering=0)
    crew.also_watch(stdin)
    speeds: dict[str, list[dict]] = {}
    while True:
        for trainer, head, _ in crew.hear(None):
            if trainer is None:
                text = stdin.readline()
                if not text:  # the supervisor is gone, and nobody will ever send a run
                    raise SystemExit(0)
                crew.forget(stdin)
                return json.loads(text)
            match head.pop("kind"):
                case "ready":
                    trainer.device = head["device"]
                    if limits.measure and all(other.device for other in crew.trainers):
                        ask_for_speed(crew, store)
                case "speed":
                    speeds.setdefault(head["device"], []).append(head)
                    keep_speed(store, speeds[head["device"]], len(crew.trainers))
                case "failed" | "gone":
                    say(f"a parked trainer ended: {head}")
                    raise SystemExit(1)


def ask_for_speed(crew: Crew, store: Store) -> None:
    """Once per supervisor. On the CPU all at once: side by side is how they will train."""
    first = crew.trainers[0]
    if store.speed("cpu") is None:
        crew.tell(do="measure", device="cpu")
    if first.device != "cpu" and store.speed(first.device) is None:
        first.tell(do="measure", device=first.device)


def keep_speed(store: Store, found: list[dict], num_trainers: int) -> None:
    """The slowest counts: a run is over when all its nets are."""
    device = found[0]["device"]
    if len(found) == (num_trainers if device == "cpu" else 1):
        overhead = max(speed["op_overhead_s"] for speed in found)
        macs_per_s = min(speed["macs_per_s"] for speed in found)
        store.keep_speed(Speed(device=device, op_overhead_s=overhead, macs_per_s=macs_per_s))


def wait_and_own(folder: Path, limits: Limits, log: Path) -> None:
    """Owns a run and, as long as all goes well, what follows it in its series."""
    store = Store(folder)
    crew = Crew(NUM_MODELS, limits, log)
    try:
        order = parked(crew, store, limits)
        claimed = order["run"], order["attempt"]
        while claimed:
            claimed = Owner(store, *claimed, crew, limits).work()
    finally:
        crew.end()
        end_group()
        cap_log(log)


def end_group() -> None:
    """Kills whatever the trainers have started and left: this process leads a group of its own."""
    me = os.getpid()
    if os.getpgid(0) != me:
        return
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) == me != process.pid:
                process.kill()


def main(folder: str, limits: str, log: str) -> None:
    offer_to_oom_killer()
    try:
        wait_and_own(Path(folder), Limits.from_json(limits), Path(log))
    except Fenced as e:
        say(f"given up: {e}")
        raise SystemExit(FENCED) from None
    except StoreError as e:
        say(str(e))
        raise SystemExit(NO_DISK if isinstance(e, StoreFull) else NO_STORE) from None


if __name__ == "__main__":
    main(*sys.argv[1:])
