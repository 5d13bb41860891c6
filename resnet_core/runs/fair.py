"""Whose run is next, and when it will start: plain data in, plain data out."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

#: runs on GPUs at once; without it, names of GPUs that are not there would fill the memory
MAX_ON_GPUS = 16
GUESS_S = 30.0  # of a run whose time nobody knows, to find the order behind it


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A queued run that may start."""

    id: int
    owner: str
    device: str
    expected_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Active:
    """A run that holds a slot."""

    owner: str
    slot: str
    left_s: float | None = None
    is_paused: bool = False


@dataclass(frozen=True)
class Place:
    """Of a queued run, among those that wait for the same device."""

    position: int  # 1 = the next to start
    wait_s: float | None  # None if it depends on a run whose time nobody knows


def device_of(name: str) -> str:
    """The device as slots are called: "cuda" is its first one."""
    return "cuda:0" if name == "cuda" else name


def slots_of(device: str, cpu_slots: int) -> list[str]:
    """A GPU takes one run; a CPU as many as it has pairs of cores, as a pair of nets does."""
    return [f"cpu:{number}" for number in range(cpu_slots)] if device == "cpu" else [device]


def first(
    waiting: Iterable[Waiting], active: Mapping[str, int], turns: Mapping[str, int]
) -> Waiting | None:
    """The owner with the fewest active runs, then the one served least recently; his oldest run.

    `active`: owner -> runs that hold a slot; `turns`: owner -> when he was served last.
    """

    def key(run: Waiting) -> tuple[int, int, int]:
        return active.get(run.owner, 0), turns.get(run.owner, 0), run.id

    return min(waiting, key=key, default=None)


def startable(
    waiting: Iterable[Waiting],
    active: Iterable[Active],
    turns: Mapping[str, int],
    cpu_slots: int,
    is_held: Callable[[str], bool],
) -> tuple[Waiting, str] | None:
    """The run that is next among those whose device is free, and the slot it gets.

    `is_held(slot)` tells whether some process still has a slot that no run holds any more.
    """
    taken = {run.slot for run in active}
    if sum(not slot.startswith("cpu") for slot in taken) >= MAX_ON_GPUS:
        waiting = [run for run in waiting if run.device == "cpu"]
    by_device = defaultdict(list)
    for run in waiting:
        by_device[run.device].append(run)
    free = {}
    for device in by_device:
        slots = (slot for slot in slots_of(device, cpu_slots) if slot not in taken)
        if slot := next((slot for slot in slots if not is_held(slot)), None):
            free[device] = slot
    able = [run for device in free for run in by_device[device]]
    run = first(able, Counter(run.owner for run in active), turns)
    return (run, free[run.device]) if run else None


def forecast(
    device: str,
    waiting: Iterable[Waiting],
    active: Iterable[Active],
    turns: Mapping[str, int],
    cpu_slots: int,
) -> dict[int, Place]:
    """run -> its place, if all runs take as long as expected and nobody submits another one."""
    slots = slots_of(device, cpu_slots)
    on_slot = {run.slot: run for run in active}
    ends = []  # (seconds from now, number of the slot, whether they are known, owner of the run)
    for number, slot in enumerate(slots):
        run = on_slot.get(slot)
        left_s = run.left_s if run else 0.0
        known = left_s is not None
        ends.append((left_s if known else GUESS_S, number, known, run.owner if run else None))
    heapq.heapify(ends)
    counts, turns = Counter(run.owner for run in active), dict(turns)
    queues = defaultdict(list)
    for run in sorted((run for run in waiting if run.device == device), key=lambda run: -run.id):
        queues[run.owner].append(run)
    last_turn, places, all_known = max(turns.values(), default=0), {}, True
    while queues:
        all_known = all_known and all(known for _, _, known, _ in ends)
        now, number, _, done = heapq.heappop(ends)
        counts[done] -= 1  # a free slot counts for nobody: no owner is None
        run = first((mine[-1] for mine in queues.values()), counts, turns)
        queues[run.owner].pop()
        if not queues[run.owner]:
            del queues[run.owner]
        places[run.id] = Place(len(places) + 1, now if all_known else None)
        last_turn += 1
        turns[run.owner] = last_turn
        counts[run.owner] += 1
        known = run.expected_s is not None
        end = now + (run.expected_s if known else GUESS_S)
        heapq.heappush(ends, (end, number, known, run.owner))
    return places
