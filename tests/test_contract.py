"""What pages may rely on, whichever engine stands behind the interface."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path

import numpy as np
import pytest
from engines import config
from stored_runs import stored_run

from resnet_core.runs import engine as interface
from resnet_core.runs.embedded import Embedded
from resnet_core.runs.ends import ENDS, REASONS
from resnet_core.runs.recording_file import ENDING, record
from resnet_core.runs.recordings import Recordings
from resnet_core.runs.run import STATES
from resnet_core.runs.with_recordings import WithRecordings

STEPS = 9


class Far:
    """An engine somewhere else: only plain data goes there and comes back."""

    def __init__(self, engine):
        self._engine = engine

    def __getattr__(self, name):
        def call(*args):
            sent = pickle.loads(pickle.dumps(args))
            return pickle.loads(pickle.dumps(getattr(self._engine, name)(*sent)))

        return call


def embedded(folder: Path) -> Embedded:
    return Embedded(folder)


def recordings(folder: Path) -> Recordings:
    engine = Embedded(folder)
    shelf = folder / "recordings"
    shelf.mkdir(exist_ok=True)
    for run in engine.runs():
        (shelf / f"{run.id}{ENDING}").write_bytes(record(run, engine.records(run.id)))
    engine.close()
    return Recordings(shelf)


#: name -> make(folder with two stored runs), giving what shows them
ENGINES = {
    "embedded": embedded,
    "recordings": recordings,
    "both": lambda folder: WithRecordings(embedded(folder), recordings(folder)),
    "far": lambda folder: Far(embedded(folder)),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contract")
    for seed in (0, 1):
        stored_run(folder, config(steps=STEPS, seed=seed), "steps", sentence="All is done.")
    return folder


@pytest.fixture(params=ENGINES)
def reads(request, folder):
    reads = ENGINES[request.param](folder)
    yield reads
    if hasattr(reads, "close"):
        reads.close()


def test_a_run_is_found_by_the_id_it_is_listed_with(reads):
    runs = reads.runs()
    assert len(runs) == 2 and sorted(run.config.seed for run in runs) == [0, 1]
    assert [reads.run(run.id) for run in runs] == runs
    assert reads.runs(1) == runs[:1]


@pytest.mark.parametrize("number", [0, 999_999, -999_999, 10**30, -(10**30)])
def test_what_is_not_there_is_none_or_empty(reads, number):
    assert reads.run(number) is None
    assert reads.records(number) == []
    assert reads.series(f"{number}") == []


def test_words_are_from_the_closed_lists(reads):
    for run in reads.runs():
        assert run.state in STATES
        assert run.ended is None or run.ended in ENDS
        assert run.reason is None or run.reason in REASONS
        assert run.sentence and "Traceback" not in run.sentence
        assert [model.model for model in run.models] == [0, 1]


def test_records_have_a_row_for_each_step_and_a_column_for_each_label(reads):
    for run in reads.runs():
        for model, records in enumerate(reads.records(run.id)):
            assert records.model == model
            assert records.steps.tolist() == list(range(STEPS))
            assert {len(values) for values in records.scalars.values()} == {STEPS}
            assert set(records.per_op) == set(records.labels) != set()
            for probe, rows in records.per_op.items():
                steps = records.steps_of(probe)
                assert rows.shape == (len(steps), len(records.labels[probe]))
                assert steps[0] == 0 and (np.diff(steps) > 0).all()


@pytest.mark.parametrize("since", [0, 1, 4, STEPS - 1, STEPS, 10 * STEPS])
def test_records_since_a_step_are_the_rest_of_all(reads, since):
    run = reads.runs()[0]
    for whole, rest in zip(reads.records(run.id), reads.records(run.id, since), strict=True):
        assert rest.steps.tolist() == [step for step in whole.steps if step >= since]
        assert rest.labels == whole.labels
        for name, values in whole.scalars.items():
            np.testing.assert_array_equal(rest.scalars[name], values[whole.steps >= since])
        for probe, rows in whole.per_op.items():
            kept = whole.steps_of(probe) >= since
            np.testing.assert_array_equal(rest.per_op[probe], rows[kept])
            np.testing.assert_array_equal(rest.steps_of(probe), whole.steps_of(probe)[kept])


@pytest.mark.parametrize(
    ("engine", "contract"),
    [
        (Embedded, interface.Engine),
        (Recordings, interface.Reads),
    ],
)
def test_an_engine_takes_what_the_contract_says(engine, contract):
    """Same names, same order, same defaults."""
    for name, promised in inspect.getmembers(contract, inspect.isfunction):
        if not name.startswith("_"):
            given = inspect.signature(getattr(engine, name)).parameters
            wanted = inspect.signature(promised).parameters
            assert list(given) == list(wanted), name
            assert [p.default for p in given.values()] == [p.default for p in wanted.values()], name


def test_the_interface_names_no_database_and_no_process():
    source = inspect.getsource(interface)
    for word in ("sqlite", "subprocess", "Store(", "Popen"):
        assert word not in source
