"""What the head of a recording must be, field by field, before a page believes it."""

from __future__ import annotations

import math

from .recording import KEPT, RecordingError
from .run import ENDS, MODEL_ENDS, REASONS

MAX_TEXT = 2000  # characters of a sentence or a path
MAX_NAMES = 20_000  # places of a probe, tensors of a net


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
