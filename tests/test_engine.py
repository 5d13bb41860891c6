"""Runs from the page's side: real supervisors, owners and trainers, each test in its own folder."""

import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import fake_train
import numpy as np
import psutil
import pytest
from engines import (
    REAL,
    are_gone,
    assert_same_records,
    config,
    engine_in,
    kill,
    processes_of,
    submit,
    wait_for,
    wait_for_end,
    wait_for_steps,
    wait_until_both_stand,
)

from resnet_core.folder import data_folder
from resnet_core.graph import trace
from resnet_core.presets import digits
from resnet_core.runs.embedded import Embedded
from resnet_core.runs.ends import ENDS, REASONS
from resnet_core.runs.engine import EngineError, StoreError
from resnet_core.runs.rows import eta_s
from resnet_core.runs.run import ModelProgress
from resnet_core.runs.schema import FILE
from resnet_core.train import Record, RunConfig, train

TINY = digits(8)


def test_a_run_from_submit_to_end(engine):
    run_id = submit(engine, steps=30)
    run = wait_for_end(engine, run_id)
    assert (run.state, run.ended, run.reason) == ("ended", "steps", None)
    assert run.sentence == "All 30 steps are done."
    assert [m.steps_done for m in run.models] == [30, 30]
    assert [(m.end.how, m.end.step) for m in run.models] == [("steps", 29)] * 2
    assert [m.accuracy for m in run.models] == [0.5, 0.5]
    assert run.resolved.config == run.config == config(steps=30)
    assert run.progress == 1.0 and run.total_steps == 30
    assert run.queued_at <= run.started_at <= run.first_record_at <= run.ended_at
    for model in (0, 1):
        expected = [fake_train.record(model, step) for step in range(30)]
        assert_same_records(engine, run_id, model, expected)
    assert engine.records(run_id)[0].labels == {k: tuple(v) for k, v in fake_train.PATHS.items()}


def test_the_proof_counts_what_is_the_same(engine):
    proof = wait_for_end(engine, submit(engine, steps=5)).proof
    assert (proof.tensors_shared, proof.tensors_identical) == (2, 2)
    assert (proof.only_0, proof.only_1) == (("only",), ())
    assert (proof.batches_compared, proof.batches_identical) == (5, 5)
    assert proof.holds
    assert proof.sentence == "2 of 2 shared tensors identical at step 0; one has 1 more: only."


def test_the_proof_can_fail(engine):
    proof = wait_for_end(engine, submit(engine, "1:differs", steps=5)).proof
    assert (proof.tensors_shared, proof.tensors_identical) == (2, 1)
    assert not proof.holds


def test_real_records_are_those_of_train_bit_for_bit(tmp_path):
    run_config = RunConfig(net=TINY, steps=12, seed=3)
    with engine_in(tmp_path, REAL) as engine:
        engine.start()
        run_id = engine.submit(run_config, "once")
        run = wait_for_end(engine, run_id)
        assert run.ended == "steps", run.sentence
        assert run.proof.holds and run.proof.batches_compared == 12
        assert run.resolved.threads == 1
        for model in (0, 1):
            assert_same_records(engine, run_id, model, list(train(run_config, model)))
        assert all(0 <= m.accuracy <= 1 for m in run.models)


def test_equal_requests_make_one_run(engine):
    barrier = threading.Barrier(60)
    engine.start()

    def press(_):
        barrier.wait()
        return engine.submit(config(steps=3), "the same click")

    with ThreadPoolExecutor(60) as pool:
        ids = set(pool.map(press, range(60)))
    assert len(ids) == 1 and len(engine.runs()) == 1
    assert wait_for_end(engine, *ids).ended == "steps"
    assert engine.submit(config(steps=3), "the same click") in ids


def test_pause_resume_stop(engine):
    run_id = submit(engine, "step=0.01", steps=5000)
    wait_for_steps(engine, run_id)
    engine.pause(run_id)
    wait_for(lambda: engine.run(run_id).state == "paused")
    before = wait_until_both_stand(engine, run_id, 0.01)
    elapsed = engine.run(run_id).elapsed_s
    time.sleep(0.6)
    assert [len(m.steps) for m in engine.records(run_id)] == before
    assert engine.run(run_id).elapsed_s == pytest.approx(elapsed, abs=0.05)
    engine.resume(run_id)
    wait_for_steps(engine, run_id, before[0] + 5)
    assert engine.run(run_id).state == "running"
    engine.stop(run_id)
    run = wait_for_end(engine, run_id)
    assert (run.ended, run.reason) == ("stopped", None)
    steps = [len(m.steps) for m in engine.records(run_id)]
    assert steps == [m.steps_done for m in run.models] and min(steps) > before[0]
    assert {m.end.how for m in run.models} == {"stopped"}
    assert run.sentence.startswith("Stopped. The curves up to step")


def test_queue_is_first_come_first_served_and_never_two_at_once(engine, gate):
    ids = [submit(engine, "step=0.005 gated", steps=10)]
    wait_for(lambda: engine.run(ids[0]).is_active)
    ids += [submit(engine, "step=0.005 gated", steps=10) for _ in range(2)]
    assert [engine.run(i).position for i in ids] == [None, 1, 2]
    gate.allow(10)
    active = []
    while not all(engine.run(i).is_over for i in ids):
        active.append(sum(run.is_active for run in engine.runs()))
        time.sleep(0.005)
    assert max(active) == 1
    runs = [engine.run(i) for i in ids]
    assert all(run.ended == "steps" for run in runs)
    assert all(a.ended_at <= b.started_at for a, b in pairwise(runs))


def test_stop_takes_a_run_out_of_the_queue(engine):
    first = submit(engine, "step=0.01", steps=5000)
    second = submit(engine, steps=3)
    engine.stop(second)
    run = engine.run(second)
    assert (run.state, run.ended) == ("ended", "stopped")
    assert engine.records(second) == []
    engine.stop(first)
    assert wait_for_end(engine, first).ended == "stopped"


def test_two_engines_see_the_same_run(engine, tmp_path):
    other = Embedded(tmp_path, engine.limits)
    run_id = submit(engine, "step=0.005", steps=20_000)  # ends because it is stopped
    wait_for_steps(other, run_id, 3)
    other.stop(run_id)
    assert wait_for_end(engine, run_id) == wait_for_end(other, run_id)
    wait_for(lambda: len(processes_of(tmp_path, "supervisor")) == 1)  # a second one leaves
    other.close()


def test_one_net_diverges_and_its_twin_goes_on(engine):
    run_id = submit(engine, "1:diverge@4", steps=20)
    run = wait_for_end(engine, run_id)
    assert run.ended == "steps" and "One net diverged" in run.sentence
    assert [m.steps_done for m in run.models] == [20, 5]
    end = run.models[1].end
    assert (end.how, end.step, end.path, end.what) == (
        "diverged",
        4,
        "stage1.1.residual.conv2",
        "gradient",
    )
    assert np.isnan(engine.records(run_id)[1].scalars["loss"][-1])
    assert run.models[1].accuracy is None


def test_divergence_at_the_last_step_counts(engine):
    run = wait_for_end(engine, submit(engine, "0:diverge@9 1:diverge@3", steps=10))
    assert run.ended == "diverged"
    assert [m.end.step for m in run.models] == [9, 3]


@pytest.mark.slow
def test_real_nets_diverge_with_op_and_step(tmp_path):
    with engine_in(tmp_path, REAL) as engine:
        engine.start()
        plain = RunConfig(net=TINY, steps=40, lr=10.0, momentum=0.99)
        run = wait_for_end(engine, engine.submit(plain, "hot"))
        for model in run.models:
            events = list(train(plain, model.model))
            if isinstance(events[-1], Record):
                assert model.end.how == "steps"
            else:
                assert model.end.how == "diverged"
                assert (model.end.path, model.end.step) == (events[-1].path, events[-1].step)


def test_progress_and_remaining_time(engine, gate):
    gate.allow(60)
    run_id = submit(engine, "step=0.01 gated", steps=100)
    wait_for_steps(engine, run_id, 20)
    run = engine.run(run_id)
    assert 0.1 < run.progress < 1
    assert 0 < run.eta_s < 30
    gate.allow(100)
    engine.stop(run_id)


@pytest.mark.parametrize(
    ("done", "elapsed_s", "left_s"),
    [
        (1, 0.01, None),  # the time counts from the first record on
        (3, 0.2, None),
        (6, 0.5, 9.4),  # 0.1 s a step
        (3, 4.0, 194.0),  # few steps, but slow ones
    ],
)
def test_the_remaining_time_is_said_once_there_is_a_pace(done, elapsed_s, left_s):
    row = {"state": "running", "total": 100, "elapsed_s": elapsed_s}
    models = tuple(ModelProgress(model=m, steps_done=done + 9 * m) for m in (0, 1))
    assert eta_s(row, models) == (left_s and pytest.approx(left_s))


def test_the_first_record_of_each_net_is_stored_at_once(tmp_path):
    with engine_in(tmp_path, flush_s=600.0, beat_s=600.0, silent_s=1200.0) as engine:
        run_id = submit(engine, "1:late@0 step=0.01", steps=5000)
        wait_for_steps(engine, run_id, 1)
        assert engine.run(run_id).first_record_s < 60


def test_start_and_reads_do_not_block_the_page(engine):
    submit(engine, "step=0.01", steps=5000)
    laps = []
    for _ in range(101):
        began = time.perf_counter()
        engine.start()
        engine.records(1)
        engine.run(1)
        laps.append(time.perf_counter() - began)
        time.sleep(0.002)
    assert sorted(laps)[50] < 0.3  # the median: a busy machine holds some of them up
    engine.stop(1)


def test_start_is_cheap_and_starts_one_supervisor(engine, tmp_path, monkeypatch):
    monkeypatch.setattr("resnet_core.runs.embedded.LOOK_S", 0)  # a real look each time
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: engine.start(), range(200)))
    wait_for(lambda: processes_of(tmp_path, "supervisor"))
    laps = []
    for _ in range(201):
        began = time.perf_counter()
        engine.start()
        laps.append(time.perf_counter() - began)
    assert sorted(laps)[100] < 0.001  # typically 10 µs
    assert len(processes_of(tmp_path, "supervisor")) == 1


def test_newer_database_is_a_problem_not_a_crash(tmp_path):
    with engine_in(tmp_path) as engine:
        assert engine.problem() is None
    db = sqlite3.connect(tmp_path / FILE)
    db.execute("pragma user_version = 99")
    db.close()
    newer = Embedded(tmp_path)
    assert "newer version" in newer.problem()
    newer.start()
    assert (newer.runs(), newer.records(1)) == ([], [])
    with pytest.raises(StoreError, match="newer version"):
        newer.run(1)
    with pytest.raises(EngineError, match="newer version"):
        newer.submit(config(), "x")
    assert processes_of(tmp_path) == []


def test_too_little_room_is_a_problem(tmp_path):
    with engine_in(tmp_path, min_free_bytes=10**18) as engine:
        assert "Free some space" in engine.problem()
        with pytest.raises(EngineError, match="is full"):
            engine.submit(config(), "x")


def test_unknown_run_is_none(engine):
    assert engine.run(12345) is None
    assert engine.records(12345) == []


def test_reads_give_what_is_known_while_the_store_cannot_be_read(engine, monkeypatch):
    first, second = (wait_for_end(engine, submit(engine, steps=3)) for _ in range(2))
    curves = engine.records(first.id)
    with monkeypatch.context() as locked:
        locked.setattr(engine._store, "_alone", lock_is_never_given)
        assert engine.run(first.id) == first
        assert engine.runs() == [second, first]
        assert engine.runs(1) == [second]
        assert engine.records(first.id) == curves
        with pytest.raises(StoreError, match="locked"):
            engine.run(12345)  # nobody can tell now whether there is one
    assert engine.run(12345) is None


def lock_is_never_given():
    raise StoreError("Another program keeps the database locked.")


def test_reads_give_what_is_known_while_the_folder_cannot_be_used(engine, tmp_path):
    run = wait_for_end(engine, submit(engine, steps=3))
    curves = engine.records(run.id)
    kill(*processes_of(tmp_path))  # they would make the folder anew
    away = tmp_path.rename(tmp_path.with_name("away"))
    tmp_path.write_text("no folder")
    assert engine.problem()
    assert (engine.run(run.id), engine.runs()) == (run, [run])
    assert engine.records(run.id) == curves
    with pytest.raises(StoreError):
        engine.run(12345)
    tmp_path.unlink()
    away.rename(tmp_path)
    assert wait_for(lambda: engine.problem() is None)
    assert engine.run(12345) is None
    assert engine.run(run.id) == run


def test_a_replaced_database_leaves_no_open_files(engine, tmp_path):
    process = psutil.Process()
    engine.runs()
    before = process.num_fds()
    for _ in range(10):
        (tmp_path / FILE).unlink()
        assert engine.runs() == []
    assert process.num_fds() <= before + 2


def test_everything_leaves_when_no_app_is_there(tmp_path):
    with engine_in(tmp_path, park=True) as engine:
        engine.start()
        wait_for(lambda: len(processes_of(tmp_path, "trainer")) == 2)
        everything = processes_of(tmp_path)
        assert len(everything) == 4
        engine.close()
        wait_for(lambda: are_gone(everything))
        assert processes_of(tmp_path) == []


def test_a_warm_owner_takes_the_run(tmp_path):
    with engine_in(tmp_path, park=True) as engine:
        engine.start()
        (owner,) = wait_for(lambda: processes_of(tmp_path, "owner"))
        run_id = submit(engine, steps=5000)
        wait_for(lambda: engine.run(run_id).is_active)
        worker = engine._store.row(run_id)["worker"]
        assert worker.split(":")[0] == str(owner.pid)
        engine.stop(run_id)


@pytest.mark.slow
def test_a_run_outlives_the_app_that_started_it(tmp_path):
    code = f"""
import sys; sys.path[:0] = {sys.path!r}
from engines import *
from pathlib import Path
engine = Embedded(Path({str(tmp_path)!r}), FAKE)
run_id = submit(engine, "step=0.01", steps=150)
wait_for_steps(engine, run_id)
print(run_id, flush=True)
import os, signal; os.kill(os.getpid(), signal.SIGKILL)
"""
    with engine_in(tmp_path) as engine:
        engine.close()
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd="/", timeout=60
        )
        assert done.returncode == -9, done.stderr
        with engine_in(tmp_path) as later:
            run = wait_for_end(later, int(done.stdout))
            assert (run.ended, run.models[0].steps_done) == ("steps", 150)


def test_every_sentence_is_for_people():
    for reason, sentence in REASONS.items():
        assert sentence.endswith((".", "{detail}")), reason
        assert "Traceback" not in sentence
    assert set(ENDS) == {"steps", "time", "stopped", "diverged", "failed", "interrupted"}


@pytest.mark.gpu
def test_both_nets_train_in_turns_on_the_gpu(tmp_path):
    with engine_in(tmp_path, REAL) as engine:
        engine.start()
        gpu = RunConfig(net=TINY, steps=20, device="cuda:0")
        run = wait_for_end(engine, engine.submit(gpu, uuid.uuid4().hex), limit_s=120)
        assert run.ended == "steps", run.sentence
        assert [m.steps_done for m in run.models] == [20, 20]
        assert run.proof.holds
        assert run.resolved.device != "cpu"


def test_a_device_that_is_not_there_is_a_sentence(tmp_path):
    with engine_in(tmp_path, REAL) as engine:
        engine.start()
        away = RunConfig(net=TINY, steps=5, device="cuda:99")
        run = wait_for_end(engine, engine.submit(away, "x"))
        assert (run.ended, run.reason) == ("failed", "device")
        assert "there is no cuda:99" in run.sentence and "Run it on the CPU" in run.sentence


def test_who_is_told_that_a_run_is_over_gets_all_of_its_records(tmp_path, gate, monkeypatch):
    with engine_in(tmp_path) as engine:
        gate.allow(5)
        run_id = submit(engine, "gated", steps=20)
        wait_for_steps(engine, run_id, 5)
        monkeypatch.setattr("resnet_core.runs.reading.FRESH_S", 600.0)
        gate.allow(20)
        wait_for_end(engine, run_id)
        assert [len(m.steps) for m in engine.records(run_id)] == [20, 20]


def test_the_data_folder_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("RESIDUAL_EXPLORER_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    monkeypatch.delenv("RESIDUAL_EXPLORER_DATA")
    assert data_folder().name == "residual-explorer"


@pytest.mark.slow
def test_parked_trainers_measure_the_machine_once(tmp_path):
    with engine_in(tmp_path, REAL, park=True, measure=True) as engine:
        assert engine.speed("cpu") is None
        engine.start()
        speed = wait_for(lambda: engine.speed("cpu"))
        graph = trace(TINY)
        run = wait_for_end(engine, engine.submit(RunConfig(net=TINY, steps=60), "x"))
        measured = run.elapsed_s / 60
        # the machine may be busy in one of the two; this is about orders of magnitude
        assert measured / 10 < speed.step_s(len(graph.ops), graph.macs, 64) < measured * 10
        assert engine.speed("cuda:7") is None
