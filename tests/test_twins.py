"""The twin is the same net without (or with) shortcuts, down to the bits of its weights."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from resnet_core.presets import PRESETS, cifar, digits, preset
from resnet_core.proof import compare
from resnet_core.resolve import blocks_of
from resnet_core.spec import NetSpec, StageSpec
from resnet_core.train import RunConfig, Trainer
from resnet_core.twins import (
    build_pair_member,
    fingerprints,
    pair_fingerprints,
    pair_of,
    twin_of,
)

NARROWING = NetSpec(
    name="narrowing",
    stages=(
        StageSpec(num_blocks=1, width=32, shortcut="none"),
        StageSpec(num_blocks=1, width=8, stride=2, shortcut="none"),
    ),
    input_shape=(1, 8, 8),
)


def prints_of_pair(net, seed=0):
    config = RunConfig(net=net, seed=seed)
    return [fingerprints(build_pair_member(config, model)) for model in (0, 1)]


@pytest.mark.parametrize("key", PRESETS)
def test_the_twin_differs_in_shortcuts_only(key):
    net = PRESETS[key].net
    twin = twin_of(net)
    assert twin.is_plain
    assert [replace(s, shortcut="A") for s in twin.stages] == [
        replace(s, shortcut="A") for s in net.stages
    ]
    assert replace(twin, name=net.name, stages=net.stages) == net


def test_the_twin_of_a_net_with_some_shortcuts_has_none():
    first, *rest = cifar(20).stages
    assert twin_of(replace(cifar(20), stages=(replace(first, shortcut="none"), *rest))).is_plain


@pytest.mark.parametrize(("net", "shortcut"), [(cifar(20, "none"), "A"), (NARROWING, "B")])
def test_the_twin_of_a_plain_net_has_shortcuts_that_can_be_built(net, shortcut):
    twin = twin_of(net)
    assert {stage.shortcut for stage in twin.stages} == {shortcut}
    assert blocks_of(twin)
    assert twin_of(twin).stages == net.stages


def test_a_long_name_stays_within_limits():
    net = replace(cifar(20), name="n" * 80)
    assert len(twin_of(twin_of(net)).name) <= 80


def test_without_projections_the_twins_are_the_same_tensors():
    proof = compare(*prints_of_pair(digits(20)))
    assert (proof.only_0, proof.only_1) == ((), ())
    # 19 convs, 5 tensors of each of 19 norms, 2 of the linear layer
    assert proof.tensors_shared == proof.tensors_identical == 19 + 19 * 5 + 2
    assert proof.sentence == (
        "116 of 116 shared tensors identical at step 0; the shortcuts add no parameters."
    )


@pytest.mark.parametrize("plain_first", [False, True])
def test_projections_have_no_partner(plain_first):
    net = replace(digits(20), stages=cifar(20, "B").stages)
    prints = prints_of_pair(net)
    proof = compare(*(prints[::-1] if plain_first else prints))
    only = proof.only_1 if plain_first else proof.only_0
    assert len(only) == 12  # two projections: a conv and the 5 tensors of a norm each
    assert all(".shortcut." in name for name in only)
    assert proof.sentence == (
        "116 of 116 shared tensors identical at step 0; the residual net has 12 more: projections."
    )


@pytest.mark.parametrize("model_first", [0, 1])
@pytest.mark.parametrize(
    ("init", "norm", "num_set"),
    [("zero", "batch", 9), ("fixup", "fixup", 20)],  # gammas; 18 convs of F, weight and bias of fc
)
def test_what_the_init_sets_because_of_shortcuts_is_not_set_in_the_plain_twin(
    init, norm, num_set, model_first
):
    config = RunConfig(net=replace(digits(20), init=init, norm=norm))
    nets = [build_pair_member(config, model) for model in (0, 1)]
    prints = [pair_fingerprints(config, model, net) for model, net in enumerate(nets)]
    proof = compare(prints[model_first], prints[1 - model_first])
    assert proof.holds and proof.set_by_init == num_set
    assert proof.tensors_identical == proof.tensors_shared - num_set
    assert f"{num_set} drawn alike and then set by the residual net's init" in proof.sentence
    weights = [dict(net.named_parameters())["stage2.1.residual.conv1.weight"] for net in nets]
    assert weights[1].std().item() == pytest.approx((2 / (9 * 32)) ** 0.5, rel=0.05)  # Kaiming
    assert not weights[1].eq(0).any()


def test_gates_have_no_partner():
    net = replace(digits(20), stages=cifar(20, "gated").stages)
    proof = compare(*prints_of_pair(net))
    assert proof.holds and len(proof.only_0) == 18 and proof.sentence.endswith("18 more: gates.")


def test_a_plain_net_and_its_residual_twin_are_the_same_pair_the_other_way_round():
    net = digits(20)
    assert prints_of_pair(net) == prints_of_pair(twin_of(net))[::-1]


def test_the_proof_fails_when_one_weight_differs():
    prints, config = prints_of_pair(digits(8))[0], RunConfig(net=digits(8))
    module = build_pair_member(config, 1)
    with torch.no_grad():
        module.stage2[0].residual.conv1.weight[0, 0, 0, 0] += 1e-6
    proof = compare(prints, fingerprints(module))
    assert proof.tensors_shared - proof.tensors_identical == 1
    assert proof.sentence.startswith(f"{proof.tensors_identical} of {proof.tensors_shared} shared")


def test_weights_depend_on_the_seed_and_nothing_else():
    first = prints_of_pair(digits(8))
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    assert prints_of_pair(digits(8)) == first
    assert torch.equal(torch.random.get_rng_state(), before)  # the caller's chance is untouched
    assert prints_of_pair(digits(8), seed=1)[0] != first[0]


def test_twins_see_the_same_batches():
    config = RunConfig(net=digits(8), steps=3, batch_size=700)  # 3 steps reach the second epoch
    first, second = ([r.batch_crc for r in Trainer(config, m).records()] for m in (0, 1))
    assert first == second
    assert len(set(first)) == 3


@pytest.mark.slow
def test_another_process_builds_the_same_weights():
    code = (
        "from resnet_core.presets import digits; from resnet_core.train import *;"
        "print(Trainer(RunConfig(net=digits(8), seed=5), 1).fingerprints()['stem.conv.weight'])"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = Trainer(RunConfig(net=digits(8), seed=5), 0).fingerprints()
    assert there.stdout.strip() == here["stem.conv.weight"]


def test_a_pair_trains_with_a_head_of_the_data_sets_classes():
    net, twin = pair_of(RunConfig(net=preset("resnet18")))
    assert net.num_classes == twin.num_classes == 10
    assert net == replace(preset("resnet18"), num_classes=10) and twin.is_plain
