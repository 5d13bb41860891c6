"""How long the processes of a run wait for each other, and how much is kept."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds unless named otherwise. Goes from the engine to every process as JSON."""

    poll_s: float = 0.01  # the supervisor looks for new runs, in 0.04 ms
    flush_s: float = 0.2  # an owner stores what it has gathered
    beat_s: float = 1.0  # an owner writes even when nothing happens
    silent_s: float = 90.0  # an owner that wrote nothing for so long is hung
    stall_s: float = 600.0  # a trainer that sent nothing for so long is hung
    soft_stop_s: float = 3.0  # from the wish to stop to the kill
    device_s: float = 60.0  # a run waits so long for a device that its last user still holds
    pause_s: float = 1800.0  # a run that is paused for longer gives the slot to others
    patience_s: float = 30.0  # an owner that cannot store keeps trying
    grace_s: float = 10.0  # the supervisor outlives the last app: a server restarts faster
    cpu_slots: int | None = None  # runs on the CPU at once; None: as cores allow
    max_queued_per_owner: int = 8  # runs of one person that are not over
    keep_runs: int = 200  # finished ones; the oldest go first
    keep_bytes: int = 1_000_000_000  # of the curves of finished runs
    min_free_bytes: int = 20_000_000  # on the disk; below it no run is accepted
    room_bytes: int = 1_500_000_000  # of memory, free for one more owner: 0.5 GB of it idle
    park: bool = True  # keep warm trainers
    measure: bool = True  # let them measure the machine's speed
    train: str = "resnet_core.train"  # the module that trains

    @property
    def threads(self) -> int:
        """Of each net's process on the CPU. A second one makes a step up to 1.7 times as fast."""
        return 2 if num_cores() >= 8 else 1

    @property
    def num_cpu_slots(self) -> int:
        """A pair of nets trains in two processes: as many pairs as there are cores for."""
        return self.cpu_slots or max(1, num_cores() // (2 * self.threads))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Limits:
        return Limits(**json.loads(text))


def num_cores() -> int:
    """Cores that this process may use; a container or a batch system may give it fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
