"""What an owner and its trainers have to survive, or to die of with the right words."""

import errno
import gc
import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import time
import weakref
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
from engines import (
    FAKE,
    are_gone,
    assert_curves_are_right,
    config,
    engine_in,
    kill,
    locks,
    processes_of,
    submit,
    wait_for,
    wait_for_end,
    wait_for_steps,
)

from resnet_core.runs import crew, processes, trainer
from resnet_core.runs.crew import Crew
from resnet_core.runs.embedded import READ_S
from resnet_core.runs.ends import REASONS, end_sentence
from resnet_core.runs.owner import Owner
from resnet_core.runs.owner_process import FENCED
from resnet_core.runs.schema import FILE, VERSION
from resnet_core.runs.store import Batch, Store, StoreFull
from resnet_core.runs.supervisor import Supervisor


@pytest.fixture
def store(tmp_path, monkeypatch):
    """With one claimed run of 60 steps, for an owner in this process."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    store = Store(tmp_path)
    store.submit(config("step=0.002", steps=60).to_json(), "x", 60)
    assert store.claim(processes.identity(os.getpid())) == (1, 1)
    yield store
    store.close()


@pytest.fixture
def two_trainers(tmp_path, store):
    crew = Crew(2, FAKE, tmp_path / "trainers.log")
    yield crew
    crew.end()


def test_a_clock_that_jumps_changes_no_duration_and_ends_no_run(store, two_trainers, monkeypatch):
    now, jumps = time.time(), itertools.cycle([0.0, -3600.0, 86_400.0])
    monkeypatch.setattr(time, "time", lambda: now + next(jumps))
    Owner(store, 1, 1, two_trainers, FAKE).work()
    row = store.row(1)
    assert (row["ended"], row["reason"]) == ("steps", None)
    assert 0.1 < row["elapsed_s"] < 60 and 0 < row["first_s"] < 60


@pytest.mark.parametrize("when", ["first_at", "ended"])
def test_a_disk_that_is_full_at_the_first_record_or_at_the_end_loses_nothing(
    store, two_trainers, monkeypatch, when
):
    refused, append = [], store.append

    def full(run_id: int, attempt: int, batch: Batch):
        if when in batch.run and len(refused) < 2:
            refused.append(when)
            raise StoreFull("The disk is full.")
        return append(run_id, attempt, batch)

    monkeypatch.setattr(store, "append", full)
    Owner(store, 1, 1, two_trainers, FAKE).work()
    assert refused == [when] * 2 and store.row(1)["ended"] == "steps"
    assert two_trainers.is_fit()
    for model in (0, 1):
        assert [row["step"] for row in store.points(1, model, 0, -1)] == list(range(60))


def test_an_owner_whose_run_was_given_to_another_writes_nothing_and_leaves(tmp_path, store):
    """It comes late: killed between its claim and its start, or stopped and given up meanwhile."""
    store.requeue(1, 1)
    assert store.claim("1:2:3") == (1, 2)
    late = processes.spawn(
        "resnet_core.runs.owner_process",
        *(str(tmp_path), FAKE.to_json(), str(tmp_path / "late.log")),
        log=tmp_path / "late.log",
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    late.stdin.write(b'{"run": 1, "attempt": 1}\n')
    late.stdin.close()
    assert late.wait(timeout=60) == FENCED
    row = store.row(1)
    assert (row["state"], row["attempt"], row["worker"]) == ("starting", 2, "1:2:3")
    assert store.models(1) == [] and store.channels(1) == []
    wait_for(lambda: processes_of(tmp_path, "trainer") == [])


@pytest.mark.parametrize("state", ["running", "paused"])
def test_runs_of_before_the_machine_started_anew_are_lost_not_running_for_ever(
    store, tmp_path, state
):
    pid, start, _ = processes.identity(os.getpid()).split(":")
    store.append(1, 1, Batch(run={"state": state}))
    store._db.execute("update run set worker = ?", (f"{pid}:{start}:another-boot",))
    supervisor = Supervisor(tmp_path, FAKE)
    supervisor.mind()
    row = store.row(1)
    assert (row["state"], row["ended"], row["reason"]) == ("ended", "interrupted", "lost")
    assert row["sentence"].startswith(REASONS["lost"])
    supervisor.store.close()


def test_a_supervisor_of_an_older_version_leaves_with_a_sentence(store, tmp_path):
    store._db.execute(f"pragma user_version = {VERSION + 1}")
    log = tmp_path / "old.log"
    command = "resnet_core.runs.supervisor", str(tmp_path), FAKE.to_json()
    assert processes.spawn(*command, log=log).wait(timeout=60) == 1
    assert "newer version" in log.read_text() and "Traceback" not in log.read_text()


def test_a_trainer_that_is_stopped_as_by_a_call_that_never_returns_is_killed(tmp_path):
    with engine_in(tmp_path, stall_s=0.5) as engine:
        run = wait_for_end(engine, submit(engine, "1:freeze@3 step=0.01", steps=30))
        assert (run.ended, run.reason) == ("failed", "hung")
        assert_curves_are_right(engine, run.id)
        wait_for(lambda: processes_of(tmp_path, "trainer") == [])


SLOW = [pytest.param(end, marks=pytest.mark.slow) for end in ("kill a trainer", "kill the owner")]


@pytest.mark.parametrize("end", ["stop", *SLOW])
def test_what_a_trainer_has_started_goes_with_it(tmp_path, end):
    with engine_in(tmp_path) as engine:
        run_id = submit(engine, "0:fork@2 step=0.01", steps=5000)
        wait_for_steps(engine, run_id, 4)
        trainers = processes_of(tmp_path, "trainer")
        (child,) = [child for p in trainers for child in p.children()]
        if end == "stop":
            engine.stop(run_id)
        else:
            kill(*processes_of(tmp_path, "owner" if "owner" in end else "trainer"))
        wait_for_end(engine, run_id)
        wait_for(lambda: are_gone([child, *trainers]))


@pytest.mark.slow
def test_too_little_memory_to_build_a_net_is_said_and_the_next_run_starts_clean(tmp_path):
    with engine_in(tmp_path) as engine:
        run = wait_for_end(engine, submit(engine, "0:oom-at-build 1:oom-at-build", steps=30))
        assert (run.ended, run.reason) == ("failed", "oom")
        assert "Lower the batch size" in run.sentence and "Nothing was recorded." in run.sentence
        assert wait_for_end(engine, submit(engine, steps=3)).ended == "steps"


@pytest.mark.parametrize(
    ("status", "kills_before", "kills_after", "end"),
    [
        (-9, 4, 5, ("failed", "ram")),
        (-9, 4, 4, ("interrupted", "killed")),
        (-11, 4, 5, ("failed", "crash")),
        (0, 4, 4, ("failed", "crash")),
    ],
)
def test_killed_for_want_of_memory_is_told_from_killed(
    tmp_path, monkeypatch, status, kills_before, kills_after, end
):
    team = Crew(0, FAKE, tmp_path / "log")
    monkeypatch.setattr(crew, "oom_kills", lambda: kills_before)  # not those of a run before
    team.begin()
    monkeypatch.setattr(crew, "oom_kills", lambda: kills_after)

    class Gone:
        class process:
            wait = staticmethod(lambda timeout: status)

    assert team.how_it_went(Gone)[:2] == end


def test_a_trainer_that_can_be_told_nothing_is_ended(two_trainers):
    deaf = two_trainers.trainers[0]
    deaf.process.send_signal(signal.SIGSTOP)  # else it would end itself when nobody tells it more
    deaf.process.stdin.close()
    two_trainers.tell(do="hold", number=1)
    assert deaf.process.wait(timeout=60) == -signal.SIGKILL and not two_trainers.is_fit()
    heard = []
    wait_for(lambda: heard.extend(two_trainers.hear(0.1)) or (deaf, {"kind": "gone"}, b"") in heard)


def test_trainers_have_another_run_only_if_each_of_them_answers(two_trainers, monkeypatch):
    ready = []  # an idle one answers soon, but these are just being started
    wait_for(lambda: ready.extend(two_trainers.hear(0.1)) or len(ready) == 2)
    assert two_trainers.is_fit()
    monkeypatch.setattr(crew, "ANSWER_S", 0.3)
    asleep = two_trainers.trainers[1].process
    asleep.send_signal(signal.SIGSTOP)
    assert asleep.poll() is None and not two_trainers.is_fit()


class Net:
    """It hangs in a cycle, as a net does with its hooks."""

    def __init__(self):
        self.hook = self


def test_what_a_job_leaves_behind_is_gone_before_the_next(monkeypatch):
    nets, jobs = [], SimpleQueue()

    def job(train, order, orders, send):
        assert [net() for net in nets] == [None] * len(nets)
        nets.append(weakref.ref(Net()))
        if len(nets) == 3:
            raise SystemExit

    monkeypatch.setattr(trainer, "JOBS", {"train": job})
    monkeypatch.syspath_prepend(Path(__file__).parent)
    for _ in range(3):
        jobs.put({"do": "train"})
    gc.disable()
    try:
        with pytest.raises(SystemExit):
            trainer.obey(FAKE, SimpleNamespace(jobs=jobs), lambda head: None, gpu=False)
    finally:
        gc.unfreeze()
        gc.enable()


def test_a_gpu_without_room_is_not_measured_and_the_trainer_stays(monkeypatch, capsys):
    """Another program fills it: runs on the CPU must not lose their warm start to that."""

    def no_room(train, device):
        if device != "cpu":
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return {"device": device}

    sent, jobs = [], SimpleQueue()
    monkeypatch.setitem(sys.modules, "resnet_core.runs.measure", SimpleNamespace(measure=no_room))
    monkeypatch.setitem(trainer.JOBS, "leave", lambda *order: sys.exit())
    monkeypatch.syspath_prepend(Path(__file__).parent)
    for order in ({"do": "measure", "device": "cuda:0"}, {"do": "measure", "device": "cpu"}):
        jobs.put(order)
    jobs.put({"do": "leave"})
    try:
        with pytest.raises(SystemExit):
            trainer.obey(FAKE, SimpleNamespace(jobs=jobs), sent.append, gpu=True)
    finally:
        gc.unfreeze()
    ready, speed = sent
    assert (ready["kind"], speed) == ("ready", {"kind": "speed", "device": "cpu"})
    assert "cuda:0 is not measured: CUDA out of memory." in capsys.readouterr().err


@pytest.mark.slow
def test_when_memory_runs_out_training_goes_before_the_page(tmp_path):
    with engine_in(tmp_path) as engine:
        run_id = submit(engine, "step=0.01", steps=5000)
        wait_for_steps(engine, run_id)
        scores = {
            module: {int(Path(f"/proc/{p.pid}/oom_score_adj").read_text()) for p in found}
            for module in ("supervisor", "owner", "trainer")
            if (found := processes_of(tmp_path, module))
        }
        mine = int(Path("/proc/self/oom_score_adj").read_text())
        assert scores == {"supervisor": {mine}, "owner": {500}, "trainer": {500}}
        engine.stop(run_id)


class OutOfMemoryError(RuntimeError):
    """Named like torch's."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "oom"),
        (MemoryError(), "ram"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "ram"),
        (RuntimeError(300 * "x" + " CUDA error: out of memory"), "oom"),
        (RuntimeError(f"{300 * 'x'}\nCUDA error: unspecified launch failure"), "device"),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), "device"),
        (RuntimeError("MPS backend is not there any more"), "device"),
        (RuntimeError("CUDA error: out of memory"), "oom"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 2 GB)"), "oom"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"), "oom"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), "oom"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."), "ram"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), "device"),
        (RuntimeError("No CUDA GPUs are available"), "device"),
        (RuntimeError("CUDA driver initialization failed"), "device"),
        (ValueError("one\ntwo"), "error"),
        (ValueError("x" * 10**6), "error"),
        (KeyError(), "error"),
    ],
)
def test_every_error_has_a_reason_and_one_short_line(error, reason):
    found = trainer.failure(error)
    assert (found["kind"], found["reason"]) == ("failed", reason) and reason in REASONS
    assert 0 < len(found["detail"]) <= 301 and "\n" not in found["detail"]
    assert found["detail"].endswith(".")


def test_a_device_that_fails_is_one_sentence_and_what_would_do():
    """Not torch's advice for who debugs kernels. Compiled, the fault comes inside another error."""
    fault = (
        "CUDA error: an illegal memory access was encountered\n"
        "CUDA kernel errors might be asynchronously reported at some other API call.\n"
        "For debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
    )
    wrapped = f"backend='inductor' raised:\n{fault}"
    for text in (fault, wrapped, fault.partition("\n")[0].replace(" error", "\nerror")):
        detail = trainer.failure(RuntimeError(text))["detail"]
        assert end_sentence("failed", "device", detail, [], 0) == (
            "The device cannot be used: CUDA error: an illegal memory access was encountered. "
            "Run it on the CPU, or end what else uses the device and restart its driver. "
            "Nothing was recorded."
        )


@pytest.mark.slow
def test_a_lock_that_passes_costs_nothing_and_curves_can_be_read_meanwhile(tmp_path, gate):
    with engine_in(tmp_path, read_s=READ_S) as engine:
        gate.allow(5)
        run_id = submit(engine, "step=0.01 gated", steps=250)
        wait_for_steps(engine, run_id, 5)
        other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        wait_for(lambda: locks(other))
        known = [len(m.steps) for m in engine.records(run_id)]
        gate.allow(250)
        time.sleep(1)
        assert [len(m.steps) for m in engine.records(run_id)] == known and min(known) >= 5
        other.execute("rollback")
        other.close()
        run = wait_for_end(engine, run_id)
        assert (run.ended, [m.steps_done for m in run.models]) == ("steps", [250, 250])
        assert_curves_are_right(engine, run_id)
