"""The arrays of a recording's nets, once they are what the head says and fit together."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Mapping

import numpy as np

from .recording import NetTape, RecordingError
from .run import ModelRecords

#: what verdicts and charts take the logarithm of: no run has one below 0
LOGARITHMIC = ("loss", "input_grad", "act_rms")
#: what numpy says of a header that is none; it takes one that Python cannot read apart once more
NO_HEADER = (
    ValueError,
    TypeError,
    SyntaxError,
    tokenize.TokenError,
    RecursionError,
    MemoryError,
)


def nets_from(head: dict, entries: dict[str, bytes]) -> list[NetTape]:
    nets = []
    for model, labels in enumerate(head["labels"]):
        mine = {
            name.removeprefix(f"net{model}/").removesuffix(".npy"): array_from(name, content)
            for name, content in entries.items()
            if name.startswith(f"net{model}/")
        }
        nets.append(tape_from(model, labels, mine))
    strangers = {name for name in entries if int(name[3]) >= len(nets)}
    if strangers:
        raise RecordingError(f"{min(strangers)} belongs to no net of this run")
    return nets


def array_from(name: str, content: bytes) -> np.ndarray:
    """A read-only view of the bytes: version 1.0, C order, one of two types, nothing left over."""
    file = io.BytesIO(content)
    try:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    except NO_HEADER as e:
        raise RecordingError(f"{name} is no array", "Copy the file again") from e
    wanted = np.dtype("<i8" if "steps" in name else "<f4")
    size = len(content) - file.tell()
    counts = all(type(n) is int and 0 <= n <= len(content) for n in shape)  # True is none
    is_plain = dtype == wanted and not is_fortran and len(shape) <= 2 and counts
    if not is_plain or int(np.prod(shape, dtype=object)) * wanted.itemsize != size:
        raise RecordingError(f"{name} is not what its header says", "Copy the file again")
    return np.frombuffer(content, wanted, offset=file.tell()).reshape(shape)


def tape_from(model: int, labels: Mapping[str, list], arrays: dict[str, np.ndarray]) -> NetTape:
    """The arrays of a net, once they fit together."""
    steps, known = arrays.pop("steps", None), arrays.pop("known_s", None)
    if steps is None or known is None or not is_rising(steps):
        raise RecordingError(f"the steps of net {model} are missing or not in order")
    if known.shape != steps.shape or not np.isfinite(known).all() or (np.diff(known) < 0).any():
        raise RecordingError(f"the times of net {model} are missing or not in order")
    kinds: dict[str, dict] = {"scalar": {}, "probe": {}, "steps": {}}
    for name, array in arrays.items():
        kind, _, quantity = name.partition("/")
        kinds[kind][quantity] = array
    scalars, probes, seen = kinds.values()
    for name, values in scalars.items():
        if values.shape != steps.shape:
            raise RecordingError(f"{name} of net {model} does not fit its {len(steps)} steps")
    if missing := {"loss", "accuracy"} - set(scalars) | {"input_grad"} - set(probes):
        raise RecordingError(f"{min(missing)} of net {model} is missing")
    if not set(probes) == set(seen) == set(labels):
        raise RecordingError(f"the probes of net {model} do not fit their names")
    for name, rows in probes.items():
        fits = rows.shape == (len(seen[name]), len(labels[name])) and is_rising(seen[name])
        if not fits or not np.isin(seen[name], steps).all():
            raise RecordingError(f"{name} of net {model} does not fit its steps and places")
    for name, values in (scalars | probes).items():
        if name in LOGARITHMIC and (values < 0).any():
            raise RecordingError(f"{name} of net {model} has numbers below 0")
    records = ModelRecords(
        model=model,
        labels={name: tuple(paths) for name, paths in labels.items()},
        steps=steps,
        scalars=scalars,
        per_op=probes,
        probe_steps=seen,
    )
    return NetTape(records, known)


def is_rising(steps: np.ndarray) -> bool:
    return steps.ndim == 1 and (steps >= 0).all() and (np.diff(steps) > 0).all()
