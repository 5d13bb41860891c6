"""Number formats, fast paths and late reading: what is recorded stays true whatever computes it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from resnet_core import readback
from resnet_core.devices import check_device, describe, settle
from resnet_core.estimate import estimate
from resnet_core.fast_paths import FAST_PATHS, FastPath, bare
from resnet_core.presets import digits
from resnet_core.probes import l2_norm
from resnet_core.readback import Ring
from resnet_core.spec import SpecError
from resnet_core.train import Diverged, RunConfig, Trainer, train

PREACT = replace(digits(14), order="preact")
MIXED = RunConfig(net=digits(14), steps=4, batch_size=16, precision="mixed")
WILD = RunConfig(net=replace(digits(20), norm="none"), steps=40, batch_size=16, lr=10)


def contents(record):
    if isinstance(record, Diverged):
        return record
    per_op = {key: values.tobytes() for key, values in record.per_op.items()}
    return record.model, record.step, str(record.scalars), record.batch_crc, per_op


def contents_of(trainer):
    return [contents(record) for record in trainer.records()]


@pytest.mark.parametrize("size", [1e-36, 1e-24, 1e-12, 1.0, 1e22, 1e33])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_norms_of_bfloat16_are_those_in_float64(size, layout):
    grad = torch.randn(8, 16, 5, 7, generator=torch.Generator().manual_seed(0)) * size
    grad = grad.bfloat16().contiguous(memory_format=layout)
    truth = np.linalg.norm(grad.double().numpy())
    assert l2_norm(grad).item() == pytest.approx(truth, rel=1e-6, abs=0)
    assert grad.norm().item() != pytest.approx(
        truth, rel=1e-6, abs=0
    )  # bfloat16 alone would not do


@pytest.mark.parametrize("model", [0, 1])
def test_mixed_gradients_are_measured_as_float64_would(model):
    """Kept as they pass, in whatever format they have, and measured by numpy."""
    trainer, kept = Trainer(MIXED, model), {}

    def keep(path):
        def before_forward(block, args):
            args[0].register_hook(lambda grad: kept.__setitem__(path, grad.clone()))

        return before_forward

    for path in trainer.labels["input_grad"]:
        trainer.module.get_submodule(path).register_forward_pre_hook(keep(path))
    for record in trainer.records():
        norms = [np.linalg.norm(kept[p].double().numpy()) for p in trainer.labels["input_grad"]]
        np.testing.assert_allclose(record.per_op["input_grad"], norms, rtol=1e-6)
    assert any(grad.dtype == torch.bfloat16 for grad in kept.values())


def test_mixed_is_near_float32_and_not_the_same():
    there, here = next(train(MIXED, 0)), next(train(replace(MIXED, precision="float32"), 0))
    assert there.scalars["loss"] == pytest.approx(here.scalars["loss"], rel=2e-2)
    assert there.scalars["loss"] != here.scalars["loss"]
    np.testing.assert_allclose(there.per_op["input_grad"], here.per_op["input_grad"], rtol=0.1)


@pytest.mark.parametrize("net", [digits(14), PREACT], ids=["original", "preact"])
def test_the_two_ways_add_up_in_the_rounding_of_bfloat16(net):
    """<skip, total> + <residual, total> = |total|^2: what the recorded norms have to allow."""
    trainer, sums = Trainer(replace(MIXED, net=net), 0), []
    path = trainer.labels["grad_skip"][1]
    grads = {}
    block = trainer.module.get_submodule(path)
    keep = {"total": block, "skip": block.shortcut}
    keep["residual"] = block.norm if net.order == "preact" else block.residual
    for name, part in keep.items():

        def before_forward(module, args, name=name):
            alias = args[0].view_as(args[0])  # so that it gets this way's gradient alone
            alias.register_hook(lambda grad: grads.__setitem__(name, grad.double()))
            return (alias,)

        part.register_forward_pre_hook(before_forward)
    for record in trainer.records():
        total, skip, residual = grads["total"], grads["skip"], grads["residual"]
        sums.append(((skip + residual - total).norm() / total.norm()).item())
        share = (skip * total).sum() / total.square().sum()
        assert record.per_op["share_skip"][1] == pytest.approx(share.item(), abs=0.01)
    assert max(sums) < 2**-8


def test_mixed_runs_repeat_and_are_not_changed_by_probes():
    first, again = Trainer(MIXED, 1), Trainer(MIXED, 1)
    assert contents_of(first) == contents_of(again)
    unwatched = Trainer(MIXED, 1, probes=())
    losses = [record.scalars for record in unwatched.records()]
    assert losses == [record.scalars for record in Trainer(MIXED, 1).records()]
    assert unwatched.fingerprints() == first.fingerprints()
    assert 0 <= first.held_out() <= 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"precision": "tf32"}, "Precision: TF32 is not for cpu. Use float32 or mixed"),
        ({"precision": "mixed", "device": "mps"}, "bfloat16 autocast is not for mps. Use float32"),
        ({"precision": "half"}, "Precision: there is no 'half'"),
        ({"fast_path": "compile", "device": "mps"}, "torch.compile is not for mps. Use none"),
        ({"fast_path": "magic"}, "Fast path: there is no 'magic'. Use one of none, compile"),
    ],
)
def test_what_a_kind_of_device_cannot_do_is_refused(change, words):
    with pytest.raises(SpecError, match=words):
        RunConfig(net=digits(8), **change)


def test_what_this_machine_cannot_do_is_refused(monkeypatch):
    with pytest.raises(SpecError, match=r"Device: there is no cuda:9 here\. Use .*cpu"):
        check_device("cuda:9")
    with pytest.raises(SpecError, match="there is no cuda:9 here"):
        Trainer(RunConfig(net=digits(8), device="cuda:9"), 0)
    monkeypatch.setattr("resnet_core.devices.available_devices", lambda: [("cuda:0", "Old GPU")])
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    with pytest.raises(SpecError, match=r"Old GPU has no bfloat16 autocast\. Use float32"):
        check_device("cuda", "mixed")
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(SpecError, match=r"there is no C compiler on this machine\. Use none"):
        check_device("cuda", fast_path="compile")


def test_what_was_settled_names_the_precision():
    assert describe("cpu", "mixed")["precision"] == "bfloat16 autocast"
    assert describe("cpu")["precision"] == "float32"


@pytest.mark.parametrize("precision", ["float32", "tf32"])
def test_only_tf32_means_tf32(precision):
    settle(precision)
    on = precision == "tf32"
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == (on, on)
    settle()


def test_memory_is_that_of_the_precision_and_the_optimizer():
    full, mixed, adam = (
        estimate(replace(MIXED, batch_size=256, **change), None).bytes_needed
        for change in ({"precision": "float32"}, {}, {"optimizer": "adamw"})
    )
    assert mixed < full
    weights = 4 * sum(p.numel() for p in Trainer(MIXED, 0).optimizer.params)
    assert adam - mixed == pytest.approx(2 * weights, rel=1e-6)


@pytest.mark.parametrize(
    "config", [MIXED, WILD, replace(WILD, steps=3)], ids=["", "ends", "ends last"]
)
def test_a_record_that_is_read_late_is_the_same(config):
    """As on a GPU: the next step has begun and the update between has been made."""
    at_once, late = Trainer(config, 0), Trainer(config, 0)
    late.lag = 1
    first = next(late.records())
    assert (first.step, late.next_step) == (0, 2)
    late = Trainer(config, 0)
    late.lag = 1
    assert contents_of(late) == contents_of(at_once)
    if not late.diverged:
        assert late.fingerprints() == at_once.fingerprints()
    assert late.diverged == at_once.diverged
    assert (config is MIXED) == (late.diverged is None)


def test_a_fast_path_trains_the_very_same_weights(monkeypatch):
    """Without compiling: the module without hooks stands in for the compiled one."""
    row = FastPath("bare", ("cpu",), bare, "")
    monkeypatch.setitem(FAST_PATHS, "compile", row)
    config = replace(MIXED, steps=26, precision="float32", batch_size=8)
    fast, plain = Trainer(replace(config, fast_path="compile"), 0), Trainer(config, 0)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in fast.fast.modules())
    records = list(fast.records())
    assert [r.scalars for r in records] == [r.scalars for r in plain.records()]
    assert fast.fingerprints() == plain.fingerprints()
    assert [r.step for r in records if not r.per_op] == [21, 22, 23]


@pytest.mark.slow
def test_a_compiled_run_learns_what_the_other_learns():
    config = RunConfig(net=digits(8), steps=30, batch_size=32)
    quick, plain = (list(train(replace(config, fast_path=key), 0)) for key in ("compile", "none"))
    for a, b in zip(quick, plain, strict=True):
        assert a.scalars["loss"] == pytest.approx(b.scalars["loss"], rel=1e-2)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "tf32", "mixed"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_no_step_waits_for_a_gpu(precision, optimizer):
    config = RunConfig(
        net=digits(20), steps=30, device="cuda", precision=precision, optimizer=optimizer, clip=1.0
    )
    records = Trainer(config, 0).records()
    next(records)
    torch.cuda.set_sync_debug_mode("error")
    try:
        assert len(list(records)) == 29
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
def test_a_gpu_that_is_read_late_tells_the_same():
    for config in (replace(MIXED, device="cuda"), replace(WILD, device="cuda")):
        late, at_once = Trainer(config, 0), Trainer(config, 0)
        at_once.lag = 0
        assert contents_of(late) == contents_of(at_once)


def test_numbers_have_arrived_when_the_device_that_sent_them_says_so(monkeypatch):
    """With several GPUs the current one is another than that of the run."""
    recorded = []
    event = SimpleNamespace(record=lambda stream=None: recorded.append(stream))
    monkeypatch.setattr(torch.cuda, "Event", lambda **how: event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: f"of {device}")
    slot = readback.Slot()
    slot._buffer = torch.empty(3, dtype=torch.float64)  # else it would be pinned
    slot.write(torch.zeros(3, dtype=torch.float64))
    assert recorded == ["of cpu"]


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="it takes two GPUs")
def test_every_gpu_tells_the_same():
    first, second = (Trainer(replace(MIXED, device=f"cuda:{i}"), 0) for i in (0, 1))
    assert contents_of(first) == contents_of(second)


@pytest.mark.gpu
def test_a_ring_keeps_numbers_until_they_are_read():
    ring, arriving = Ring(), []
    for number in range(10):
        arriving.append(ring.send(torch.full((3,), number, dtype=torch.float64, device="cuda")))
        if number >= 2:
            assert arriving[number - 2]().tolist() == [number - 2] * 3
