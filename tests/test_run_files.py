"""Numbers of a run arrive in other programs as they were recorded, each read by another reader."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from ten_steps import CONFIG, RECORDS, RUN

from resnet_core.run_config import RunConfig
from resnet_core.run_files import RUN_FILES, run_file, run_file_name
from resnet_core.run_files.facts import SCALARS, facts, quantities
from resnet_core.runs.recording_file import read, record
from resnet_core.runs.run import ModelRecords


def exported(kind: str, run=RUN, records=RECORDS) -> bytes:
    return run_file(run, records, kind)


def numbers(records: ModelRecords, quantity: str) -> np.ndarray:
    found = records.per_op if quantity in records.per_op else records.scalars
    return found[quantity].ravel()


def check_table(table: pd.DataFrame) -> None:
    assert list(table.columns) == ["net", "step", "quantity", "path", "value"]
    for model, role in zip(RECORDS, ("residual", "plain")):
        for quantity in quantities(RECORDS):
            rows = table[(table.net == role) & (table.quantity == quantity)]
            expected = numbers(model, quantity)
            assert np.array_equal(rows.value.to_numpy(np.float32), expected, equal_nan=True)
            paths = model.labels.get(quantity, ("",))
            assert list(rows.path)[: len(paths)] == list(paths)
            steps = model.steps_of(quantity) if quantity in model.per_op else model.steps
            assert list(rows.step) == list(np.repeat(steps, len(paths)))


def test_csv_gives_every_number_bit_for_bit():
    text = exported("csv")
    check_table(pd.read_csv(io.BytesIO(text), comment="#", keep_default_na=False, na_values=["nan"],
                            dtype={"value": np.float32}))  # fmt: skip
    assert b",inf\n" in text  # a gradient that is not finite is a result, not a gap


def test_csv_begins_with_the_config_of_the_run():
    lines = exported("csv").decode().splitlines()
    comments = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    assert RunConfig.from_json(comments["config"]) == CONFIG
    assert comments["plain net diverged"] == "at step 6, first at stage1.0 (output). It grew."
    assert "cookie" not in "".join(lines)


def test_images_of_a_user_are_told_by_their_digest():
    assert "images" not in facts(RUN, RECORDS)
    run = replace(RUN, resolved=replace(RUN.resolved, images="0123456789ab"))
    assert facts(run, RECORDS)["images"] == "digest 0123456789ab"
    assert read(record(run, RECORDS)).run.resolved == run.resolved


def test_a_recorded_run_says_so_in_its_files():
    assert "recorded" not in facts(RUN, RECORDS)
    assert facts(replace(RUN, recorded="Ten steps"), RECORDS)["recorded"].startswith("Ten steps")


def test_a_name_from_a_user_stays_in_its_line():
    net = replace(CONFIG.net, name='=cmd|"<b>,x')
    run = replace(RUN, config=replace(CONFIG, net=net), sentence="one\nresidual,0,loss,,1\n")
    lines = exported("csv", run).decode().splitlines()
    first = next(i for i, line in enumerate(lines) if not line.startswith("# "))
    assert lines[first] == "net,step,quantity,path,value"
    assert {line.split(",")[0] for line in lines[first + 1 :]} == {"residual", "plain"}
    assert run_file_name(run, RUN_FILES["csv"]) == "cmd_b_x_run7.csv"


def test_parquet_gives_every_number_and_type():
    file = pyarrow.parquet.read_table(io.BytesIO(exported("parquet")))
    check_table(file.to_pandas())
    assert str(file.schema.field("value").type) == "float"
    told = json.loads(file.schema.metadata[b"residual explorer"])
    assert RunConfig.from_json(told["config"]) == CONFIG


def test_tensorboard_reads_its_files(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    zipfile.ZipFile(io.BytesIO(exported("tensorboard"))).extractall(tmp_path)
    for model, role in zip(RECORDS, ("residual", "plain")):
        events = EventAccumulator(str(tmp_path / role)).Reload()
        tags = {"loss", "accuracy"} | {
            f"{q}/{p}" for q, paths in model.labels.items() for p in paths
        }
        assert set(events.Tags()["scalars"]) == tags
        for tag in tags:
            quantity, _, path = tag.partition("/")
            read_back = events.Scalars(tag)
            rows = model.per_op.get(quantity)
            values = (model.scalars[quantity] if rows is None
                      else rows[:, model.labels[quantity].index(path)])  # fmt: skip
            assert np.array_equal(np.float32([e.value for e in read_back]), values)
            steps = model.steps if rows is None else model.steps_of(quantity)
            assert [e.step for e in read_back] == list(steps)


def test_the_test_above_would_see_a_damaged_file(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    zipfile.ZipFile(io.BytesIO(exported("tensorboard"))).extractall(tmp_path)
    (path,) = (tmp_path / "plain").iterdir()
    content = bytearray(path.read_bytes())
    content[-7] ^= 1
    path.write_bytes(content)
    assert len(EventAccumulator(str(tmp_path / "plain")).Reload().Scalars("loss")) == 7
    events = EventAccumulator(str(tmp_path / "plain")).Reload()
    assert len(events.Scalars("dead/stage2.0")) == 1  # its last event is refused by its checksum


def test_a_recording_is_one_of_the_files():
    assert read(exported("recording")).run.config == CONFIG


@pytest.mark.parametrize("kind", RUN_FILES)
def test_a_run_that_recorded_nothing_still_makes_a_file(kind):
    nothing = ModelRecords(
        model=0,
        labels={"input_grad": (), "dead": ()},
        steps=np.empty(0, np.int64),
        scalars={name: np.empty(0, np.float32) for name in ("loss", "accuracy")},
        per_op={name: np.empty((0, 0), np.float32) for name in ("input_grad", "dead")},
    )
    assert exported(kind, records=[nothing, replace(nothing, model=1)])


def test_every_scalar_of_a_record_has_its_meaning():
    assert set(RECORDS[0].scalars) <= set(SCALARS)
