"""A finished run that was kept whole, and what it looked like at any moment: no torch work.

The file of it is recording_file.py's; recordings.py plays it to viewers.
"""

from __future__ import annotations

import json
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
        count = self.steps_at(at_s)
        end = int(self.records.steps[count - 1]) + 1 if count else 0
        return self.records.between(0, end)

    def steps_at(self, at_s: float) -> int:
        return int(np.searchsorted(self.known_s, at_s, side="right"))


@dataclass(frozen=True)
class Recording:
    """`head` is what JSON holds of it: see recording_head.py."""

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
