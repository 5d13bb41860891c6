"""A finished run that was kept whole, and what it looked like at any moment: no torch work.

The file of it is recording_file.py's, who plays it to viewers is recordings.py.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from resnet_core.proof import Proof
from resnet_core.spec import SpecError

from .run import ModelEnd, ModelProgress, ModelRecords, Resolved, Run, SeriesPlace

if TYPE_CHECKING:  # importing it costs torch: done when somebody asks for the config
    from resnet_core.run_config import RunConfig


class RecordingError(SpecError):
    """A file that cannot be played: what is wrong with it, and what would do."""

    def __init__(self, problem: str, remedy: str = "Record the run again"):
        super().__init__("recording", problem, remedy)


@dataclass(frozen=True)
class NetTape:
    """All that one net showed."""

    records: ModelRecords
    known_s: np.ndarray  # float32 [steps]: seconds of training after which a step was stored

    def until(self, at_s: float) -> ModelRecords:
        """Views of the records up to that moment."""
        return first_steps(self.records, self.steps_at(at_s))

    def steps_at(self, at_s: float) -> int:
        return int(np.searchsorted(self.known_s, at_s, side="right"))


def first_steps(records: ModelRecords, count: int) -> ModelRecords:
    """The records of the first `count` steps; what a probe has seen of them. Views."""
    last = records.steps[count - 1] if count else -1
    seen = {
        name: int(np.searchsorted(records.steps_of(name), last, side="right"))
        for name in records.per_op
    }
    return replace(
        records,
        steps=records.steps[:count],
        scalars={name: values[:count] for name, values in records.scalars.items()},
        per_op={name: rows[: seen[name]] for name, rows in records.per_op.items()},
        probe_steps={name: records.steps_of(name)[: seen[name]] for name in records.per_op},
    )


@dataclass(frozen=True)
class Recording:
    """`head` is what JSON holds of it: see `head_of`."""

    head: dict
    nets: tuple[NetTape, ...]

    @property
    def title(self) -> str:
        return self.head["title"]

    @property
    def about(self) -> str:
        """One sentence: what is to be seen in it."""
        return self.head["about"]

    @property
    def duration_s(self) -> float:
        """Seconds of training, from the first record to the end."""
        last = max((float(net.known_s[-1]) for net in self.nets if len(net.known_s)), default=0.0)
        return max(last, self.head["run"]["elapsed_s"])

    @cached_property
    def config(self) -> RunConfig:
        """Imports torch. Raises SpecError for a config that this program cannot read."""
        return config_of(self.head["config"])

    @cached_property
    def run(self) -> Run:
        """The run as it ended. Imports torch, and raises SpecError, as `config` does."""
        from resnet_core.series import SERIES  # here: it imports torch

        resolved, place = self.head["resolved"], self.head["series"]
        if place and place["kind"] not in SERIES:
            raise RecordingError(f"there is no series of kind {place['kind']!r:.40}")
        if resolved is not None:
            resolved = Resolved(**{**resolved, "config": config_of(resolved["config"])})
        proof = {k: tuple(v) if isinstance(v, list) else v for k, v in self.head["proof"].items()}
        return Run(
            id=0,
            request_id="",
            config=self.config,
            resolved=resolved,
            state="ended",
            position=None,
            want="run",
            models=tuple(progress_of(model) for model in self.head["models"]),
            proof=Proof(**proof),
            series=place and SeriesPlace(**place),
            recorded=self.title,
            **self.head["run"],
        )

    def run_at(self, at_s: float) -> Run:
        """The run as it was `at_s` seconds of training after its first record."""
        if at_s >= self.duration_s:
            return self.run
        models = tuple(
            replace(model, steps_done=done, end=None, accuracy=None)
            if (done := net.steps_at(at_s)) < len(net.known_s)
            else model
            for model, net in zip(self.run.models, self.nets)
        )
        done = min(net.steps_at(at_s) for net in self.nets)
        proof = self.run.proof
        proof = replace(
            proof,
            batches_compared=min(done, proof.batches_compared),
            batches_identical=min(done, proof.batches_identical),
        )
        return replace(
            self.run,
            state="running",
            ended=None,
            reason=None,
            sentence="Replaying a recorded run.",
            models=models,
            proof=proof,
            ended_at=None,
            elapsed_s=at_s,
            eta_s=self.duration_s - at_s,
            lr=self._peak_at(done),
        )

    def records_at(self, at_s: float) -> list[ModelRecords]:
        """What was known of the curves at that moment, one entry per net."""
        return [net.until(at_s) for net in self.nets]

    def _peak_at(self, step: int) -> float:
        """The peak learning rate that was asked for last."""
        settled = self.run.resolved.config if self.run.resolved else self.config
        peaks = [lr for first, lr in settled.lr_changes if first <= step]
        return peaks[-1] if peaks else settled.lr


def config_of(data: dict) -> RunConfig:
    from resnet_core.run_config import RunConfig  # here: it imports torch

    return RunConfig.from_json(json.dumps(data))


def progress_of(model: dict) -> ModelProgress:
    end = model["end"] and ModelEnd(**model["end"])
    return ModelProgress(**{**model, "end": end})


def known_s(run: Run, records: ModelRecords, seen: Sequence[tuple[float, int]]) -> np.ndarray:
    """float32 [steps]: when each step was known, from looks at the run while it went on.

    `seen` are pairs of (seconds of training, steps known then). Without any, the steps are
    spread evenly over the training.
    """
    count = len(records.steps)
    pairs = sorted(seen) or [(0.0, 1), (run.elapsed_s, count)]
    seconds, steps = zip(*pairs)
    every = np.interp(np.arange(1, count + 1), np.maximum.accumulate(steps), seconds)
    return every.astype(np.float32)


def head_of(run: Run, title: str, about: str, said: Sequence[str]) -> dict:
    """What a file says of a run besides its numbers. Who owned it is not in it."""
    resolved = run.resolved and {**vars(run.resolved), "config": plain(run.resolved.config)}
    if resolved and not resolved["images"]:
        del resolved["images"]
    return {
        "title": title,
        "about": about,
        "said": list(said),  # what was seen in it, for who reads the file without this program
        "config": plain(run.config),
        "resolved": resolved,
        "proof": vars(run.proof),
        "series": run.series and vars(run.series),
        "models": [told_of(model) for model in run.models],
        "run": {name: getattr(run, name) for name in KEPT} | {"sentence": one_line(run.sentence)},
    }


def told_of(model: ModelProgress) -> dict:
    known = model.accuracy is not None and math.isfinite(model.accuracy)  # JSON has no NaN
    return {
        **vars(model),
        "end": model.end and vars(model.end),
        "accuracy": model.accuracy if known else None,
    }


def one_line(text: str) -> str:
    """What a device said may hold anything."""
    return "".join(c if c.isprintable() else " " for c in text)[:2000]


def plain(config: RunConfig) -> dict:
    return json.loads(config.to_json())


Timings = Mapping[int, Sequence[tuple[float, int]]]  # model -> what `known_s` takes
#: fields of a Run that are plain numbers and texts
KEPT = (
    "ended",
    "reason",
    "sentence",
    "total_steps",
    "queued_at",
    "started_at",
    "first_record_at",
    "ended_at",
    "first_record_s",
    "elapsed_s",
    "slot",
)
