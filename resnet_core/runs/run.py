"""What a page sees of a run: frozen data and the list of its states. How it may end: ends.py."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from resnet_core.proof import Proof

if TYPE_CHECKING:  # train imports torch: the supervisor and the owners stay light
    from resnet_core.train import RunConfig


class EngineError(Exception):
    """Training cannot work here: one plain sentence, with what would do."""


class StoreError(EngineError):
    """The data folder or its database cannot be used: one plain sentence, with what would do."""


class NotYours(EngineError):
    """A run may be changed by who started it, and by whoever has the lecturer's key."""


@dataclass(frozen=True)
class User:
    """Who asks: `id` is that of the browser, from its cookie, or of whoever starts from a shell."""

    id: str = ""
    is_lecturer: bool = False

    def may_change(self, run: Run) -> bool:
        """Its own runs; those of nobody; with the key, all."""
        return self.is_lecturer or run.owner in ("", self.id)


@dataclass(frozen=True)
class SeriesPlace:
    """Where a run stands in a series of runs that are shown together; see resnet_core.series."""

    id: str  # of the series: the request id that it was submitted with
    kind: str  # key of series.SERIES
    title: str
    index: int  # 0 = the first
    size: int
    label: str  # what tells it from the others: "seed 2", "depth 56"


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """What was settled before step 0 and is part of what makes a run repeatable."""

    config: RunConfig  # `seconds` turned into `steps`
    threads: int  # of each net's training process
    torch: str  # version
    device: str  # name as the driver gives it: "CPU", "NVIDIA H200"
    images: str = ""  # digest of images that a user added: others may have their name later


@dataclass(frozen=True, kw_only=True)
class ModelEnd:
    """How one net of the run ended."""

    how: str  # one of MODEL_ENDS
    step: int  # the last one it was in
    path: str | None = None  # diverged: the first op with a non-finite value
    what: str | None = None  # diverged: "output", "gradient" or "loss"
    cause: str | None = None  # diverged: the likely cause, one sentence


@dataclass(frozen=True, kw_only=True)
class ModelProgress:
    """One net of the run: 0 = the net, 1 = its twin."""

    model: int
    steps_done: int
    end: ModelEnd | None = None
    accuracy: float | None = None  # [0..1] on held-out examples, when known


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything a page shows of a run except its curves."""

    id: int
    request_id: str
    config: RunConfig  # as submitted
    resolved: Resolved | None  # None until the training processes have settled it
    state: str  # one of STATES
    ended: str | None  # key of ENDS
    reason: str | None  # key of REASONS, for failed and interrupted
    sentence: str  # what is happening or how it ended, for the user; never a traceback
    position: int | None  # in the queue: 1 = next; None unless queued
    want: str  # "run", "pause" or "stop": asked for, and perhaps not yet done
    total_steps: int | None  # of each net; None until a time budget has been turned into steps
    models: tuple[ModelProgress, ...]
    proof: Proof
    queued_at: float  # unix seconds, to be shown; durations come from the monotonic clock
    started_at: float | None = None
    first_record_at: float | None = None
    ended_at: float | None = None
    first_record_s: float | None = None  # from submit to the first stored record
    elapsed_s: float = 0.0  # training since the first record, without pauses
    eta_s: float | None = None  # None until there is a speed to go by
    owner: str = ""  # User.id of who started it
    series: SeriesPlace | None = None
    slot: str | None = None  # where it trains: "cpu:0", "cuda:0"; None before it has one
    wait_s: float | None = None  # expected, while it is queued; None if nothing is known
    lr: float | None = None  # the peak that was asked for last, while it runs
    recorded: str | None = None  # the title of a recording that is replayed: nothing trains

    @property
    def is_over(self) -> bool:
        return self.state == "ended"

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def progress(self) -> float:
        """0..1 of the steps of the nets that still train; 1 when over."""
        if self.is_over:
            return 1.0
        todo = [m.steps_done for m in self.models if m.end is None]
        return min(todo) / self.total_steps if todo and self.total_steps else 0.0


@dataclass(frozen=True, kw_only=True)
class ModelRecords:
    """The curves of one net so far. Arrays are read-only views that later calls do not change."""

    model: int
    labels: Mapping[str, tuple[str, ...]]  # probe -> op paths, in path order
    steps: np.ndarray  # int64
    scalars: Mapping[str, np.ndarray] = field(default_factory=dict)  # name -> float32 [steps]
    per_op: Mapping[str, np.ndarray] = field(default_factory=dict)  # probe -> float32 [rows, ops]
    #: probe -> the steps of its rows; not every probe looks at every step
    probe_steps: Mapping[str, np.ndarray] = field(default_factory=dict)

    def steps_of(self, probe: str) -> np.ndarray:
        """The steps that this probe has rows for; none if the run has not recorded it."""
        every = self.steps if probe in self.per_op else self.steps[:0]
        return self.probe_steps.get(probe, every)

    def since(self, step: int) -> ModelRecords:
        """The same curves from that step on."""
        return self if step <= 0 else self.between(step, sys.maxsize)

    def between(self, begin: int, end: int) -> ModelRecords:
        """The same curves at steps begin <= step < end; views, so nothing is copied."""

        def cut(steps: np.ndarray) -> slice:
            return slice(*np.searchsorted(steps, (begin, end)))

        cuts = {name: cut(self.steps_of(name)) for name in self.per_op}
        every = cut(self.steps)
        return replace(
            self,
            steps=self.steps[every],
            scalars={name: values[every] for name, values in self.scalars.items()},
            per_op={name: rows[cuts[name]] for name, rows in self.per_op.items()},
            probe_steps={name: self.steps_of(name)[cuts[name]] for name in self.per_op},
        )


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What a training process of this machine does, to estimate a run before it starts."""

    device: str
    op_overhead_s: float  # seconds per op and step, however small the op
    macs_per_s: float  # forward and backward, one net, both nets side by side

    def step_s(self, ops: int, macs: int, batch_size: int) -> float:
        """Seconds per step of a net of `ops` ops; `macs` are forward ones, of one example."""
        # a backward pass costs two forward ones: gradients of inputs and of weights
        return ops * self.op_overhead_s + 3 * macs * batch_size / self.macs_per_s


STATES = ("queued", "starting", "running", "paused", "ended")
#: states in which a run holds the slot
ACTIVE = ("starting", "running", "paused")
#: the sentence of a queued run of which there is nothing else to say
WAITS = "Waiting for its turn."
