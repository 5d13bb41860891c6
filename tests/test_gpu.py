"""What runs on a GPU: on one where there is one, else on a device that has no values to give."""

import gc
import json
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from engines import REAL, engine_in, kill, processes_of, wait_for, wait_for_end, wait_for_steps
from torch.nn import functional as F

from resnet_core import train
from resnet_core.devices import settle
from resnet_core.fast_paths import FAST_PATHS
from resnet_core.optimizers import OPTIMIZERS
from resnet_core.presets import digits, preset
from resnet_core.run_config import RunConfig
from resnet_core.runs.trainer import failure
from resnet_core.train import Trainer

BENCH = Path(__file__).resolve().parents[1] / "bench"
DRAWING = replace(digits(8), order="preact", antialias="blur", stochastic_depth=20)
#: what a step can be asked for, in two runs
STEPS = [
    RunConfig(net=digits(8), steps=26, batch_size=8, clip=1.0, label_smoothing=0.1),
    RunConfig(
        net=DRAWING, steps=26, batch_size=8, optimizer="adamw", lr=1e-3, augment="flip + shift"
    ),
]
SHORT = RunConfig(net=digits(8), steps=20, device="cuda:0")


@pytest.mark.parametrize("config", STEPS, ids=["plain", "all"])
def test_no_step_asks_its_device_for_a_value(config, monkeypatch):
    """On the meta device that is an error; the steps are of every kind, with dear probes or not."""
    monkeypatch.setattr(train, "check_device", lambda *known: None)
    monkeypatch.setattr(train, "computing_in", lambda *known: nullcontext())
    object.__setattr__(config := replace(config), "device", "meta")
    trainer = Trainer(config, 0)
    trainer.lag, trainer._send = 1, lambda numbers: partial(np.ones, len(numbers))
    records = list(trainer.records(first=19))
    assert [record.step for record in records] == list(range(19, 26))
    assert {len(record.per_op) for record in records} == {2, len(trainer.labels)}


def test_the_test_above_can_fail():
    with pytest.raises(RuntimeError, match="meta"):
        torch.ones(3, device="meta").sum().item()
    with pytest.raises(NotImplementedError, match="meta"):
        torch.ones(3, device="meta").cpu()
    with pytest.raises(NotImplementedError, match="meta"):
        torch.ones(3, device="meta").nonzero()


@pytest.mark.gpu
@pytest.mark.parametrize("config", STEPS, ids=["plain", "all"])
def test_no_kind_of_step_waits_for_a_gpu(config):
    records = Trainer(replace(config, device="cuda:0"), 0).records()
    next(records)
    torch.cuda.set_sync_debug_mode("error")
    try:
        assert len(list(records)) == config.steps - 1
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@pytest.mark.parametrize("config", STEPS, ids=["plain", "all"])
def test_what_is_sent_to_a_gpu_lies_in_pinned_memory(config):
    """Else the driver waits until all before it has been done; the test above cannot tell."""
    records = Trainer(replace(config, device="cuda:0"), 0).records()
    next(records)
    with torch.profiler.profile() as profile:
        list(records)
    copies = {event.name for event in profile.events() if "Memcpy" in event.name}
    if not any("HtoD" in name for name in copies):
        pytest.skip("this machine does not let itself be profiled")
    assert not [name for name in copies if "Pageable" in name]


@pytest.mark.gpu
def test_only_tf32_computes_with_11_bits():
    a, b = torch.randn(2, 512, 512, generator=torch.Generator().manual_seed(0))
    images, weights = a.reshape(16, 64, 16, 16), b[:, :72].reshape(64, 64, 3, 3)
    truths = a.double() @ b.double(), F.conv2d(images.double(), weights.double())
    for precision, is_exact in (("float32", True), ("tf32", False)):
        if not is_exact and torch.cuda.get_device_capability()[0] < 8:
            continue
        settle(precision)
        found = a.cuda() @ b.cuda(), F.conv2d(images.cuda(), weights.cuda())
        errors = [((f.cpu() - t).norm() / t.norm()).item() for f, t in zip(found, truths)]
        assert all((error < 1e-5) == is_exact and error < 1e-2 for error in errors), precision
    settle()


@pytest.mark.gpu
@pytest.mark.parametrize("key", OPTIMIZERS)
def test_an_optimizer_is_that_of_torch_there_too(key):
    ours = [torch.randn(n, 3, device="cuda", requires_grad=True) for n in (4, 700)]
    theirs = [p.detach().clone().requires_grad_() for p in ours]
    mine = OPTIMIZERS[key].make(ours, 0.9, 1e-2)
    adam = {"betas": (0.9, 0.999)}
    make = {"sgd": partial(torch.optim.SGD, momentum=0.9), "adamw": partial(torch.optim.AdamW)}
    more = adam if key == "adamw" else {}
    reference = make[key](theirs, lr=0.1, weight_decay=1e-2, fused=True, **more)
    for step in range(6):
        mine.step([torch.sin(p.detach() * (step + 1)) for p in ours], 0.1)
        for p in theirs:
            p.grad = torch.sin(p.detach() * (step + 1))
        reference.step()
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("net", [digits(14), DRAWING], ids=["post", "preact"])
def test_gradients_lie_in_memory_as_the_weights_do(net):
    """Else torch updates the parameters one by one, without a word."""
    trainer = Trainer(RunConfig(net=net, steps=1, batch_size=8, device="cuda:0"), 0)
    images, targets = trainer.batch(torch.arange(8))
    loss = F.cross_entropy(trainer.module(images), targets)
    grads = torch.autograd.grad(loss, trainer.optimizer.params)
    assert [g.stride() for g in grads] == [p.stride() for p in trainer.optimizer.params]


@pytest.mark.gpu
def test_memory_that_runs_out_is_told_as_such_and_is_there_again():
    large = RunConfig(net=preset("resnet20"), dataset="shapes32", batch_size=512, device="cuda:0")
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(64e6 / torch.cuda.mem_get_info()[1])
    try:
        with pytest.raises(torch.OutOfMemoryError) as found:
            list(Trainer(large, 0).records())
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert failure(found.value)["reason"] == "oom"
    found = None  # its frames hold the net
    assert len(list(Trainer(SHORT, 0).records())) == SHORT.steps


@pytest.mark.gpu
@pytest.mark.skipif(
    bool(FAST_PATHS["compile"].needs("cuda")), reason="torch.compile cannot run here"
)
@pytest.mark.parametrize("precision", ["float32", "mixed"])
def test_a_compiled_run_learns_there_what_the_other_learns(precision):
    config = replace(SHORT, steps=30, batch_size=32, precision=precision)
    quick, plain = (
        list(Trainer(replace(config, fast_path=key), 0).records()) for key in ("compile", "none")
    )
    near = 1e-2 if precision == "float32" else 1e-1
    for a, b in zip(quick, plain, strict=True):
        assert a.scalars["loss"] == pytest.approx(b.scalars["loss"], rel=near)


@pytest.mark.gpu
@pytest.mark.parametrize("module", ["trainer", "owner"])
def test_a_run_that_is_killed_leaves_the_gpu_to_the_next(module, tmp_path):
    torch.zeros(1, device="cuda:0")  # what this process takes itself is there
    before = torch.cuda.mem_get_info(0)[0]
    with engine_in(tmp_path, REAL) as engine:
        engine.start()
        killed = engine.submit(replace(SHORT, steps=100_000), "killed")
        wait_for_steps(engine, killed, limit_s=120)
        kill(*processes_of(tmp_path, module))
        run = wait_for_end(engine, killed, 60)
        assert (run.ended, run.reason) == ("interrupted", "killed"), run.sentence
        run = wait_for_end(engine, engine.submit(SHORT, "next"), 120)
        assert run.ended == "steps" and run.proof.holds, run.sentence
        assert run.resolved.device == torch.cuda.get_device_name(0)
    wait_for(lambda: torch.cuda.mem_get_info(0)[0] > before - 2**26, 60)


@pytest.mark.gpu
def test_a_gpu_has_one_run_at_a_time_whatever_it_is_called(tmp_path):
    with engine_in(tmp_path, REAL) as engine:
        engine.start()
        names = ("cuda:0", "cuda", "cuda:0")
        ids = [engine.submit(replace(SHORT, device=d), str(n)) for n, d in enumerate(names)]
        most = 0

        def are_over():
            nonlocal most
            runs = [engine.run(run_id) for run_id in ids]
            most = max(most, sum(run.is_active for run in runs))
            return all(run.is_over for run in runs)

        wait_for(are_over, 300)
        assert most == 1
        assert [engine.run(run_id).ended for run_id in ids] == ["steps"] * 3


@pytest.mark.gpu
@pytest.mark.parametrize(
    "arguments",
    [
        ["step_overhead.py", "--rounds", "2", "--nets", "digits56"],
        ["step_overhead.py", "--rounds", "2", "--nets", "resnet20", "--precision", "mixed"],
    ],
    ids=["float32", "mixed"],
)
def test_overhead_can_be_measured_there(arguments):
    script, *more = arguments
    command = [sys.executable, BENCH / script, "--json", "--device", "cuda:0", *more]
    found = subprocess.run(command, capture_output=True, timeout=300)
    assert found.returncode == 0, found.stderr.decode()[-2000:]
    (row,) = json.loads(found.stdout)["rows"]
    assert row["median"]["bare_ms"] > 0 and row["median"]["all"] > 0
