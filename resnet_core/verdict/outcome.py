"""What one net of a run has shown so far: the part of its records that a verdict is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from resnet_core.record import Diverged, Record
from resnet_core.runs.run import ModelProgress, ModelRecords


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Of each array, row i belongs to the i-th of its steps: without any, to step i."""

    loss: np.ndarray  # [rows], nats, of the batches
    accuracy: np.ndarray  # [rows], 0..1, of the batches
    steps: np.ndarray | None = None  # [rows], of loss and accuracy
    input_grad: np.ndarray  # [rows, blocks], L2 norms, in path order
    grad_steps: np.ndarray | None = None
    act_rms: np.ndarray | None = None  # [rows, blocks], behind each block; None if not measured
    rms_steps: np.ndarray | None = None
    grad_skip: np.ndarray | None = None  # [rows, blocks]; None unless each block has a (+) of its F
    held_out: float | None = None  # accuracy 0..1, when known
    diverged_at: str | None = None  # path of the first op with a non-finite value
    diverged_step: int | None = None
    what: str | None = None  # "output", "gradient" or "loss" of it
    cause: str | None = None  # the likely one, one sentence

    def __post_init__(self):
        """Every array has its steps; what was not recorded is None."""
        for name, rows in STEPS_OF.items():
            values = getattr(self, rows)
            if values is not None and getattr(self, name) is None:
                object.__setattr__(self, name, np.arange(len(values)))

    @property
    def last(self) -> int:
        """The last step there is; -1 before the first."""
        return int(self.steps[-1]) if len(self.steps) else -1


STEPS_OF = {"steps": "loss", "grad_steps": "input_grad", "rms_steps": "act_rms"}


def outcome_of(records: ModelRecords, progress: ModelProgress | None = None) -> Outcome:
    """The curves of one net, and how it ended if it did."""
    end = progress and progress.end
    diverged = end if end and end.how == "diverged" else None
    blocks = records.labels.get("input_grad", ())
    no_rows = np.empty((0, len(blocks)), dtype=np.float32)
    return Outcome(
        loss=records.scalars.get("loss", no_rows[:, 0] if len(blocks) else np.empty(0)),
        accuracy=records.scalars.get("accuracy", np.empty(0)),
        steps=records.steps,
        input_grad=records.per_op.get("input_grad", no_rows),
        grad_steps=records.steps_of("input_grad"),
        act_rms=_columns(records, "act_rms", blocks),
        rms_steps=records.steps_of("act_rms"),
        grad_skip=_columns(records, "grad_skip", blocks),
        held_out=progress and progress.accuracy,
        diverged_at=diverged and diverged.path,
        diverged_step=diverged and diverged.step,
        what=diverged and diverged.what,
        cause=diverged and diverged.cause,
    )


def _columns(records: ModelRecords, probe: str, blocks: Sequence[str]) -> np.ndarray | None:
    """The rows of a probe at the blocks alone; None unless it has been measured at each of them."""
    labels = list(records.labels.get(probe, ()))
    if probe not in records.per_op or not blocks or not set(blocks) <= set(labels):
        return None
    return records.per_op[probe][:, [labels.index(path) for path in blocks]]


def outcome_of_events(
    events: Iterable[Record | Diverged],
    labels: Mapping[str, Sequence[str]],
    held_out: float | None = None,
) -> Outcome:
    """What a train.Trainer gave, without a store between; `labels` are the trainer's."""
    events = list(events)
    records = [event for event in events if isinstance(event, Record)]
    rows = {key: [r for r in records if key in r.per_op] for key in labels}
    seen = ModelRecords(
        model=records[0].model if records else 0,
        labels={key: tuple(paths) for key, paths in labels.items()},
        steps=np.array([r.step for r in records], dtype=np.int64),
        scalars={
            name: np.array([r.scalars[name] for r in records]) for name in ("loss", "accuracy")
        },
        per_op={
            key: np.stack([r.per_op[key] for r in found]) for key, found in rows.items() if found
        },
        probe_steps={key: np.array([r.step for r in found]) for key, found in rows.items()},
    )
    outcome = replace(outcome_of(seen), held_out=held_out)
    for end in events[-1:]:
        if isinstance(end, Diverged):
            outcome = replace(
                outcome,
                diverged_at=end.path,
                diverged_step=end.step,
                what=end.what,
                cause=getattr(end, "cause", None),
            )
    return outcome
