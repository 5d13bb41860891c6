"""What a run gives to take away: its numbers for other programs, and itself to be replayed.

To add a kind: a function from a run and its records to bytes, and a row in RUN_FILES.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from resnet_core.runs.recording_file import ENDING, MIME, record
from resnet_core.runs.run import ModelRecords, Run
from resnet_core.spec import SpecError

from .long_table import csv, parquet
from .tensorboard_file import tensorboard

__all__ = ["RUN_FILES", "RunFile", "run_file", "run_file_name"]


@dataclass(frozen=True)
class RunFile:
    """A row of RUN_FILES."""

    title: str
    what: str  # one sentence for menus and help
    suffix: str  # of the file's name
    mime: str
    make: Callable[[Run, Sequence[ModelRecords]], bytes]
    is_whole: bool = False  # made only of a run that is over


def run_file(run: Run, records: Sequence[ModelRecords], kind: str) -> bytes:
    """The file of that kind, a key of RUN_FILES. Raises SpecError."""
    if kind not in RUN_FILES:
        raise SpecError("file", f"there is no {kind!r:.40}", f"Use one of {', '.join(RUN_FILES)}")
    return RUN_FILES[kind].make(run, records)


def run_file_name(run: Run, row: RunFile) -> str:
    """A name that every system takes: letters, digits, "_", "-" and "." alone."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", run.recorded or run.config.net.name).strip("_")[:60]
    number = f"_run{run.id}" if run.id > 0 else ""
    return f"{name or 'run'}{number}{row.suffix}"


RUN_FILES = {
    "csv": RunFile(
        "CSV",
        "Every number of both nets in one long table, for spreadsheets and any language.",
        ".csv",
        "text/csv",
        csv,
    ),
    "parquet": RunFile(
        "Parquet",
        "The same table, small and typed, for pandas, polars, DuckDB and R.",
        ".parquet",
        "application/vnd.apache.parquet",
        parquet,
    ),
    "tensorboard": RunFile(
        "TensorBoard",
        "Event files in a zip: unpack it, then tensorboard --logdir on its folder. At most "
        "1,000 steps of a curve, as many as TensorBoard shows.",
        "_tensorboard.zip",
        "application/zip",
        tensorboard,
    ),
    "recording": RunFile(
        "Recording",
        "The run itself: this program replays it at once, without training.",
        ENDING,
        MIME,
        record,
        is_whole=True,
    ),
}
