"""Runs: repeatable, checked before they start, and honest about how they end."""

import json
import subprocess
import sys
from dataclasses import fields, replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hostile import STRANGE
from torch import nn
from torch.nn import functional as F

import resnet_core.train
from resnet_core.blocks import PostActivation, basic
from resnet_core.data import batches
from resnet_core.devices import available_devices
from resnet_core.divergence import first_nonfinite_output
from resnet_core.graph import trace
from resnet_core.layers import Add, Kit, NoNorm
from resnet_core.presets import digits, preset
from resnet_core.runs.loop import do_train
from resnet_core.spec import SpecError
from resnet_core.train import Diverged, Record, RunConfig, Trainer, draw_seed, evaluate, train
from resnet_core.twins import twin_of

SMALL = RunConfig(net=digits(8), steps=4, batch_size=16)
NO_NORM = replace(digits(20), norm="none")


def same(a: Record, b: Record) -> bool:
    """Bit for bit."""
    values = [
        (r.model, r.step, r.scalars, r.batch_crc, {k: v.tobytes() for k, v in r.per_op.items()})
        for r in (a, b)
    ]
    return values[0] == values[1]


@pytest.mark.parametrize("model", [0, 1])
@pytest.mark.parametrize("net", [digits(20), NO_NORM], ids=["batch norm", "no norm"])
def test_equal_configs_give_bit_equal_records(net, model):
    config = replace(SMALL, net=net)
    first, again = list(train(config, model)), list(train(config, model))
    assert len(first) == config.steps
    assert all(map(same, first, again))
    assert not same(first[0], first[1])
    assert not same(first[0], next(train(replace(config, seed=1), model)))


def test_a_record_has_the_shapes_of_its_labels():
    trainer = Trainer(replace(SMALL, net=digits(20)), 1)
    for step, record in enumerate(trainer.records()):
        assert (record.model, record.step) == (1, step)
        assert list(record.scalars) == ["loss", "accuracy", "lr", "grad_norm"]
        assert {k: len(v) for k, v in trainer.labels.items()} == {
            "input_grad": 9,
            "weight_grad": 20,
            "act_rms": 29,
            "x_norm": 9,
            "f_norm": 9,
            "f_ratio": 9,
            "y_norm": 9,
            "update_ratio": 20,
            "dead": 19,
        }
        for key, values in record.per_op.items():
            assert values.dtype == np.float32
            assert values.shape == (len(trainer.labels[key]),)


def test_the_learning_rate_may_change_between_two_records():
    """A run that is told of it on its way is the run that was told before."""
    told = Trainer(replace(SMALL, lr_changes=((1, 0.05), (3, 0.001))), 0)
    live = Trainer(replace(SMALL, lr_changes=((3, 0.1),)), 0)
    records = []
    for record in live.records():
        records.append(record)
        if record.step == 0:
            live.change_lr(live.next_step, 0.05)
            live.change_lr(3, 0.001)
    assert all(map(same, records, told.records()))
    assert [r.scalars["lr"] for r in records] == [0.02, 0.05, 0.05, 0.001]
    with pytest.raises(ValueError, match="step 3 has begun: the next one is 4"):
        live.change_lr(3, 0.1)


def test_the_schedule_and_its_warm_up_are_followed():
    config = replace(SMALL, schedule="cosine", warmup=2, lr=0.1)
    rates = [record.scalars["lr"] for record in train(config, 0)]
    assert rates == pytest.approx([0.05, 0.1, 0.1, 0.0], abs=1e-12)


def test_what_a_step_draws_is_its_own():
    """Torch's generator on the CPU takes 32 bits of a seed: the steps have to differ in those."""

    def drawn(seed, step):
        torch.manual_seed(draw_seed(seed, step))
        return tuple(torch.rand(4).tolist())

    assert len({drawn(seed, step) for seed in range(3) for step in range(20)}) == 60


@pytest.mark.parametrize(
    "change", [{"optimizer": "adamw", "lr": 1e-3}, {"label_smoothing": 0.1}, {"clip": 0.5}], ids=str
)
def test_a_run_is_the_loop_that_torch_would_write(change):
    config = replace(SMALL, steps=3, weight_decay=0.01, **change)
    trainer, bare = Trainer(config, 0), Trainer(config, 0, probes=())
    params = list(bare.module.parameters())
    if config.optimizer == "adamw":
        optimizer = torch.optim.AdamW(params, config.lr, weight_decay=0.01)
    else:
        optimizer = torch.optim.SGD(params, config.lr, config.momentum, 0, 0.01)
    plan = batches(len(bare.examples.train_images), config.batch_size, config.seed)
    for record, indices in zip(trainer.records(), plan):
        images, targets = bare.batch(indices)
        logits = bare.module(images)
        loss = F.cross_entropy(logits, targets, label_smoothing=config.label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(params, config.clip or 1e9)
        optimizer.step()
        assert record.scalars["loss"] == pytest.approx(loss.item(), rel=1e-5)
        assert record.scalars["grad_norm"] == pytest.approx(norm.item(), rel=1e-4)
    assert norm > 0.5  # clipped, if at all, and measured before


def test_a_run_that_learns_is_seen_on_held_out_images():
    trainer = Trainer(RunConfig(net=digits(8), steps=40), 0)
    before = trainer.held_out()
    losses = [record.scalars["loss"] for record in trainer.records()]
    assert losses[-1] < 0.5 * losses[0]
    assert before < 0.3 < 0.7 < trainer.held_out() <= 1
    assert trainer.module.training


def test_a_run_ends_with_the_update_of_its_last_step():
    """Its accuracy is that of a net that has been updated as often as there are steps."""
    sent, trainer = [], Trainer(SMALL, 0)
    orders = SimpleNamespace(checkpoint=lambda stands: None, new_rates=list, total=None)
    order = {"config": SMALL.to_json(), "models": [0]}
    do_train(resnet_core.train, order, orders, lambda head, data=b"": sent.append(head))
    update, updates = trainer.optimizer.update, []
    trainer.optimizer.update = lambda lr: updates.append(lr) or update(lr)
    assert len(list(trainer.records())) == len(updates) == SMALL.steps
    assert sent[-1]["how"] == "steps" and sent[-1]["accuracy"] == trainer.held_out()


@pytest.mark.parametrize("lag", [0, 1])
def test_a_run_that_is_cut_is_a_shorter_run(lag):
    """With a lag the step that is under way belongs to it."""
    trainer, cut = Trainer(replace(SMALL, steps=9), 0), None
    trainer.lag = lag
    records = []
    for record in trainer.records():
        records.append(record)
        if record.step == 2:
            cut = trainer.total = trainer.next_step
    assert len(records) == cut == 3 + lag
    whole = Trainer(replace(SMALL, steps=cut), 0)
    assert len(list(whole.records())) == cut
    assert trainer.fingerprints() == whole.fingerprints()
    running = [name for name, _ in whole.module.named_buffers()]
    assert running and all(
        torch.equal(trainer.module.get_buffer(name), whole.module.get_buffer(name))
        for name in running
    )


@pytest.mark.parametrize("change", [{"stochastic_depth": 50}, {"shortcut": "dropout"}])
def test_what_is_dropped_depends_on_seed_and_step_alone(change):
    stages = tuple(replace(s, **change) for s in SMALL.net.stages) if "shortcut" in change else None
    net = replace(SMALL.net, stages=stages) if stages else replace(SMALL.net, **change)
    config = replace(SMALL, net=net)

    def losses(other: Trainer | None = None, seed=0):
        pairs = zip(Trainer(replace(config, seed=seed), 0).records(), other or iter(int, 1))
        return [record.scalars["loss"] for record, _ in pairs]

    alone = losses()
    beside = losses(Trainer(config, 0).records())  # one process trains both nets in turn
    assert alone == beside
    assert alone[0] != losses(seed=1)[0]


def test_held_out_images_do_not_touch_the_net():
    trainer = Trainer(SMALL, 0)
    prints = trainer.fingerprints()
    evaluate(trainer.module, SMALL)
    assert trainer.fingerprints() == prints


def test_a_time_budget_is_somebody_else_s_business():
    assert len(list(train(replace(SMALL, seconds=10), 0))) == SMALL.steps


@pytest.mark.parametrize(("net", "model"), [(NO_NORM, 0), (twin_of(NO_NORM), 1)])
def test_a_net_that_diverges_ends_at_once_and_says_where(net, model):
    *records, end = train(RunConfig(net=net, steps=50, batch_size=16, lr=10), model)
    assert isinstance(end, Diverged)
    assert [record.is_finite for record in records] == [True] * (len(records) - 1) + [False]
    assert (end.model, end.step) == (model, len(records) - 1)
    assert end.path in {op.path for op in trace(NO_NORM).ops}
    assert end.what in ("output", "gradient")


def test_a_diverged_net_has_no_held_out_accuracy():
    trainer = Trainer(RunConfig(net=NO_NORM, steps=50, batch_size=16, lr=10), 0)
    assert isinstance(list(trainer.records())[-1], Diverged)
    assert np.isnan(trainer.held_out())


def test_the_first_op_with_a_bad_output_is_named():
    trainer = Trainer(SMALL, 0)
    with torch.no_grad():
        trainer.module.stage2[0].residual.conv2.weight[0, 0, 0, 0] = torch.inf
        trainer.module.head.fc.weight.fill_(torch.nan)  # worse, but later
    _, end = trainer.records()
    assert end == Diverged(0, 0, "stage2.0.residual.conv2", "output", end.cause)


def test_an_addition_can_be_the_first():
    block = PostActivation(1, basic(1, 1), nn.Identity(), Add(), Kit(norm=NoNorm))
    with torch.no_grad():
        for conv in (block.residual.conv1, block.residual.conv2):
            conv.weight.zero_()[0, 0, 1, 1] = 1  # F(x) = x, so relu(F(x) + x) overflows
    net = nn.Sequential(block)
    assert first_nonfinite_output(net, lambda: net(torch.full((1, 1, 2, 2), 2e38))) == "0.add"


def test_a_bad_gradient_is_named_where_the_backward_pass_met_it():
    trainer = Trainer(SMALL, 1)

    def overflow(layer, args, output):
        if output.requires_grad:
            output.register_hook(lambda grad: grad * torch.inf)

    trainer.module.stage2[0].residual.conv1.register_forward_hook(overflow)
    record, end = trainer.records()
    assert np.isfinite(record.scalars["loss"])
    assert end == Diverged(1, 0, "stage2.0.residual.conv1", "gradient", end.cause)


REFUSED = [
    ({"steps": 0}, "Steps: 0 will not do. Use a whole number from 1 to 20,000"),
    ({"steps": 2.5}, "Steps: 2.5 will not do. Use a whole number"),
    ({"steps": True}, "Steps: True will not do"),
    ({"seconds": 3601}, "Seconds: 3601 will not do. Use a whole number from 1 to 3,600"),
    ({"batch_size": 1}, "Batch size: 1 will not do. Use a whole number from 2 to 1,024"),
    ({"lr": 0.0}, "Lr: 0.0 will not do. Use a number from 1e-09 to 10"),
    ({"lr": float("nan")}, "Lr: nan will not do"),
    ({"lr": "0.1"}, "Lr: '0.1' will not do"),
    ({"momentum": 1.0}, "Momentum: 1.0 will not do"),
    ({"weight_decay": -1e-4}, "Weight decay: -0.0001 will not do"),
    ({"seed": 2**31}, "Seed: 2147483648 will not do"),
    ({"dataset": "cifar"}, "Dataset: there is no 'cifar'. Use one of digits"),
    ({"device": "tpu"}, "Device: there is no 'tpu'. Use cpu, cuda:0 or mps"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED, ids=str)
def test_what_cannot_run_is_refused_in_words(change, words):
    with pytest.raises(SpecError, match=words):
        replace(SMALL, **change)


def test_a_config_survives_json():
    config = replace(SMALL, seconds=7, lr=0.1, device="cuda:1", net=twin_of(digits(20)))
    assert RunConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "this is not JSON"),
        ("[]", "is not an object"),
        (SMALL.to_json().replace('"steps": 4', '"steps": 0'), "Steps: 0 will not do"),
        (SMALL.to_json().replace('"steps"', '"step"'), "Step: there is no such field"),
    ],
)
def test_a_config_that_is_none_is_refused_in_words(text, words):
    with pytest.raises(SpecError, match=words):
        RunConfig.from_json(text)


@pytest.mark.parametrize("field", [f.name for f in fields(RunConfig)])
def test_a_strange_value_in_any_field_is_taken_or_refused_in_words(field):
    given = json.loads(SMALL.to_json())
    for value in (*STRANGE, [[1, 0.1], [1, 0.2]], [[{}, []]], "cuda:٣", "images:", "images:../x"):
        text = json.dumps({**given, field: value})
        try:
            config = RunConfig.from_json(text)
        except SpecError as e:
            assert e.problem and e.remedy and len(str(e)) < 400
        else:
            assert RunConfig.from_json(config.to_json()) == config
            assert value != "cuda:٣"


def test_there_is_always_a_device():
    *faster, cpu = available_devices()
    assert cpu[0] == "cpu"
    assert all(RunConfig(net=digits(8), device=key) for key, _ in faster)


def test_training_imports_nothing_slow():
    """torch._dynamo costs 1 s, sklearn 0.9 s; a training process needs neither."""
    code = (
        "import sys; from resnet_core.presets import digits; from resnet_core.train import *;"
        "t = Trainer(RunConfig(net=digits(8), steps=2), 0); list(t.records()); t.held_out();"
        "print([m for m in ('torch._dynamo', 'sklearn', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_default_experiment_shows_degradation(seed):
    """Not vanishing gradients: those of the plain net grow toward the input at step 0."""
    trainers = [Trainer(RunConfig(net=preset("digits56"), seed=seed), model) for model in (0, 1)]
    records = [list(trainer.records()) for trainer in trainers]
    assert trainers[0].held_out() > 0.9
    assert trainers[1].held_out() < 0.7
    residual, plain = (r[0].per_op["input_grad"] for r in records)
    assert plain[0] / plain[-1] > 1e2
    assert residual[0] / residual[-1] < 1e2
    crcs = [[r.batch_crc for r in run] for run in records]
    assert crcs[0] == crcs[1]


@pytest.mark.slow
@pytest.mark.parametrize("depth", [20, 56])
def test_without_a_norm_the_plain_net_vanishes_and_stays_at_guessing(depth):
    net = replace(digits(depth), norm="none", init="pytorch")
    trainers = [Trainer(RunConfig(net=net, lr=0.05), model) for model in (0, 1)]
    records = [list(trainer.records()) for trainer in trainers]
    assert trainers[0].held_out() > 0.9
    assert trainers[1].held_out() < 0.2
    slopes = [np.log10(r[0].per_op["input_grad"][[0, -1]]) @ [1, -1] for r in records]
    assert abs(slopes[0]) < 1
    assert slopes[1] < -6


@pytest.mark.gpu
def test_a_gpu_sees_what_the_cpu_sees():
    config = replace(SMALL, net=digits(20), batch_size=64)
    for here, there in zip(train(config, 0), train(replace(config, device="cuda"), 0), strict=True):
        assert here.batch_crc == there.batch_crc
        assert there.scalars["loss"] == pytest.approx(here.scalars["loss"], rel=1e-3)
        for key in here.per_op:
            np.testing.assert_allclose(there.per_op[key], here.per_op[key], rtol=2e-2)


@pytest.mark.gpu
def test_two_nets_take_turns_on_a_gpu():
    config = replace(SMALL, device="cuda")
    alone = list(train(config, 0))
    turns = zip(train(config, 0), train(config, 1), strict=True)
    assert all(map(same, alone, (first for first, _ in turns)))


def test_steps_follow_each_other():
    assert all(b.step == a.step + 1 for a, b in pairwise(train(SMALL, 0)))
