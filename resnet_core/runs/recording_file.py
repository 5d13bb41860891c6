"""Recordings as files: a zip of a JSON head and plain arrays, read without trusting it.

head.json, and for each net its arrays as .npy without pickle: steps, known_s, scalars and per_op
of every step, and beside each probe the steps it looked at. float32 and int64, little endian.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from resnet_core.zips import METHODS

from .recording import Recording, RecordingError
from .recording_arrays import nets_from
from .recording_head import checked, head_of
from .run import ModelRecords, Run

ENDING = ".rxrun"
MIME = "application/zip"
FORMAT, VERSION = "residual-explorer recording", 1
#: bytes when unpacked: 50 times the largest that ships
MAX_CONTENT = 32 * 1024**2
MAX_FILE = MAX_CONTENT  # bytes; no packed file is longer by more than a few
MAX_HEAD = 2 * 1024**2  # bytes: the names of places of a very deep net
MAX_ENTRIES = 200
ENTRY_MARK = b"PK\x01\x02"  # before every entry of a zip's directory
#: entries are dated alike, so that equal runs make equal files
DATE = (1980, 1, 1, 0, 0, 0)
ENTRY = re.compile(r"net[01]/(steps|known_s|(scalar|probe|steps)/[a-z][a-z0-9_]{0,39})\.npy")
TOO_LONG = (
    f"this run has more records than the {MAX_CONTENT // 1024**2} MiB that a recording holds",
    "Take its numbers as CSV or Parquet",
)
FOREIGN = "Choose a file that this program has recorded"
Timings = Mapping[int, Sequence[tuple[float, int]]]  # model -> what `known_s` takes


def record(
    run: Run,
    records: Sequence[ModelRecords],
    timings: Timings | None = None,
    *,
    title: str = "",
    about: str = "",
    said: Sequence[str] = (),
) -> bytes:
    """A run that is over, with all that it showed, as one file; `said` is what was seen in it.

    Without `timings` it will be replayed at an even pace. Raises RecordingError, also for a run
    with more records than `read` takes.
    """
    if not run.is_over:
        raise RecordingError("this run is still going on", "Wait for its end, or stop it")
    arrays, labels = {}, []
    for model in records:
        seen = (timings or {}).get(model.model, ())
        arrays |= arrays_of(model, known_s(run, model, seen))
        labels.append({name: list(paths) for name, paths in model.labels.items()})
    head = {"format": FORMAT, "version": VERSION, "is_paced": bool(timings), "labels": labels}
    head |= head_of(run, title or run.config.net.name, about, said)
    entries = {"head.json": json.dumps(head, allow_nan=False).encode()}
    entries |= {name: npy(array) for name, array in arrays.items()}
    if sum(map(len, entries.values())) > MAX_CONTENT:
        raise RecordingError(*TOO_LONG)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in entries.items():
            put(archive, name, content)
    return file.getvalue()


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


def is_too_long(records: Sequence[ModelRecords]) -> bool:
    """Whether a run has more records than a recording holds, but for a few bytes."""
    held = 0
    for model in records:
        held += sum(values.nbytes for values in model.scalars.values())
        held += sum(v.nbytes + model.steps_of(name).nbytes for name, v in model.per_op.items())
    return held > MAX_CONTENT


def npy(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array(content, array, version=(1, 0), allow_pickle=False)
    return content.getvalue()


def mib(size: int) -> str:
    return f"{size / 1024**2:,.0f} MiB"


def put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def arrays_of(records: ModelRecords, known: np.ndarray) -> dict[str, np.ndarray]:
    """entry -> array, of one net."""
    folder = f"net{records.model}"
    found = {"steps": records.steps.astype("<i8"), "known_s": known.astype("<f4")}
    for name, values in records.scalars.items():
        found[f"scalar/{name}"] = values.astype("<f4")
    for name, rows in records.per_op.items():
        found[f"probe/{name}"] = rows.astype("<f4")
        found[f"steps/{name}"] = records.steps_of(name).astype("<i8")
    return {f"{folder}/{name}.npy": np.ascontiguousarray(array) for name, array in found.items()}


def read(source: Path | bytes) -> Recording:
    """A file that `record` wrote. Nothing in it is run, nothing is allocated on its word.

    Raises RecordingError. The config is checked when `Recording.config` is asked for.
    """
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as e:
        raise RecordingError(f"the file cannot be read ({e.strerror})", "Choose another") from e
    if len(content) > MAX_FILE:
        raise RecordingError(f"{mib(len(content))} are more than {mib(MAX_FILE)}", FOREIGN)
    if content.count(ENTRY_MARK) > 2 * MAX_ENTRIES:  # chance makes a few: zipfile reads them all
        raise RecordingError("this zip file holds no recording", FOREIGN)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = {name: unpacked(archive, name) for name in entry_names(archive)}
    except RecordingError:  # it is a ValueError, too
        raise
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError) as e:
        raise RecordingError("this is no recording, or a part of one", FOREIGN) from e
    except (EOFError, OSError, ValueError, zlib.error) as e:
        raise RecordingError("the file is damaged", "Copy it again") from e
    head = head_from(entries.pop("head.json"))
    return Recording(head, tuple(nets_from(head, entries)))


def entry_names(archive: zipfile.ZipFile) -> list[str]:
    """All entries, if they are few, known, and small when unpacked."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if any(entry.compress_type not in METHODS for entry in entries):
        raise RecordingError("this zip file holds no recording", FOREIGN)
    if len(names) > MAX_ENTRIES or len(set(names)) < len(names) or "head.json" not in names:
        raise RecordingError("this zip file holds no recording", FOREIGN)
    for name in names:
        if name != "head.json" and not ENTRY.fullmatch(name):
            raise RecordingError(f"{ascii(name)[:60]} does not belong into a recording", FOREIGN)
    if archive.getinfo("head.json").file_size > MAX_HEAD:
        raise RecordingError("its head is too large", FOREIGN)
    if sum(entry.file_size for entry in entries) > MAX_CONTENT:
        raise RecordingError(f"it unpacks to more than {mib(MAX_CONTENT)}", "Record a shorter run")
    return names


def unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    """Never more than the directory says; zipfile checks the CRC at the end."""
    size = archive.getinfo(name).file_size
    with archive.open(name) as file:
        content = file.read(size + 1)
    if len(content) != size:
        raise zipfile.BadZipFile
    return content


def head_from(content: bytes) -> dict:
    try:
        head = json.loads(content, parse_constant=no_constant)
    except (ValueError, RecursionError) as e:
        raise RecordingError("its head is no JSON", FOREIGN) from e
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise RecordingError("this zip file holds no recording", FOREIGN)
    version = head.get("version")
    if version != VERSION:
        raise RecordingError(
            f"its version is {version!r:.20}, this program reads {VERSION}", "Update the program"
        )
    return checked(head)


def no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
