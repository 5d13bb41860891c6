"""The queue of each device: nobody is left out, no slot is taken twice, and waits are foretold."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from engines import FAKE, engine_in, submit, wait_for
from hypothesis import given
from hypothesis import strategies as st

from resnet_core.runs import limits
from resnet_core.runs.fair import (
    MAX_ON_GPUS,
    Active,
    Waiting,
    device_of,
    forecast,
    slots_of,
    startable,
)
from resnet_core.runs.fair import (
    first as next_of,
)
from resnet_core.runs.limits import Limits
from resnet_core.runs.locks import Lock, slot_lock
from resnet_core.runs.places import Places
from resnet_core.runs.run import WAITS, SeriesPlace
from resnet_core.runs.store import Batch, Request, Store
from resnet_core.runs.supervisor import Supervisor


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def queue(store, owner="", device="cpu", count=1, expected_s=None, series=None) -> list[int]:
    place = {"kind": "seeds", "title": "three", "size": count, "label": ""}
    requests = [
        Request(
            config="{}",
            request_id=f"{owner}{device}{time.monotonic_ns()}{index}",
            total=10,
            device=device,
            expected_s=expected_s,
            series=series and SeriesPlace(id=series, index=index, **place),
        )
        for index in range(count)
    ]
    return store.submit_all(requests, owner)


def end(store, run_id):
    attempt = store.row(run_id)["attempt"]
    assert store.end(run_id, attempt, ended="steps", reason="", sentence="")


def test_a_newcomer_starts_before_anothers_third_run(store):
    """Nine runs of three people on two slots; the one who asks most does not go first each time."""
    ids = [*queue(store, "A", count=6), *queue(store, "B", count=2), *queue(store, "C")]
    assert ids == list(range(1, 10))
    active = [store.claim("1:2:3", 2)[0], store.claim("1:2:3", 2)[0]]
    order = list(active)
    while active:
        assert store.claim("1:2:3", 2) is None  # both slots are taken
        end(store, active.pop(0))
        if claimed := store.claim("1:2:3", 2):
            active.append(claimed[0])
            order.append(claimed[0])
    assert "".join(store.row(run_id)["owner"] for run_id in order) == "ABCABAAAA"
    of_a = [run_id for run_id in order if store.row(run_id)["owner"] == "A"]
    assert of_a == sorted(of_a)  # each his own in the order he asked


waiting_runs = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from(["cpu", "cuda:0"]), st.integers(1, 50)),
    max_size=12,
).map(
    lambda rows: [
        Waiting(id=number, owner=owner, device=device, expected_s=float(seconds))
        for number, (owner, device, seconds) in enumerate(rows, start=1)
    ]
)


@given(waiting_runs, st.integers(1, 3))
def test_positions_and_waits_are_those_that_come_true(waiting, cpu_slots):
    """If runs take as long as expected: with all on one device, where the order is settled."""
    waiting = [run for run in waiting if run.device == "cpu"]
    places = forecast("cpu", waiting, [], {}, cpu_slots)
    now, turns, left, going, started = 0.0, {}, list(waiting), [], {}
    while left or going:
        active = [Active(owner=run.owner, slot=slot) for _, slot, run in going]
        found = startable(left, active, turns, cpu_slots, lambda slot: False)
        if found is None:
            going.sort(key=lambda one: (one[0], one[1]))
            now, _, _ = going.pop(0)
            continue
        run, slot = found
        left.remove(run)
        turns[run.owner] = max(turns.values(), default=0) + 1
        started[run.id] = now
        going.append((now + run.expected_s, slot, run))
    assert {run_id: place.wait_s for run_id, place in places.items()} == started
    assert sorted(place.position for place in places.values()) == list(range(1, len(waiting) + 1))
    by_position = sorted(places, key=lambda run_id: places[run_id].position)
    assert [started[run_id] for run_id in by_position] == sorted(started.values())


def test_a_wait_that_depends_on_something_unknown_is_unknown():
    active = [Active(owner="A", slot="cpu:0", left_s=10.0)]
    waiting = [
        Waiting(id=1, owner="B", device="cpu", expected_s=5.0),
        Waiting(id=2, owner="C", device="cpu"),
        Waiting(id=3, owner="D", device="cpu", expected_s=5.0),
    ]
    places = forecast("cpu", waiting, active, {}, 1)
    assert [places[number].wait_s for number in (1, 2, 3)] == [10.0, 15.0, None]
    unknown = [Active(owner="A", slot="cpu:0")]
    assert forecast("cpu", waiting, unknown, {}, 1)[1].wait_s is None
    assert forecast("cpu", waiting, unknown, {}, 1)[1].position == 1


def test_devices_do_not_wait_for_each_other(store):
    on_cpu, on_gpu = queue(store, count=2), queue(store, device="cuda:0", count=2)
    assert store.claim("1:2:3")[0] == on_cpu[0]
    assert store.claim("1:2:3")[0] == on_gpu[0]
    assert store.claim("1:2:3") is None and not store.can_claim()
    assert [store.row(run_id)["slot"] for run_id in on_cpu + on_gpu] == [
        "cpu:0",
        None,
        "cuda:0",
        None,
    ]
    end(store, on_gpu[0])
    assert store.can_claim() and store.claim("1:2:3")[0] == on_gpu[1]


def test_the_first_gpu_has_one_slot_whatever_it_is_called():
    assert device_of("cuda") == device_of("cuda:0") == "cuda:0"
    assert slots_of("cuda:1", 4) == ["cuda:1"] and slots_of("mps", 4) == ["mps"]
    assert slots_of("cpu", 2) == ["cpu:0", "cpu:1"]


@pytest.mark.parametrize(
    "cores, threads, slots", [(1, 1, 1), (2, 1, 1), (4, 1, 2), (7, 1, 3), (8, 2, 2), (16, 2, 4)]
)
def test_a_pair_of_nets_has_the_cores_that_it_uses(monkeypatch, cores, threads, slots):
    monkeypatch.setattr(limits, "num_cores", lambda: cores)
    assert (Limits().threads, Limits().num_cpu_slots) == (threads, slots)
    assert 2 * threads * slots <= max(2, cores)
    assert Limits(cpu_slots=3).num_cpu_slots == 3


def test_gpus_that_do_not_exist_cannot_fill_the_memory(store):
    for number in range(MAX_ON_GPUS + 3):
        queue(store, str(number), device=f"cuda:{number}")
    claimed = []
    while found := store.claim("1:2:3"):
        claimed.append(found)
    assert len(claimed) == MAX_ON_GPUS
    queue(store)
    assert store.claim("1:2:3")  # the CPU is not theirs


def test_a_slot_is_given_once_whoever_asks_at_the_same_time(store, tmp_path):
    queue(store, count=8)
    stores = [Store(tmp_path) for _ in range(4)]  # connections of their own, as of processes
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda n: stores[n % 4].claim("1:2:3", 3), range(16)))
    assert len([one for one in found if one]) == 3
    assert sorted(row["slot"] for row in store.active()) == ["cpu:0", "cpu:1", "cpu:2"]
    for one in stores:
        one.close()


def test_a_series_goes_on_with_the_same_processes(store):
    ids = queue(store, "A", count=3, series="s")
    run_id, _ = store.claim("1:2:3")
    assert store.claim_next_of_series("1:2:3", run_id) is None  # it is not over
    end(store, run_id)
    assert store.claim_next_of_series("4:5:6", run_id) is None  # not the one that trained it
    assert store.claim_next_of_series("1:2:3", run_id) == (ids[1], 1)
    row = store.row(ids[1])
    assert (row["state"], row["slot"], row["worker"]) == ("starting", "cpu:0", "1:2:3")
    assert store.claim_next_of_series("1:2:3", run_id) is None  # the slot is taken
    end(store, ids[1])
    store.want(ids[2], "pause")
    assert store.claim_next_of_series("1:2:3", ids[1]) is None
    store.want(ids[2], "run")
    assert store.claim_next_of_series("1:2:3", ids[1])[0] == ids[2]
    end(store, ids[2])
    assert store.claim_next_of_series("1:2:3", ids[2]) is None  # that was all


def test_a_series_gives_the_slot_to_who_waits_for_it(store):
    first, second = queue(store, "A", count=2, series="s")
    elsewhere = queue(store, "B", device="cuda:0")
    assert store.claim("1:2:3")[0] == first
    own = queue(store, "A")
    end(store, first)
    assert store.claim_next_of_series("1:2:3", first)[0] == second  # before A's own others
    later = queue(store, "A", count=2, series="t")
    (other,) = queue(store, "B")
    end(store, second)
    assert store.claim_next_of_series("1:2:3", second) is None
    claims = [store.claim("1:2:3")[0], store.claim("1:2:3")[0]]
    assert claims == [*elsewhere, *own]  # B has one on the GPU by now, so A is next
    end(store, own[0])
    assert store.claim("1:2:3")[0] == later[0]
    end(store, later[0])
    end(store, elsewhere[0])
    assert store.claim_next_of_series("1:2:3", later[0]) is None
    assert store.claim("1:2:3")[0] == other


def test_a_place_is_that_of_the_device(store):
    cpu, gpu = queue(store, "A", count=2, expected_s=20.0), queue(store, "B", "cuda:0", 2, 7.0)
    run_id, attempt = store.claim("1:2:3")
    assert run_id == cpu[0]
    progress = {"state": "running", "elapsed_s": 5.0, "total": 10}
    models = {0: {"steps": 5}, 1: {"steps": 4}}
    store.append(run_id, attempt, Batch(run=progress, models=models))
    places = Places(store, 1)

    def place(run_id):
        found = places.of(store.row(run_id))
        return found.position, found.wait_s

    assert place(cpu[1]) == (1, 5.0 / 3 * 6)  # by the pace since step 0; the slower net decides
    assert (place(gpu[0]), place(gpu[1])) == ((1, 0.0), (2, 7.0))


def test_a_run_that_was_paused_in_the_queue_lets_others_pass(store):
    one, other = queue(store, "A"), queue(store, "B")
    store.want(one[0], "pause")
    places = Places(store, 1)
    row = store.row(one[0])
    assert places.of(store.row(other[0])).position == 1
    assert places.of(row).position == 1  # where it would be if it went on
    assert "keeps its place" in places.sentence(row, places.of(row))
    assert store.claim("1:2:3")[0] == other[0]


def test_a_run_waits_for_a_slot_that_some_process_still_has(tmp_path):
    """It is not given to a process that would find the device taken, and it has not failed."""
    supervisor = Supervisor(tmp_path, FAKE)
    store, lock = supervisor.store, slot_lock(tmp_path, "cpu:0")
    (run_id,) = queue(store)
    assert lock.take()
    supervisor.dispatch()
    row = store.row(run_id)
    assert (row["state"], row["attempt"], supervisor.parked) == ("queued", 0, None)
    places = Places(store, 1)
    place = places.of(row)
    assert place.position == 1
    if Lock(lock.path).holder():  # this system tells who it is
        sentence = f"still held by another program (process {os.getpid()}). The run waits."
        assert sentence in places.sentence(row, place)
    lock.give()
    assert places.sentence(row, place) == WAITS
    assert store.can_claim(1, supervisor.is_held)
    store.close()


def test_a_run_behind_a_paused_one_is_told_what_it_waits_for(store):
    first, second = queue(store, "A", count=2, expected_s=9.0)
    store.claim("1:2:3")

    def said():
        places, row = Places(store, 1), store.row(second)
        return places.of(row).wait_s, places.sentence(row, places.of(row))

    assert said() == (pytest.approx(9.0, abs=1), WAITS)
    store.want(first, "pause")
    wait_s, sentence = said()
    assert wait_s is None and "A paused run keeps the device" in sentence
    store.want(first, "run")
    assert said()[1] == WAITS


def test_a_run_that_did_not_begin_is_at_its_old_place_again(store):
    first, second = queue(store, "A", count=2)
    claimed = store.claim("1:2:3")
    assert claimed == (first, 1)
    store.requeue(*claimed)
    row = store.row(first)
    assert (row["state"], row["slot"], row["worker"]) == ("queued", None, None)
    places = Places(store, 1)
    assert [places.of(store.row(run_id)).position for run_id in (first, second)] == [1, 2]
    assert store.claim("4:5:6") == (first, 2)


def test_who_has_nothing_going_is_next_however_late_he_was_served():
    waiting = [Waiting(id=1, owner="A", device="cpu"), Waiting(id=2, owner="B", device="cpu")]
    served = {"A": 1, "B": 7}
    assert next_of(waiting, {"A": 1}, served).owner == "B"
    assert next_of(waiting, {}, served).owner == "A"
    assert next_of(waiting, {"A": 1, "B": 2}, served).owner == "A"
    assert next_of([], {}, {}) is None


def test_as_many_runs_as_slots_train_at_once(tmp_path):
    with engine_in(tmp_path, cpu_slots=2) as engine:
        ids = [submit(engine, "step=0.01", steps=5000) for _ in range(3)]
        first, second, third = ids
        wait_for(lambda: all(engine.run(run_id).state == "running" for run_id in ids[:2]))
        assert {engine.run(first).slot, engine.run(second).slot} == {"cpu:0", "cpu:1"}
        run = engine.run(third)
        assert (run.state, run.position, run.slot) == ("queued", 1, None)
        engine.stop(second)
        wait_for(lambda: engine.run(third).is_active)
        assert engine.run(third).slot == engine.run(second).slot != engine.run(first).slot
        assert engine.run(first).state == "running"


def test_a_hung_run_is_noticed_although_others_come_and_go(tmp_path):
    supervisor = Supervisor(tmp_path, FAKE)
    store = supervisor.store
    queue(store, count=2)
    hung, _ = store.claim("1:2:3", 2)
    other, _ = store.claim("1:2:3", 2)
    for run in store.active():
        assert supervisor.given_up(run) is None
    since = dict(supervisor.beats)
    end(store, other)
    supervisor.tidy()
    assert supervisor.beats == {hung: since[hung]}
    supervisor.beats[hung] = store.row(hung)["beat"], time.monotonic() - 2 * FAKE.silent_s
    assert supervisor.given_up(store.row(hung))[:2] == ("failed", "hung")
    store.close()
