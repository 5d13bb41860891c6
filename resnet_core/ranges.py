"""Which numbers a run may be given. It needs no torch: the owners of runs use it, too."""

from __future__ import annotations

from .spec import SpecError


def check_range(name: str, value: object) -> None:
    """Raises SpecError unless `value` is a number within RANGES[name]; NaN is in no range."""
    kind, least, most = RANGES[name]
    is_number = isinstance(value, (int, kind)) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:
        what = "whole number" if kind is int else "number"
        raise SpecError(
            name, f"{value!r:.40} will not do", f"Use a {what} from {least} to {most:,}"
        )


MAX_CHANGES = 1000  # of the learning rate, in one run
#: field of RunConfig -> (type, least, most)
RANGES = {
    "steps": (int, 1, 20_000),
    "seconds": (int, 1, 3600),
    "batch_size": (int, 2, 1024),  # batch norm needs two examples
    "lr": (float, 1e-9, 10),
    "momentum": (float, 0, 0.9999),
    "weight_decay": (float, 0, 1),
    "warmup": (int, 0, 20_000),
    "label_smoothing": (float, 0, 0.9),
    "clip": (float, 1e-6, 1e6),
    "seed": (int, 0, 2**31 - 1),
}
