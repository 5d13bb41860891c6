"""The recorded gradients are true: against autograd, in float64, at any size, at no other place."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from resnet_core.graph import trace
from resnet_core.presets import PRESETS, cifar, digits
from resnet_core.probes import PROBES, l2_norm, labels, scaled_norm
from resnet_core.probes.norms import grouped_norms
from resnet_core.spec import NetSpec, StageSpec
from resnet_core.train import RunConfig, Trainer

BOTTLENECK = NetSpec(
    name="bottleneck",
    stages=(
        StageSpec(num_blocks=2, width=4, block="bottleneck", shortcut="C"),
        StageSpec(num_blocks=2, width=8, stride=2, block="bottleneck", shortcut="B"),
    ),
    input_shape=(3, 12, 12),
)
NETS = {
    "skip": digits(20),
    "no norm, default init": replace(digits(20), norm="none", init="pytorch"),
    "bottleneck": BOTTLENECK,
}


def truth(trainer, indices):
    """Loss and float64 norms by torch.autograd.grad on a net that is walked block by block."""
    images, targets = trainer.batch(indices)
    stem, *stages, head = trainer.module
    x, inputs = stem(images), []
    for block in (block for stage in stages for block in stage):
        inputs.append(x)
        x = block(x)
    loss = F.cross_entropy(head(x), targets)
    weights = [trainer.module.get_submodule(p).weight for p in trainer.labels["weight_grad"]]
    grads = torch.autograd.grad(loss, inputs + weights)
    norms = [np.linalg.norm(grad.detach().numpy().astype(np.float64)) for grad in grads]
    return loss.item(), norms[: len(inputs)], norms[len(inputs) :]


@pytest.mark.parametrize("model", [0, 1])
@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
def test_a_record_holds_the_norms_of_the_gradients(net, model):
    config = RunConfig(net=net, steps=3, batch_size=16)
    trainer, reference = Trainer(config, model), Trainer(config, model)
    plan = []
    reference_batch, trainer.batch = trainer.batch, lambda i: plan.append(i) or reference_batch(i)
    for record in trainer.records():
        reference.module.load_state_dict(trainer.module.state_dict())
        loss, input_grad, weight_grad = truth(reference, plan[-1])
        assert record.scalars["loss"] == pytest.approx(loss, rel=1e-6)
        np.testing.assert_allclose(record.per_op["input_grad"], input_grad, rtol=1e-6)
        np.testing.assert_allclose(record.per_op["weight_grad"], weight_grad, rtol=1e-5)


def test_a_plain_net_that_vanishes_is_not_recorded_as_zero():
    net = replace(digits(56), norm="none", init="pytorch")
    trainer = Trainer(RunConfig(net=net, steps=1, batch_size=16), 1)
    naive = []

    def watch(block, args):
        args[0].register_hook(lambda grad: naive.append(grad.norm().item()))

    trainer.module.stage1[0].register_forward_pre_hook(watch)
    record = next(trainer.records())
    assert naive == [0]  # squares underflow: what a plain float32 norm says
    grads = record.per_op["input_grad"]
    assert (grads > 0).all()
    assert grads[0] < 1e-22 < 1e-4 < grads[-1]


@pytest.mark.parametrize("norm", [l2_norm, scaled_norm])
@pytest.mark.parametrize("size", [1e-36, 1e-24, 1e-19, 1e-12, 1.0, 1e17, 1e22, 1e33])
def test_norms_hold_at_any_size(norm, size):
    grad = torch.randn(8, 16, 5, 7, generator=torch.Generator().manual_seed(0)) * size
    assert norm(grad).item() == pytest.approx(
        np.linalg.norm(grad.numpy().astype(float)), rel=1e-6, abs=0
    )


@pytest.mark.parametrize("shape", [(64, 16, 32, 32), (4, 64, 112, 112)])
def test_norms_hold_for_many_elements(shape):
    grad = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    for layout in (torch.contiguous_format, torch.channels_last):
        truth = grad.double().norm().item()
        assert l2_norm(grad.contiguous(memory_format=layout)).item() == pytest.approx(truth, 1e-6)
    assert grad.norm().item() != pytest.approx(truth, 1e-6)  # float32 alone would not do


@pytest.mark.parametrize("norm", [l2_norm, scaled_norm])
def test_zero_is_zero_and_nan_is_not(norm):
    assert norm(torch.zeros(2, 3, 4, 4)).item() == 0
    assert not norm(torch.full((2, 3, 4, 4), torch.nan)).isfinite()
    assert not norm(torch.full((2, 3, 4, 4), torch.inf)).isfinite()


@pytest.mark.parametrize(
    "net", [*(p.net for p in PRESETS.values()), BOTTLENECK, cifar(20, "none")], ids=lambda n: n.name
)
def test_labels_are_the_paths_of_the_graph_the_main_path_in_its_order(net):
    graph, paths = trace(net), labels(net)
    assert list(paths) == list(PROBES)
    assert paths["input_grad"] == [block.path for block in graph.blocks]
    weighted = {op.path for op in graph.ops if op.kind in ("conv", "linear")}
    assert sorted(paths["weight_grad"]) == sorted(weighted)
    main = [op.path for op in graph.main_layers]
    assert [path for path in paths["weight_grad"] if path in set(main)] == main


def test_measuring_changes_nothing():
    """A loop without probes, with torch's own optimizer, has the same losses bit for bit."""
    config = RunConfig(net=digits(20), steps=6, batch_size=16)
    plan = []
    trainer, bare = Trainer(config, 0), Trainer(config, 0, probes=())
    watched_batch, trainer.batch = trainer.batch, lambda i: plan.append(i) or watched_batch(i)
    losses = [record.scalars["loss"] for record in trainer.records()]
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in bare.module.modules())
    params = list(bare.module.parameters())
    optimizer = torch.optim.SGD(params, config.lr, config.momentum, 0, config.weight_decay)
    for indices, loss_seen in zip(plan, losses, strict=True):
        images, targets = bare.batch(indices)
        loss = F.cross_entropy(bare.module(images), targets)
        assert loss.item() == loss_seen
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("size", [1e-36, 1e-24, 1e-12, 1.0, 1e22])
def test_norms_that_are_taken_together_are_those_taken_one_by_one(size):
    generator = torch.Generator().manual_seed(0)
    shapes = [(3,), (64, 64, 3, 3), (256, 512, 1, 1), (128, 96, 3, 3), (10, 7000)]
    tensors = [torch.randn(shape, generator=generator) * size for shape in shapes]
    tensors += [torch.zeros(5), torch.full((2,), torch.nan), tensors[1].double()]
    truth = [np.linalg.norm(t.double().numpy()) for t in tensors]
    np.testing.assert_allclose(grouped_norms(tensors).numpy(), truth, rtol=1e-5)
