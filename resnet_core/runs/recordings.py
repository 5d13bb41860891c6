"""Recorded runs as pages see runs: at rest, as they ended, or played as if they went on now.

Implements engine.Reads, and what a viewer may do to a replay. Nothing here trains.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from resnet_core.spec import SpecError

from .engine import NOBODY, ModelRecords, NotYours, Run, User
from .opened import Opened
from .recording import Recording, RecordingError
from .recording_file import ENDING, read

#: times as fast as it was recorded; None: all at once
PACES = {"real pace": 1.0, "2 × as fast": 2.0, "5 × as fast": 5.0, "at once": None}
#: seconds of a replay that all its viewers see alike, so that its charts are drawn once for them
TOGETHER_S = 0.5
MAX_REPLAYS = 900  # of one recording; the oldest show the whole run then
LONG_S = 1e9  # longer than any replay
#: before the id of a recorded series: it is another than that of the same runs where they trained
RECORDED = "recorded "
#: ids are negative, which no stored run's is: -(number of the recording · BLOCK + of the replay)
BLOCK = 1000


@dataclass
class Replay:
    """A recording that is being played, the same for all who look at it."""

    pace: float
    begun: float  # by the clock of Recordings
    owner: str
    held_s: float | None = None  # paused at this moment of the replay

    def seconds(self, now: float) -> float:
        """Of the replay, in steps that its viewers share."""
        passed = now - self.begun if self.held_s is None else self.held_s
        return passed // TOGETHER_S * TOGETHER_S


class Recordings:
    """Files of a folder, which ship with the program, and files that users opened.

    Safe to use from any thread. A file is read when it is asked for.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic):
        self._clock, self._lock = clock, threading.RLock()
        self._shipped = dict(enumerate(sorted(Path(folder).glob(f"*{ENDING}")), start=1))
        self._tapes: dict[int, Recording] = {}  # number -> what has been read of those
        self._opened = Opened()
        self._replays: dict[int, dict[int, Replay]] = {}
        self._begun = 0

    def shelf(self, by: User = NOBODY) -> dict[int, Recording]:
        """id of the whole run -> recording: those that ship and can be played, then `by`'s own.

        What another opened is played for who has its address.
        """
        found = {}
        with self._lock:
            for number in self._shipped:
                with suppress(RecordingError):
                    found[-number * BLOCK] = self._tape(number)
        return found | {-number * BLOCK: tape for number, tape in self._opened.of(by).items()}

    def tape(self, run_id: int) -> Recording | None:
        """What is played under this id, whoever opened it."""
        with self._lock, suppress(RecordingError):
            return self._tape(-run_id // BLOCK)
        return None

    def open(self, content: bytes, by: User = NOBODY) -> int:
        """A user's file -> the id of its run, the same for the same file. Raises SpecError."""
        number = self._opened.open(content, by)
        with self._lock:
            for gone in set(self._replays) - set(self._shipped) - self._opened.numbers():
                del self._replays[gone]
        return -number * BLOCK

    def play(self, run_id: int, pace: float | None = 1.0, by: User = NOBODY) -> int:
        """Begins a replay and gives its id: who opens that sees the same moment.

        `pace` is a value of PACES. Raises RecordingError if there is no such recording.
        """
        number = -run_id // BLOCK
        with self._lock:
            self._tape(number)
            if pace is None:
                return -number * BLOCK
            replays = self._replays.setdefault(number, {})
            place, self._begun = self._begun % (BLOCK - 1) + 1, self._begun + 1
            replays[place] = Replay(pace, self._clock(), by.id)
            while len(replays) > MAX_REPLAYS:
                del replays[next(iter(replays))]
        return -(number * BLOCK + place)

    def run(self, run_id: int) -> Run | None:
        """None only if there is no such recording that this program can read.

        After a replay is gone, the whole run. Imports torch: a config needs it.
        """
        with self._lock:
            found = self._moment(run_id)
        if found is None:
            return None
        tape, replay, seconds = found
        try:
            run = tape.run_at(seconds * replay.pace) if replay else tape.run
        except SpecError:
            return None
        if replay:  # of one run, also where it is one of a series
            run = replace(run, series=None, owner=replay.owner)
        run = replace(run, id=run_id)
        if run.is_over:
            return run
        paused = replay.held_s is not None
        return replace(
            run,
            state="paused" if paused else "running",
            want="pause" if paused else "run",
            eta_s=run.eta_s / replay.pace,
        )

    def runs(self, limit: int = 20) -> list[Run]:
        """The whole runs that ship."""
        found = (self.run(run_id) for run_id in list(self.shelf())[:limit])
        return [run for run in found if run]

    def series(self, series_id: str) -> list[Run]:
        """The whole runs of a series that ships, in their order. Its id begins with RECORDED."""
        found = [run for run in self.runs(limit=BLOCK) if run.series and run.series.id == series_id]
        return sorted(found, key=lambda run: run.series.index)

    def records(self, run_id: int, since: int = 0) -> list[ModelRecords]:
        """The curves as far as they have been played, from step `since` on."""
        with self._lock:
            found = self._moment(run_id)
        if found is None:
            return []
        tape, replay, seconds = found
        records = tape.records_at(seconds * replay.pace if replay else tape.duration_s)
        return [model.since(since) for model in records]

    def pause(self, run_id: int, by: User = NOBODY) -> None:
        """Raises NotYours unless `by` began the replay or is a lecturer, as all of these."""
        with self._lock:
            if (replay := self._mine(run_id, by)) and replay.held_s is None:
                replay.held_s = self._clock() - replay.begun

    def resume(self, run_id: int, by: User = NOBODY) -> None:
        with self._lock:
            if (replay := self._mine(run_id, by)) and replay.held_s is not None:
                replay.begun, replay.held_s = self._clock() - replay.held_s, None

    def stop(self, run_id: int, by: User = NOBODY) -> None:
        """Ends the replay: the whole run is shown."""
        with self._lock:
            if replay := self._mine(run_id, by):
                replay.begun, replay.held_s = self._clock() - LONG_S, None

    def _mine(self, run_id: int, by: User) -> Replay | None:
        number, place = divmod(-run_id, BLOCK)
        replay = self._replays.get(number, {}).get(place)
        if replay and not by.may_change(self.run(run_id)):
            raise NotYours("This replay was begun by somebody else, who alone can change it.")
        return replay

    def _moment(self, run_id: int) -> tuple[Recording, Replay | None, float] | None:
        """(recording, its replay if it is being played, seconds of the replay)."""
        number, place = divmod(-run_id, BLOCK)
        try:
            tape = self._tape(number)
        except RecordingError:
            return None
        replay = self._replays.get(number, {}).get(place)
        return tape, replay, replay.seconds(self._clock()) if replay else 0.0

    def _tape(self, number: int) -> Recording:
        if number in self._shipped and number not in self._tapes:
            self._tapes[number] = shipped(self._shipped[number])
        found = self._tapes.get(number) or self._opened.tape(number)
        if found is None:
            raise RecordingError("there is no such recording here", "Open its file again")
        return found


def shipped(path: Path) -> Recording:
    """A file of the program's own, which may be of a series with others."""
    tape = read(path)
    if place := tape.head["series"]:
        place = place | {"id": RECORDED + place["id"]}
    return replace(tape, head=tape.head | {"series": place})
