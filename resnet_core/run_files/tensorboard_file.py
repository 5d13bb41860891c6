"""The records of a run as TensorBoard's event files: a folder for each net, zipped.

Both nets use the same tags, so that TensorBoard draws them into the same charts. The values of
a probe at one step are one event: 50 times fewer of them than layers times steps.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from resnet_core.runs.run import ModelRecords, Run

from .facts import facts, role_of
from .long_table import channels

#: of a curve, evenly, its last among them: TensorBoard shows no more (its samples_per_plugin)
MAX_STEPS = 1000
DATE = (1980, 1, 1, 0, 0, 0)


def tensorboard(run: Run, records: Sequence[ModelRecords]) -> bytes:
    """A zip with `residual/` and `plain/`. Tags: "loss" and, of a probe, "input_grad/stem"."""
    told = "\n\n".join(f"**{name}**: `{fact}`" for name, fact in facts(run, records).items())
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for model in records:
            name = f"{role_of(run, model.model)}/events.out.tfevents.{int(began(run))}.run"
            entry = zipfile.ZipInfo(name, DATE)
            archive.writestr(entry, event_file(run, model, told), zipfile.ZIP_DEFLATED, 1)
    return file.getvalue()


def began(run: Run) -> float:
    """Unix seconds of the first record."""
    return run.first_record_at or run.started_at or run.queued_at


def event_file(run: Run, records: ModelRecords, told: str) -> bytes:
    from tensorboardX.record_writer import RecordWriter  # here: only who asks needs it

    with TemporaryDirectory() as folder:
        path = Path(folder) / "events"
        writer = RecordWriter(str(path))
        for event in events(run, records, told):
            writer.write(event.SerializeToString())
        writer.close()
        return path.read_bytes()


def events(run: Run, records: ModelRecords, told: str) -> Iterator:
    """Steps are spread evenly over the training: when each was done is not recorded."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary
    from tensorboardX.summary import text

    start = began(run)
    pace = run.elapsed_s / max(1, int(records.steps[-1])) if len(records.steps) else 0.0
    yield Event(wall_time=start, file_version="brain.Event:2")
    yield Event(wall_time=start, step=0, summary=text("run", told))
    for quantity, paths, steps, rows in channels(records):
        tags = [f"{quantity}/{path}" if path else quantity for path in paths]
        kept = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), MAX_STEPS)).astype(int))
        for step, row in zip(steps[kept].tolist(), rows[kept].tolist()):
            values = [Summary.Value(tag=tag, simple_value=v) for tag, v in zip(tags, row)]
            yield Event(wall_time=start + step * pace, step=step, summary=Summary(value=values))
