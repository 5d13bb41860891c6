"""The head of a recording: what it says of a run, and what it must be before a page believes it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .ends import ENDS, MODEL_ENDS, REASONS
from .recording import RecordingError
from .run import ModelProgress, Run

if TYPE_CHECKING:  # importing it costs torch, and whoever has a run has paid for that
    from resnet_core.run_config import RunConfig

MAX_TEXT = 2000  # characters of a sentence or a path
MAX_NAMES = 20_000  # places of a probe, tensors of a net
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


def checked(head: dict) -> dict:
    """The head, whole. Raises RecordingError. The configs are RunConfig.from_json's to check."""
    for name, check in HEAD.items():
        if name not in head or not check(head[name]):
            raise RecordingError(f"{name} is missing from its head, or not what it should be")
    numbers = [model["model"] for model in head["models"]]
    if numbers != list(range(len(head["labels"]))):
        raise RecordingError("its nets do not fit its run")
    return head


def text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable()


def number(value: object) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and abs(value) < 1e12 and math.isfinite(value) and value >= 0


def count(value: object) -> bool:
    return number(value) and isinstance(value, int)


def yes_or_no(value: object) -> bool:
    return isinstance(value, bool)


def anything(value: object) -> bool:
    return True


def maybe(check):
    return lambda value: value is None or check(value)


def either(*checks):
    return lambda value: any(check(value) for check in checks)


def one_of(*keys):
    return lambda value: isinstance(value, str) and value in keys


def many(check, most: int):
    return lambda value: isinstance(value, list) and len(value) <= most and all(map(check, value))


def record_of(**checks):
    """A dict with exactly these keys."""
    return lambda value: (
        isinstance(value, dict)
        and value.keys() == checks.keys()
        and all(check(value[name]) for name, check in checks.items())
    )


def names(value: object) -> bool:
    return many(text, MAX_NAMES)(value)


def labels_of_net(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= 50
        and all(map(text, value))
        and all(map(names, value.values()))
    )


NET_END = record_of(
    how=one_of(*MODEL_ENDS),
    step=count,
    path=maybe(text),
    what=maybe(text),
    cause=maybe(text),
)
NET = record_of(
    model=count,
    steps_done=count,
    end=maybe(NET_END),
    accuracy=maybe(number),
)
RUN = {name: maybe(number) for name in KEPT} | {
    "ended": one_of(*ENDS),
    "reason": maybe(one_of("", *REASONS)),
    "sentence": text,
    "total_steps": maybe(count),
    "elapsed_s": number,
    "slot": maybe(text),
}
SETTLED = {"config": anything, "threads": count, "torch": text, "device": text}
#: field of the head -> what it must be
HEAD = {
    "is_paced": yes_or_no,
    "labels": many(labels_of_net, 2),
    "title": text,
    "about": text,
    "said": many(text, 20),
    "config": lambda value: isinstance(value, dict),
    "resolved": maybe(either(record_of(**SETTLED), record_of(images=text, **SETTLED))),
    "proof": record_of(
        tensors_shared=count,
        tensors_identical=count,
        set_by_init=count,
        only_0=names,
        only_1=names,
        batches_compared=count,
        batches_identical=count,
    ),
    "series": maybe(record_of(id=text, kind=text, title=text, index=count, size=count, label=text)),
    "models": many(NET, 2),
    "run": record_of(**RUN),
}
