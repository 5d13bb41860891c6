"""The database of runs: one file, whole batches, and a sentence for everything that goes wrong."""

import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from resnet_core.runs.database_file import journal_mode
from resnet_core.runs.reading import Reader
from resnet_core.runs.schema import FILE
from resnet_core.runs.store import Batch, Fenced, Store, StoreError, StoreFull


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def started(store) -> tuple[int, int]:
    """A run with a channel of two numbers, as its owner has it."""
    run_id = store.submit("{}", os.urandom(8).hex(), 10)
    _, attempt = store.claim("1:2:3")
    channels = [(0, 0, "scalars", "scalars", '["loss", "accuracy"]')]
    store.append(run_id, attempt, Batch(channels=channels, run={"state": "running"}))
    return run_id, attempt


def points(*steps: int) -> list[tuple]:
    return [(0, 0, step, np.float32([step, np.nan]).tobytes()) for step in steps]


def test_equal_requests_make_one_run(store, tmp_path):
    barrier = threading.Barrier(60)

    def submit(_):
        barrier.wait()
        return store.submit("{}", "the same", 10)

    with ThreadPoolExecutor(60) as pool:
        assert len(set(pool.map(submit, range(60)))) == 1
    assert len(store.newest(100)) == 1


def test_never_two_active_runs(store):
    for name in "abc":
        store.submit("{}", name, 10)
    assert store.claim("1:2:3") == (1, 1)
    assert store.claim("4:5:6") is None
    with pytest.raises(sqlite3.IntegrityError):
        store._db.execute("update run set state = 'running', slot = 'cpu:0' where id = 2")
    store.end(1, 1, ended="steps", reason="", sentence="")
    assert store.claim("4:5:6") == (2, 1)


@pytest.mark.parametrize(
    "change",
    ["update run set state = 'x'", "update run set want = 'x'", "update model set how = 'x'"],
)
def test_words_outside_the_closed_lists_are_refused(store, change):
    run_id, attempt = started(store)
    store.append(run_id, attempt, Batch(models={0: {"how": "steps"}}))
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        store._db.execute(change)


def test_batch_is_whole_or_absent_and_may_be_repeated(store):
    run_id, attempt = started(store)
    batch = Batch(points=points(0, 1), models={0: {"steps": 2}})
    store.append(run_id, attempt, batch)
    store.append(run_id, attempt, batch)
    assert [row["step"] for row in store.points(run_id, 0, 0, -1)] == [0, 1]
    broken = Batch(points=points(2), models={0: {"no_such_column": 2}})
    with pytest.raises(StoreError):
        store.append(run_id, attempt, broken)
    assert [row["step"] for row in store.points(run_id, 0, 0, -1)] == [0, 1]


def test_writer_that_was_given_up_has_no_say(store):
    run_id, attempt = started(store)
    with pytest.raises(Fenced):
        store.append(run_id, attempt - 1, Batch(points=points(0)))
    assert not store.end(run_id, attempt - 1, ended="failed", reason="hung", sentence="")
    store.end(run_id, attempt, ended="failed", reason="hung", sentence="")
    with pytest.raises(Fenced):
        store.append(run_id, attempt, Batch(points=points(0)))
    assert store.points(run_id, 0, 0, -1) == []


def test_nan_comes_back_as_nan(store):
    run_id, attempt = started(store)
    store.append(run_id, attempt, Batch(points=points(0)))
    (records,) = Reader(store).records(run_id)
    assert np.isnan(records.scalars["accuracy"]).tolist() == [True]
    assert records.scalars["loss"].tolist() == [0.0]


def test_curves_grow_and_given_ones_stay(store, monkeypatch):
    monkeypatch.setattr("resnet_core.runs.reading.FRESH_S", -1)
    run_id, attempt = started(store)
    reader = Reader(store)
    seen = []
    for step in range(200):  # more than one growth of the arrays
        store.append(run_id, attempt, Batch(points=points(step)))
        (records,) = reader.records(run_id)
        seen.append(records)
    for length, records in enumerate(seen, start=1):
        assert records.steps.tolist() == list(range(length))
        assert records.scalars["loss"].tolist() == list(range(length))
    with pytest.raises(ValueError, match="read-only"):
        records.steps[0] = 1


def test_curves_read_only_what_is_new(store, monkeypatch):
    monkeypatch.setattr("resnet_core.runs.reading.FRESH_S", -1)
    run_id, attempt = started(store)
    asked = []
    read = store.points
    monkeypatch.setattr(store, "points", lambda *a: asked.append(a[-1]) or read(*a))
    reader = Reader(store)
    for step in range(3):
        store.append(run_id, attempt, Batch(points=points(step)))
        reader.records(run_id)
    assert asked == [-1, 0, 1]
    store.end(run_id, attempt, ended="steps", reason="", sentence="")
    for _ in range(5):
        reader.records(run_id)
    assert len(asked) == 4  # what has ended does not change


def test_a_read_that_fails_at_the_end_of_a_run_is_made_good(store, monkeypatch):
    monkeypatch.setattr("resnet_core.runs.reading.FRESH_S", -1)
    run_id, attempt = started(store)
    reader = Reader(store)
    store.append(run_id, attempt, Batch(points=points(0)))
    reader.records(run_id)
    store.append(run_id, attempt, Batch(points=points(1)))
    store.end(run_id, attempt, ended="steps", reason="", sentence="")
    with monkeypatch.context() as locked:
        locked.setattr(store, "points", unreadable)
        assert reader.records(run_id)[0].steps.tolist() == [0]  # what is known
    assert reader.records(run_id)[0].steps.tolist() == [0, 1]


def unreadable(*_):
    raise StoreError("Another program keeps the database locked.")


def test_closed_store_is_a_sentence(store):
    store.close()  # as by another thread, while this one was about to read
    with pytest.raises(StoreError, match="deleted or replaced"):
        store.row(1)
    with pytest.raises(StoreError, match="deleted or replaced"):
        store.submit("{}", "a", 1)


def test_newer_database_is_refused_with_what_to_do(tmp_path):
    Store(tmp_path).close()
    db = sqlite3.connect(tmp_path / FILE)
    db.execute("pragma user_version = 99")
    db.close()
    with pytest.raises(StoreError, match=r"newer version.*Update the program"):
        Store(tmp_path)
    assert not list(tmp_path.glob("*.broken*"))


@pytest.mark.parametrize("damage", ["garbage", "half", "first page"])
def test_broken_file_is_moved_aside(tmp_path, damage):
    store = Store(tmp_path)
    store.submit("{}", "old", 1)
    store.close()
    path = tmp_path / FILE
    data = path.read_bytes()
    zeros = bytes(len(data[100:4096]))
    path.write_bytes(
        {
            "garbage": b"this is no database" * 500,
            "half": data[:2000],
            "first page": data[:100] + zeros + data[4096:],
        }[damage]
    )
    store = Store(tmp_path)
    assert "moved to" in store.notice
    assert len(list(tmp_path.glob("*.broken-*"))) == 1
    assert store.submit("{}", "new", 1) == 1
    store.close()


def test_folder_that_is_a_file_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="RESIDUAL_EXPLORER_DATA"):
        Store(tmp_path / "file" / "data")


def test_full_disk_loses_nothing_that_was_stored(tmp_path):
    store = Store(tmp_path, max_pages=30)
    run_id, attempt = started(store)
    step, stored = 0, -1
    blob = bytes(2000)
    with pytest.raises(StoreFull, match=r"full.*Free some space"):
        for step in range(1000):
            store.append(run_id, attempt, Batch(points=[(0, 0, step, blob)]))
            stored = step
    assert [r["step"] for r in store.points(run_id, 0, 0, -1)] == list(range(stored + 1))
    assert store._db.execute("pragma integrity_check").fetchone()[0] == "ok"
    store._db.execute("pragma max_page_count = 60")
    store.append(run_id, attempt, Batch(points=[(0, 0, step, blob)]))
    assert store.points(run_id, 0, 0, stored)[0]["step"] == step
    store.close()


def test_deleted_file_is_noticed(store):
    assert store.is_same_file()
    store.path.unlink()
    assert not store.is_same_file()


def test_locked_file_is_a_sentence(tmp_path):
    store = Store(tmp_path, timeout_s=0.05)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("begin exclusive")
    with pytest.raises(StoreError, match="Another program") as caught:
        store.submit("{}", "a", 1)
    assert not isinstance(caught.value, StoreFull)  # to free some space would not help
    other.execute("rollback")
    other.close()
    assert store.submit("{}", "a", 1) == 1
    store.close()


def test_oldest_runs_go_first_and_active_ones_never(store):
    active, attempt = started(store)
    store.end(active, attempt, ended="steps", reason="", sentence="")
    for number in range(6):
        run_id, attempt = started(store)
        batch = Batch(points=points(0), run={"bytes": 100})
        store.append(run_id, attempt, batch)
        if number < 5:
            store.end(run_id, attempt, ended="steps", reason="", sentence="")
    assert store.prune(keep_runs=4, keep_bytes=10**9) == 2
    assert [row["id"] for row in store.newest(9)] == [7, 6, 5, 4, 3]
    assert store.prune(keep_runs=99, keep_bytes=250) == 2
    assert [row["id"] for row in store.newest(9)] == [7, 6, 5]
    assert store.points(3, 0, 0, -1) == []
    assert store.submit("{}", "next", 1) == 8  # a number is never given twice


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), "persist"),
        ((3, 44, 5), "persist"),
        ((3, 44, 6), "wal"),
        ((3, 45, 0), "persist"),
        ((3, 50, 6), "persist"),
        ((3, 50, 7), "wal"),
        ((3, 51, 2), "persist"),
        ((3, 51, 3), "wal"),
        ((4, 0, 0), "wal"),
    ],
)
def test_wal_only_where_its_bug_is_repaired(version, mode):
    assert journal_mode(version) == mode


def test_journal_is_the_one_that_was_chosen(store):
    assert store._db.execute("pragma journal_mode").fetchone()[0] == journal_mode()
    assert store._db.execute("pragma synchronous").fetchone()[0] == 2  # FULL


def test_threads_share_one_store(store):
    run_id, attempt = started(store)

    def write(step):
        store.append(run_id, attempt, Batch(points=points(step)))
        return len(Reader(store).records(run_id)[0].steps)

    with ThreadPoolExecutor(16) as pool:
        assert max(pool.map(write, range(100))) > 0
    assert len(store.points(run_id, 0, 0, -1)) == 100
