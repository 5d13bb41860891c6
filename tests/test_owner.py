"""What an owner does with its run beside training it: a series, a device that is held, a cause."""

import os
import threading
import uuid
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from engines import (
    FAKE,
    REAL,
    are_gone,
    assert_curves_are_right,
    assert_same_records,
    config,
    engine_in,
    kill,
    processes_of,
    wait_for,
    wait_for_end,
)
from test_images import good, zipped

from resnet_core.data import add_images, dataset_row
from resnet_core.data.images import PREFIX
from resnet_core.presets import digits
from resnet_core.runs import owner_process, processes
from resnet_core.runs.crew import Crew
from resnet_core.runs.ledger import Ledger
from resnet_core.runs.locks import slot_lock
from resnet_core.runs.owner import Owner
from resnet_core.runs.run import SeriesPlace
from resnet_core.runs.store import Request, Store, StoreError
from resnet_core.runs.trainer import ADDED, images_of
from resnet_core.series import Series, seeds
from resnet_core.train import RunConfig, train


def series_of(*configs: RunConfig) -> Series:
    return Series("seeds", "a series", tuple((f"run {i}", c) for i, c in enumerate(configs)))


def queue(engine, series: Series) -> list[int]:
    engine.start()
    return engine.submit_series(series, uuid.uuid4().hex)


def workers(engine, ids) -> list[str]:
    return [engine._store.row(run_id)["worker"] for run_id in ids]


def test_a_series_trains_in_the_same_processes_and_nothing_is_left_of_the_run_before(tmp_path):
    with engine_in(tmp_path) as engine:
        ids = queue(
            engine,
            series_of(
                config("step=0.004", seconds=1),
                config("1:diverge@4", steps=9),
                config("0:diverge@3 1:diverge@2", steps=9),
                config(steps=1),
                config(steps=7),
            ),
        )
        runs = [wait_for_end(engine, run_id) for run_id in ids]
        assert [run.ended for run in runs] == ["time", "steps", "diverged", "steps", "steps"]
        assert [run.sentence for run in runs[2:]] == [
            "Both nets diverged: their numbers stopped being finite. The curves up to step 3 "
            "are kept.",
            "The only step is done.",
            "All 7 steps are done.",
        ]
        assert [m.end.cause for m in runs[1].models] == [None, "The lesson wants it so."]
        assert len(set(workers(engine, ids))) == 1
        assert {engine._store.row(run_id)["attempt"] for run_id in ids} == {1}
        for run in (runs[0], *runs[3:]):
            assert run.queued_at < run.started_at < run.first_record_at <= run.ended_at
            assert_curves_are_right(engine, run.id)
            steps = min(m.steps_done for m in run.models)
            assert run.proof.batches_compared == steps and run.proof.holds


def test_a_fault_ends_only_the_run_that_it_hits(tmp_path):
    with engine_in(tmp_path) as engine:
        ids = queue(
            engine, series_of(config(steps=3), config("1:segv@2", steps=9), config(steps=4))
        )
        runs = [wait_for_end(engine, run_id) for run_id in ids]
        assert [run.ended for run in runs] == ["steps", "failed", "steps"]
        first, second, third = workers(engine, ids)
        assert first == second != third
        wait_for(lambda: len(processes_of(tmp_path, "trainer")) == 0)


def test_a_trainer_that_dies_when_it_is_done_has_no_part_in_the_next_run(tmp_path, gate):
    with engine_in(tmp_path) as engine:
        gate.allow(2)
        ids = queue(engine, series_of(config("0:gated", steps=3), config(steps=4)))
        wait_for(lambda: [m for m in engine.run(ids[0]).models if m.model == 1 and m.end])
        trainers = {p.cmdline()[-2]: p for p in processes_of(tmp_path, "trainer")}
        kill(trainers["1"])
        wait_for(lambda: are_gone([trainers["1"]]))
        gate.allow(3)
        assert [wait_for_end(engine, run_id).ended for run_id in ids] == ["steps", "steps"]
        first, second = workers(engine, ids)
        assert first != second


@pytest.mark.parametrize("versions", ["aaaa", "aabb"])
def test_a_series_goes_on_in_the_same_processes_for_as_long_as_the_program_is_the_same(
    tmp_path, monkeypatch, versions
):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setattr(owner_process, "parked", lambda *_: {"run": 1, "attempt": 1})
    monkeypatch.setattr(owner_process, "end_group", lambda: None)  # it would be this test's
    code = iter(versions)  # at the start of the processes, and at the end of each run
    monkeypatch.setattr(processes, "code_version", lambda: next(code))
    store = Store(tmp_path)
    places = [SeriesPlace("s", "seeds", "s", index, 3, str(index)) for index in range(3)]
    text = config(steps=2).to_json()
    requests = [Request(config=text, request_id=p.label, total=2, series=p) for p in places]
    store.submit_all(requests)
    store.claim(processes.identity(os.getpid()))
    goes_on = "b" not in versions
    supervisor, claims = Store(tmp_path, timeout_s=0.05), []
    stored, append = Ledger.stored, Store.append

    def look(*_):  # as often as it may: whenever something is or was stored
        with suppress(StoreError):  # locked
            claims.append(supervisor.claim("1:2:3"))

    monkeypatch.setattr(Ledger, "stored", lambda ledger: look(stored(ledger)))
    monkeypatch.setattr(Store, "append", lambda *batch: (append(*batch), look())[0])
    owner_process.wait_and_own(tmp_path, FAKE, tmp_path / "log")
    assert [claimed for claimed in claims if claimed] == ([] if goes_on else [(3, 1)])
    supervisor.close()
    ended = [store.row(run_id)["ended"] for run_id in (1, 2, 3)]
    assert ended == ["steps", "steps", "steps" if goes_on else None]
    store.close()


def test_a_stopped_run_does_not_stop_its_series(tmp_path):
    with engine_in(tmp_path) as engine:
        ids = queue(engine, series_of(config("step=0.01", steps=5000), config(steps=4)))
        wait_for(lambda: engine.run(ids[0]).state == "running")
        engine.stop(ids[0])
        assert [wait_for_end(engine, run_id).ended for run_id in ids] == ["stopped", "steps"]


@pytest.mark.slow
def test_real_records_are_the_same_in_warm_processes(tmp_path):
    with engine_in(tmp_path, REAL) as engine:
        given = seeds(RunConfig(net=digits(8), steps=6))
        for run_id, (_, run_config) in zip(queue(engine, given), given.runs):
            run = wait_for_end(engine, run_id)
            assert run.ended == "steps" and run.proof.holds
            for model in (0, 1):
                assert_same_records(engine, run_id, model, list(train(run_config, model)))


@pytest.mark.slow
def test_a_run_on_images_of_a_user_says_which_they_were(tmp_path, monkeypatch):
    monkeypatch.setenv("RESIDUAL_EXPLORER_DATA", str(tmp_path))
    with engine_in(tmp_path) as engine:
        key = add_images(zipped(good()), "pets", 8)
        runs = config(steps=3, dataset=key, batch_size=8), config(steps=3)
        ids = queue(engine, series_of(*runs))
        first, second = (wait_for_end(engine, run_id).resolved for run_id in ids)
        assert first.images == dataset_row(key).digest and len(first.images) == 12
        assert second.images == ""


def test_images_of_a_user_are_told_by_their_digest(tmp_path, monkeypatch):
    monkeypatch.setenv("RESIDUAL_EXPLORER_DATA", str(tmp_path))
    key = add_images(zipped(good()), "pets", 8)
    assert images_of({"dataset": key}) == {"images": dataset_row(key).digest}
    assert images_of({"dataset": "digits"}) == {} and ADDED == PREFIX


@pytest.fixture
def claimed(tmp_path, monkeypatch):
    """An owner in this process, of a run on a GPU that is none, and the lock of that device."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    store = Store(tmp_path)
    text = config("step=0.002", steps=20, device="cuda:0").to_json()
    store.submit_all([Request(config=text, request_id="x", total=20, device="cuda:0")])
    run_id, attempt = store.claim(processes.identity(os.getpid()))
    lock = slot_lock(tmp_path, "cuda:0")
    assert store.row(run_id)["slot"] == "cuda:0" and lock.take()
    crew = Crew(2, FAKE, tmp_path / "trainers.log")
    yield store, Owner(store, run_id, attempt, crew, FAKE), lock
    crew.end()
    store.close()


def test_a_run_waits_for_a_device_that_is_still_held(claimed):
    store, owner, lock = claimed
    working = threading.Thread(target=owner.work)
    working.start()
    row = wait_for(lambda: (row := store.row(1))["sentence"] and row)
    assert (row["state"], row["started_at"]) == ("starting", None)
    assert row["sentence"].startswith("The device is still held by another program")
    assert len(owner.crew.trainers) == 1  # both nets share the device
    lock.give()
    working.join(timeout=60)
    row = store.row(1)
    assert (row["ended"], row["sentence"]) == ("steps", "All 20 steps are done.")
    assert [m["steps"] for m in store.models(1)] == [20, 20]
    assert slot_lock(owner.folder, "cuda:0").is_held()  # by the trainer, which lives
    owner.crew.end()
    assert not lock.is_held()


def test_a_device_that_stays_held_is_a_failed_run(claimed):
    store, owner, _ = claimed
    owner.limits = replace(FAKE, device_s=0.1)
    owner.work()
    row = store.row(1)
    assert (row["ended"], row["reason"]) == ("failed", "device")
    assert row["sentence"] == (
        "The device cannot be used: it is still held by another program. Run it on the CPU, or "
        "end what else uses the device and restart its driver. Nothing was recorded."
    )
