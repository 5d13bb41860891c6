"""Recordings that users opened: in memory, as long as there is room, listed for who opened them."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from dataclasses import dataclass, field, replace

from .engine import User
from .recording import NetTape, Recording
from .recording_file import read

MAX_HELD = 256 * 1024**2  # bytes of memory for all of them; those opened longest ago go
MAX_OPENED = 256  # files, since each also takes what `weight` does not count
#: bytes of memory for a byte of JSON: a name of two letters is an object of 51 bytes and two places
HEAD_WEIGHT = 16
#: numbers of opened files. Drawn at random: who is not told the address of one cannot count up to
#: it. An address has room for 15 digits, three of which are a replay's
FIRST, LAST = 10**6, 10**12 - 1


@dataclass
class Kept:
    """A file that is open."""

    number: int
    tape: Recording
    held: int  # bytes of memory
    users: set[str] = field(default_factory=set)  # ids of those who opened it


class Opened:
    """Safe to use from any thread."""

    def __init__(self):
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._kept: dict[str, Kept] = {}  # SHA-256 of the file -> it; the one opened last is last

    def open(self, content: bytes, by: User) -> int:
        """The file's number, the same for the same file while it is kept. Raises SpecError.

        One file at a time is unpacked, so that many at once take no more memory than one.
        """
        digest = hashlib.sha256(content).hexdigest()
        with self._reading:
            with self._lock:
                kept = self._kept.pop(digest, None)
            kept = kept or read_whole(content)
            with self._lock:
                self._kept[digest] = kept  # the last
                if by.id:
                    kept.users.add(by.id)
                self._make_room()
        return kept.number

    def _make_room(self) -> None:
        held = sum(kept.held for kept in self._kept.values())
        while len(self._kept) > 1 and (held > MAX_HELD or len(self._kept) > MAX_OPENED):
            held -= self._kept.pop(next(iter(self._kept))).held

    def tape(self, number: int) -> Recording | None:
        """Whoever opened it."""
        return self._all().get(number)

    def of(self, user: User) -> dict[int, Recording]:
        """number -> what this user opened. Of who cannot be known again, nothing is listed."""
        with self._lock:
            return {k.number: k.tape for k in self._kept.values() if user.id in k.users}

    def numbers(self) -> set[int]:
        return set(self._all())

    def _all(self) -> dict[int, Recording]:
        with self._lock:
            return {kept.number: kept.tape for kept in self._kept.values()}


def read_whole(content: bytes) -> Kept:
    """With its configs, which have to be ones that this program can read. Imports torch.

    Of no series: a file says what it likes, and runs that others see are not joined by it.
    """
    tape = read(content)
    tape = replace(tape, head=tape.head | {"series": None})
    _ = tape.run
    return Kept(FIRST + secrets.randbelow(LAST - FIRST + 1), tape, weight(tape))


def weight(tape: Recording) -> int:
    """About how many bytes of memory it takes: its arrays, and what JSON makes of its head."""
    return sum(map(weight_of, tape.nets)) + HEAD_WEIGHT * len(json.dumps(tape.head))


def weight_of(net: NetTape) -> int:
    records = net.records
    named = (records.scalars, records.per_op, records.probe_steps)
    arrays = [records.steps, net.known_s, *(a for table in named for a in table.values())]
    return sum(array.nbytes for array in arrays)
