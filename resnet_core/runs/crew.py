"""The trainer processes of one owner: starting them, hearing from them, and how they went."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from . import processes, wire
from .limits import Limits
from .logs import cap_log

PIECE = 1 << 18  # bytes read at once
ANSWER_S = 5.0  # an idle trainer answers in milliseconds


class TrainerProcess:
    """One trainer process, seen from its owner."""

    def __init__(self, place: int, limits: Limits, log: Path):
        self.place = place
        self.process = processes.spawn(
            "resnet_core.runs.trainer",
            limits.to_json(),
            str(place),
            str(log),
            log=log,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.frames = wire.Frames()
        self.device: str | None = None  # the best that it can use; None until it is warm
        self.heard_at = time.monotonic()

    def tell(self, **order: object) -> None:
        """Whoever cannot be told anything is ended: that shows as the end of its file."""
        if not wire.send(self.process.stdin, wire.line(**order)):
            with suppress(OSError):
                self.process.kill()

    def read(self) -> list[tuple[dict, bytes]] | None:
        """The frames that have come; None at the end of file."""
        piece = os.read(self.process.stdout.fileno(), PIECE)
        self.heard_at = time.monotonic()
        return list(self.frames.feed(piece)) if piece else None


class Crew:
    """All trainers of an owner. On a CPU one per net, elsewhere the first has them all."""

    def __init__(self, size: int, limits: Limits, log: Path):
        self._size, self._log = size, log
        self._code = processes.code_version()
        self._selector = selectors.DefaultSelector()
        self._oom_kills = 0  # of the whole machine when the run began
        self.trainers = [TrainerProcess(place, limits, log) for place in range(size)]
        for trainer in self.trainers:
            self._selector.register(trainer.process.stdout, selectors.EVENT_READ, trainer)

    def also_watch(self, file) -> None:
        self._selector.register(file, selectors.EVENT_READ, None)

    def forget(self, file) -> None:
        self._selector.unregister(file)

    def hear(self, timeout_s: float | None) -> Iterator[tuple[TrainerProcess | None, dict, bytes]]:
        """What has come within the time; the kind is "gone" for a trainer that went away.

        No trainer and no kind: the file of `also_watch` has something.
        """
        cap_log(self._log)
        for key, _ in self._selector.select(timeout_s):
            if (trainer := key.data) is None:
                yield None, {}, b""
            elif (frames := trainer.read()) is None:
                self._selector.unregister(trainer.process.stdout)
                yield trainer, {"kind": "gone"}, b""
            else:
                yield from ((trainer, head, data) for head, data in frames)

    def begin(self) -> None:
        """A run begins: what was said and what happened before it is no part of it."""
        self._oom_kills = oom_kills()
        self.tell(do="begin")

    def is_fit(self) -> bool:
        """Whether it can have another run: all are well, and hold the program as it is now."""
        return self._all_answer() and processes.code_version() == self._code

    def _all_answer(self) -> bool:
        """To look whether they live is not enough: one that was killed lives a moment longer."""
        self.tell(do="answer")
        silent, deadline = set(self.trainers), time.monotonic() + ANSWER_S
        while silent and time.monotonic() < deadline:
            if any(trainer.process.poll() is not None for trainer in silent):
                return False
            for trainer, head, _ in self.hear(0.05):
                if head["kind"] == "gone":
                    return False
                if head["kind"] == "here":
                    silent.discard(trainer)
        return not silent

    def tell(self, **order: object) -> None:
        for trainer in self.trainers:
            trainer.tell(**order)

    def give(self, job: str, **order: object) -> None:
        """Each its part of the job."""
        for trainer in self.trainers:
            trainer.tell(do=job, models=self.models_of(trainer), **order)
        self.expect_life()

    def expect_life(self) -> None:
        """They were idle, or stood still because they had to: the silence counts from now."""
        for trainer in self.trainers:
            trainer.heard_at = time.monotonic()

    def models_of(self, trainer: TrainerProcess) -> list[int]:
        """The nets that it trains."""
        return list(range(self._size))[self.trainers.index(trainer) :: len(self.trainers)]

    def dismiss(self, trainer: TrainerProcess) -> None:
        """It has no part in this run."""
        self._selector.unregister(trainer.process.stdout)
        self.trainers.remove(trainer)
        with suppress(OSError):
            trainer.process.stdin.close()

    def end(self) -> None:
        """Kills what is left. Nothing is lost: what they have sent is here."""
        for trainer in self.trainers:
            with suppress(OSError):
                trainer.process.kill()
            with suppress(subprocess.TimeoutExpired):
                trainer.process.wait(timeout=5)

    def how_it_went(self, trainer: TrainerProcess) -> tuple[str, str, str]:
        """(ended, reason, detail) for a trainer that went away without a word.

        Killed from outside, it is the same end as that of a killed owner.
        """
        try:
            status = trainer.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "failed", "crash", "it closed its output"
        if status == -signal.SIGKILL:
            if oom_kills() > self._oom_kills:
                return "failed", "ram", ""
            return "interrupted", "killed", processes.in_words(status)
        return "failed", "crash", processes.in_words(status)


def oom_kills() -> int:
    """How often the kernel killed for want of memory since it started; 0 where it does not say."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def offer_to_oom_killer() -> None:
    """When memory runs out the training shall go, not the page that could say so."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
