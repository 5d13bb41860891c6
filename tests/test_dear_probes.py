"""What the dear probes record is true: against each net walked by hand, in float64."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from resnet_core.blocks import ActFirst, EveryLayer, NormAfterAdd, PostActivation, PreActivation
from resnet_core.layers import Add
from resnet_core.optimizers import OPTIMIZERS
from resnet_core.presets import digits
from resnet_core.probes import PROBES, labels
from resnet_core.rhythm import is_dear, is_probed, rhythm
from resnet_core.shortcuts import ExclusiveGate, ScaledAdd
from resnet_core.spec import NetSpec, StageSpec
from resnet_core.train import RunConfig, Trainer, draw_seed


def with_stages(net=None, **fields):
    net = net or digits(8)
    return replace(net, stages=tuple(replace(stage, **fields) for stage in net.stages))


BOTTLENECK = NetSpec(
    name="bottleneck",
    stages=(
        StageSpec(num_blocks=2, width=4, block="bottleneck", shortcut="C", attention="se"),
        StageSpec(num_blocks=2, width=8, stride=2, block="bottleneck", shortcut="D"),
    ),
    input_shape=(3, 12, 12),
)
PREACT = replace(digits(8), order="preact")
NETS = {
    "skip": digits(14),
    "no norm": replace(digits(14), norm="none", init="pytorch"),
    "bottleneck": BOTTLENECK,
    "narrow": with_stages(width=8, stride=1, shortcut="B"),
    "preact": PREACT,
    "preact, projected": with_stages(PREACT, shortcut="B"),
    "preact, all projected, no norm": replace(with_stages(PREACT, shortcut="C"), norm="none"),
    "norm-after-add": replace(digits(8), order="norm-after-add"),
    "act-before-add": replace(digits(8), order="act-before-add"),
    "act-first": replace(digits(8), order="act-first"),
    "scaled": with_stages(shortcut="scaled"),
    "gated": with_stages(shortcut="gated"),
    "gated, preact": with_stages(PREACT, shortcut="gated"),
    "gated-x": with_stages(shortcut="gated-x"),
    "dropout": with_stages(shortcut="dropout"),
    "stochastic depth": replace(digits(14), stochastic_depth=50),
    "every layer": with_stages(shortcut="layer"),
    "fixup": replace(digits(8), norm="fixup", init="fixup"),
    "silu": replace(digits(8), activation="silu"),
}


class Walk:
    """One forward pass by hand: what each probe is about, by path."""

    def __init__(self, module: nn.Module, images: torch.Tensor):
        self.outputs, self.relus, self.blocks = {}, {}, {}
        x = self.chain("stem", module.stem, images)
        for name, stage in module.named_children():
            if name.startswith("stage"):
                for number, block in enumerate(stage):
                    x = self.block(f"{name}.{number}", block, x)
        self.logits = self.chain("head", module.head, x)

    def one(self, path, layer, x):
        out = layer(x)
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            self.outputs[path] = out
        if isinstance(layer, nn.ReLU):
            self.relus[path] = out
        return out

    def chain(self, path, layers, x):
        for name, layer in layers.named_children():
            x = self.one(f"{path}.{name}", layer, x)
        return x

    def block(self, path, block, x):
        seen = self.blocks[path] = {"x": x}
        if isinstance(block, EveryLayer):
            return self.every_layer(path, block, x)
        ready = x
        if isinstance(block, PreActivation):
            ready = self.one(f"{path}.act", block.act, block.norm(x))
        elif isinstance(block, ActFirst):
            ready = self.one(f"{path}.act", block.act, x)
        through = self.chain(f"{path}.residual", block.residual, ready)
        seen["f"] = seen["y"] = through
        if block.shortcut is not None:
            seen["parting"] = ready if getattr(block, "projects", False) else x
            beside = block.shortcut(1 * seen["parting"])  # an identity would be x itself
            seen |= {"through": through, "beside": [beside]}
            seen["f"], skip = self.arms(block.add, seen, x)
            seen["y"] = seen["f"] + skip
        y = block.norm(seen["y"]) if isinstance(block, NormAfterAdd) else seen["y"]
        if isinstance(block, (PostActivation, NormAfterAdd)):
            y = self.one(f"{path}.act", block.act, y)
        self.outputs[path] = y
        return y

    def arms(self, add, seen, x):
        """F(x) and the shortcut's x as they enter the (+)."""
        through, (beside,) = seen["through"], seen["beside"]
        if isinstance(add, Add):
            return through, beside
        if isinstance(add, ScaledAdd):
            return through / 2, beside / 2
        gate = torch.sigmoid(add.gate(x))
        seen["beside"].append(gate)
        return through * gate if isinstance(add, ExclusiveGate) else through, beside * (1 - gate)

    def every_layer(self, path, block, x):
        for number, names in enumerate(block.names, start=1):
            out = x
            for name in names:
                out = self.one(f"{path}.residual.{name}", getattr(block.residual, name), out)
            y = out + getattr(block.shortcut, f"layer{number}")(x)
            is_last = number == len(block.names)
            act = f"{path}.act" if is_last else f"{path}.residual.act{number}"
            x = self.one(act, block.act if is_last else getattr(block.residual, f"act{number}"), y)
        self.blocks[path]["y"], self.outputs[path] = y, x
        return x


def parts_of(loss, block):
    """Gradients where the arms part: in all, by what is beside F, and through F; three VJPs."""
    at, ends = block["parting"], [block["through"], *block["beside"]]
    total, *grads = torch.autograd.grad(loss, [at, *ends], retain_graph=True)
    residual, *skip = (
        torch.autograd.grad(end, at, grad, retain_graph=True)[0] for end, grad in zip(ends, grads)
    )
    return total, sum(skip), residual


def truth(trainer, step, indices):
    """probe -> its values by path, in float64; and the largest error of total = skip + residual."""
    images, targets = trainer.batch(indices)
    torch.manual_seed(draw_seed(trainer.config.seed, step))
    walk = Walk(trainer.module, images)
    loss = F.cross_entropy(walk.logits, targets)
    found = {key: {} for key in PROBES}
    found["act_rms"] = {p: out.square().mean().sqrt() for p, out in walk.outputs.items()}
    found["dead"] = {
        path: (out.amax((0, 2, 3)) == 0).double().mean() for path, out in walk.relus.items()
    }
    worst = 0.0
    for path, block in walk.blocks.items():
        (grad,) = torch.autograd.grad(loss, block["x"], retain_graph=True)
        found["input_grad"][path] = grad.norm()
        for name in "xfy":
            if name in block:
                found[f"{name}_norm"][path] = block[name].norm()
        if "f" in block:
            found["f_ratio"][path] = block["f"].norm() / block["x"].norm()
        if "through" in block:
            total, skip, residual = parts_of(loss, block)
            found["grad_skip"][path], found["grad_residual"][path] = skip.norm(), residual.norm()
            found["share_skip"][path] = (skip * total).sum() / total.square().sum()
            worst = max(worst, ((skip + residual - total).norm() / total.norm()).item())
    return found, worst


def in_float64(config, model, **kwargs):
    trainer = Trainer(config, model, **kwargs)
    trainer.module.double()
    make = OPTIMIZERS[config.optimizer].make
    double = make(trainer.module.parameters(), config.momentum, config.weight_decay)
    trainer.optimizer = double
    given = trainer.batch
    trainer.batch = lambda indices: (given(indices)[0].double(), given(indices)[1])
    return trainer


@pytest.mark.parametrize("model", [0, 1])
@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
def test_a_record_holds_what_the_net_shows_when_walked_by_hand(net, model):
    config = RunConfig(net=net, steps=3, batch_size=8, lr=0.01)
    trainer, reference = in_float64(config, model), in_float64(config, model)
    with torch.no_grad():  # so that something is dead
        for norm in (m for m in trainer.module.modules() if isinstance(m, nn.BatchNorm2d)):
            norm.bias[0] = -50
    plan, given = [], trainer.batch
    trainer.batch = lambda indices: plan.append(indices) or given(indices)
    before = None
    for record in trainer.records():
        weights = {p: trainer.module.get_submodule(p).weight for p in trainer.labels["weight_grad"]}
        if before:
            moved = [(weights[p] - w).norm() / w.norm() for p, w in before[0].items()]
            np.testing.assert_allclose(before[1], [m.item() for m in moved], rtol=1e-5)
        before = {p: w.detach().clone() for p, w in weights.items()}, record.per_op["update_ratio"]
        reference.module.load_state_dict(trainer.module.state_dict())
        found, worst = truth(reference, record.step, plan[-1])
        assert worst < 1e-12
        for key in record.per_op.keys() - {"weight_grad", "update_ratio"}:
            paths = trainer.labels[key]
            assert list(found[key]) == paths  # in order of execution
            expected = [found[key][path].item() for path in paths]
            np.testing.assert_allclose(record.per_op[key], expected, 1e-6, 1e-9, err_msg=key)
    assert net.norm != "batch" or "dead" not in record.per_op or record.per_op["dead"].max() > 0


@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
def test_no_probe_changes_a_bit_of_the_training(net):
    config = RunConfig(net=net, steps=4, batch_size=8)
    for model in (0, 1):
        watched, bare = Trainer(config, model), Trainer(config, model, probes=())
        losses = [[r.scalars["loss"] for r in t.records()] for t in (watched, bare)]
        assert losses[0] == losses[1]
        assert watched.fingerprints() == bare.fingerprints()


def test_the_size_of_f_against_x_is_the_same_without_their_norms():
    config = RunConfig(net=digits(8), steps=1, batch_size=8)
    record, alone = (
        next(Trainer(config, 0, probes=probes).records()).per_op
        for probes in (tuple(PROBES), ("f_ratio",))
    )
    assert alone.keys() == {"f_ratio"}
    assert (alone["f_ratio"] == record["f_ratio"]).all()
    np.testing.assert_allclose(record["f_ratio"], record["f_norm"] / record["x_norm"], rtol=1e-6)


def test_nothing_is_invented_where_there_is_no_sum():
    plain = labels(with_stages(shortcut="none"))
    assert plain["grad_skip"] == plain["grad_residual"] == plain["share_skip"] == []
    assert plain["f_norm"] == plain["f_ratio"] == plain["y_norm"] == plain["x_norm"] != []
    layers = labels(with_stages(shortcut="layer"))
    assert layers["grad_skip"] == layers["share_skip"] == layers["f_norm"] == []
    assert layers["f_ratio"] == []
    assert labels(NETS["silu"])["dead"] == []
    record = next(Trainer(RunConfig(net=NETS["silu"], batch_size=8), 1).records())
    assert record.per_op.keys() == PROBES.keys() - {
        "grad_skip", "grad_residual", "share_skip", "dead"
    }  # fmt: skip


def test_behind_identity_shortcuts_the_one_is_the_next_block_s_gradient():
    """The theorem of He et al. 2016, eq. 5, for pre-activation: exactly, not nearly."""
    net = replace(digits(20), order="preact")
    record = next(Trainer(RunConfig(net=net, batch_size=16), 0).records())
    paths = labels(net)["grad_skip"]
    total, skip = (record.per_op[key] for key in ("input_grad", "grad_skip"))
    same_stage = [i for i in range(len(paths) - 1) if paths[i][:6] == paths[i + 1][:6]]
    inner = [i for i in same_stage if not paths[i].endswith(".0")]
    assert len(inner) == 3
    assert all(skip[i] == total[i + 1] for i in inner)


def test_dear_probes_look_at_the_first_steps_then_at_every_fourth_and_at_the_last():
    config = RunConfig(net=digits(8), steps=28, batch_size=8)
    records = list(Trainer(config, 0).records())
    assert [r.step for r in records if "dead" in r.per_op] == [*range(20), 20, 24, 27]
    assert all(r.per_op.keys() >= {"input_grad", "weight_grad"} for r in records)
    assert rhythm("dead", 28) == "the first 20 steps, then every 4th"
    assert rhythm("input_grad", 28) == "every step"


@pytest.mark.parametrize("steps", [1, 20, 2000, 2001, 5000, 20_000])
def test_a_long_run_is_thinned_evenly_and_keeps_its_first_steps_and_its_last(steps):
    probed = [step for step in range(steps) if is_probed(step, steps)]
    dear = [step for step in range(steps) if is_dear(step, steps)]
    assert set(dear) <= set(probed)
    for looked in (probed, dear):
        assert looked[:20] == list(range(min(20, steps)))
        assert looked[-1] == steps - 1
        gaps = {b - a for a, b in pairwise(s for s in looked[:-1] if s >= 40)}
        assert len(gaps) <= 1
    assert min(steps, 1000) <= len(probed) <= 2021
    assert steps <= 2000 or len(dear) <= 521


def test_a_step_that_nobody_probes_tells_its_loss_and_trains_the_same(monkeypatch):
    config = RunConfig(net=digits(8), steps=24, batch_size=8)
    all_of_them = list(Trainer(config, 0).records())
    monkeypatch.setattr("resnet_core.rhythm.MOST", 8)
    thinned = list(Trainer(config, 0).records())
    assert [r.step for r in thinned if not r.per_op] == [20, 22]
    assert [r.scalars for r in thinned] == [r.scalars for r in all_of_them]


def test_held_out_images_are_not_measured():
    trainer = Trainer(RunConfig(net=digits(8), steps=2, batch_size=8), 0)
    records = trainer.records()
    first = next(records)
    trainer.held_out()
    assert next(records).per_op["x_norm"] == pytest.approx(
        list(Trainer(trainer.config, 0).records())[1].per_op["x_norm"]
    )
    assert first.per_op.keys() == PROBES.keys()


@pytest.mark.parametrize("change", [{}, {"optimizer": "adamw"}, {"clip": 0.01}], ids=str)
def test_the_record_tells_the_update_that_is_made_though_the_rate_changes_meanwhile(change):
    trainer = in_float64(RunConfig(net=digits(8), steps=2, batch_size=8, **change), 0)
    records = trainer.records()
    told = next(records).per_op["update_ratio"][0]
    trainer.change_lr(1, 1.0)
    before = trainer.module.stem.conv.weight.detach().clone()
    next(records)
    moved = (trainer.module.stem.conv.weight - before).norm() / before.norm()
    assert told == pytest.approx(moved.item(), rel=1e-6)
