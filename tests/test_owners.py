"""Whose a run is: who may change it, how many one may have, and what is submitted together."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from engines import config, engine_in

from resnet_core.runs.embedded import Embedded
from resnet_core.runs.engine import EngineError, NotYours, Speed, User
from resnet_core.runs.store import Batch
from resnet_core.series import Series
from resnet_core.spec import SpecError

ANN, BOB, LECTURER = User("ann"), User("bob"), User("lea", is_lecturer=True)


@pytest.fixture
def engine(tmp_path, monkeypatch):
    monkeypatch.setattr(Embedded, "start", lambda self: None)  # nothing trains here
    with engine_in(tmp_path) as engine:
        yield engine


def submit(engine, by=ANN, **fields) -> int:
    return engine.submit(config(**fields), f"{time.monotonic_ns()}", by)


def series(size: int, title: str = "three seeds") -> Series:
    runs = tuple((f"seed {seed}", config(seed=seed)) for seed in range(size))
    return Series("seeds", title, runs)


@pytest.mark.parametrize("action", ["pause", "resume", "stop", "set_lr"])
def test_only_its_owner_and_a_lecturer_may_change_a_run(engine, action):
    run_id = submit(engine, ANN)
    act = getattr(engine, action)
    more = (0.5,) if action == "set_lr" else ()
    before = engine.run(run_id)
    assert before.owner == "ann"
    for stranger in (BOB, User()):
        with pytest.raises(NotYours, match=r"Run 1 cannot be \w+: it was started by somebody else"):
            act(run_id, *more, stranger)
    assert engine.run(run_id) == before
    act(run_id, *more, ANN)
    act(run_id, *more, LECTURER)
    nobodys = submit(engine, User())
    act(nobodys, *more, BOB)


def test_a_refused_change_is_an_engine_error(engine):
    with pytest.raises(EngineError):  # what pages already show as a sentence
        engine.stop(submit(engine, ANN), BOB)


@pytest.mark.parametrize("number", [0, -1, 7, 2**63, 10**30])
def test_a_number_of_no_run_is_said(engine, number):
    assert engine.run(number) is None
    assert engine.records(number) == []
    with pytest.raises(EngineError, match="no such run"):
        engine.stop(number)


def test_a_name_of_no_series_is_empty(engine):
    for name in ("", "nothing", "\ud800", "x" * 10_000, "'; drop table run; --"):
        assert engine.series(name) == []


@pytest.mark.parametrize("name", ["\ud800", "a\0b", "\u202eabc", "x" * 1000])
def test_an_owner_that_cannot_be_stored_is_a_sentence(engine, name):
    with pytest.raises(EngineError, match="Use plain text"):
        submit(engine, User(name))
    assert engine.runs() == []


def test_a_user_has_a_limit_of_runs_and_others_have_their_own(engine):
    ids = [engine.submit(config(), f"click {n}", ANN) for n in range(8)]
    with pytest.raises(EngineError, match=r"You have 8 runs queued or training, and at most 8"):
        submit(engine, ANN)
    assert engine.submit(config(), "click 3", ANN) == ids[3]  # a rerun of the page is no new run
    submit(engine, BOB)
    submit(engine, User())
    engine.stop(ids[0], ANN)
    submit(engine, ANN)
    with pytest.raises(EngineError, match="Wait until one ends, or stop one"):
        submit(engine, ANN)


def test_a_series_is_queued_whole_in_its_order(engine):
    ids = engine.submit_series(series(3), "press", ANN)
    runs = engine.series("press")
    assert [run.id for run in runs] == ids == sorted(ids)
    assert [run.config.seed for run in runs] == [0, 1, 2]
    assert {run.owner for run in runs} == {"ann"}
    assert [(r.series.index, r.series.size, r.series.label) for r in runs] == [
        (0, 3, "seed 0"),
        (1, 3, "seed 1"),
        (2, 3, "seed 2"),
    ]
    assert {(r.series.id, r.series.kind, r.series.title) for r in runs} == {
        ("press", "seeds", "three seeds")
    }
    alone = engine.run(submit(engine))
    assert alone.series is None


def test_a_series_that_is_submitted_often_is_one(engine):
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: engine.submit_series(series(3), "press", ANN), range(20)))
    assert all(ids == found[0] for ids in found) and len(engine.runs()) == 3


def test_a_series_that_is_too_long_is_not_queued_at_all(engine):
    with pytest.raises(EngineError, match="A series of 9 runs is too long"):
        engine.submit_series(series(9), "long", ANN)
    assert engine.runs() == []
    submit(engine, ANN)
    with pytest.raises(EngineError, match=r"You have one run .*; this series has 8\."):
        engine.submit_series(series(8), "eight", ANN)
    assert len(engine.runs()) == 1
    assert len(engine.submit_series(series(8), "eight", BOB)) == 8


def test_a_series_of_eight_fits_whatever_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(Embedded, "start", lambda self: None)
    with engine_in(tmp_path, max_queued_per_owner=2) as engine:
        assert len(engine.submit_series(series(8), "eight", ANN)) == 8
        with pytest.raises(EngineError, match="at most 2 may be yours at once"):
            submit(engine, ANN)


def test_a_title_that_cannot_be_stored_is_a_sentence(engine):
    with pytest.raises(EngineError, match="Use plain text"):
        engine.submit_series(series(2, title="\ud800"), "press", ANN)
    assert engine.runs() == []


def test_another_learning_rate_reaches_the_process_that_trains(engine):
    run_id = submit(engine)
    assert engine.run(run_id).lr is None
    store = engine._store
    _, attempt = store.claim("1:2:3")
    assert store.wanted(run_id, attempt).lr is None
    engine.set_lr(run_id, 0.25, ANN)
    assert store.wanted(run_id, attempt).lr == store.append(run_id, attempt, Batch()).lr == 0.25
    assert engine.run(run_id).lr == 0.25
    store.end(run_id, attempt, ended="steps", reason="", sentence="")
    engine.set_lr(run_id, 0.5, ANN)
    assert engine.run(run_id).lr == 0.25  # it is over


@pytest.mark.parametrize("lr", [float("nan"), float("inf"), 0.0, -1.0, 1e30, "0.1", True])
def test_a_learning_rate_that_no_run_may_have_is_refused(engine, lr):
    run_id = submit(engine)
    with pytest.raises(SpecError, match=r"Lr: .* will not do"):
        engine.set_lr(run_id, lr, ANN)
    assert engine.run(run_id).lr is None


def test_the_runs_of_a_series_keep_their_learning_rate(engine):
    """Seeds are averaged and boards compared: of runs with one rate."""
    first, second = engine.submit_series(series(2), "press", ANN)
    for run_id in (first, second):
        with pytest.raises(EngineError, match=rf"Run {run_id} is one of a series"):
            engine.set_lr(run_id, 0.25, ANN)
        assert engine.run(run_id).lr is None


def test_the_expected_wait_is_shown_once_the_speed_is_known(engine):
    first, second = submit(engine, ANN), submit(engine, BOB)
    assert (engine.run(first).wait_s, engine.run(second).wait_s) == (0.0, None)
    engine._store.keep_speed(Speed(device="cpu", op_overhead_s=1e-4, macs_per_s=1e10))
    third, fourth = submit(engine, User("cleo"), seconds=30), submit(engine, User("dan"))
    for run_id in (first, second):
        engine.stop(run_id, LECTURER)
    time.sleep(0.11)  # a look at the queue is shared for 0.1 s
    assert [engine.run(run_id).position for run_id in (third, fourth)] == [1, 2]
    assert [engine.run(run_id).wait_s for run_id in (third, fourth)] == [0.0, 30.0]
    fifth = submit(engine, User("eve"))
    assert 30.1 < engine.run(fifth).wait_s < 300
