"""Whatever is offered as a repair builds; the classic mistakes always have one."""

import re
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nets import any_nets, can_be_built

from resnet_core.graph import trace
from resnet_core.net import build
from resnet_core.presets import cifar, digits, preset
from resnet_core.repairs import KEYS, repairs, torch_message
from resnet_core.resolve import blocks_of
from resnet_core.spec import LIMITS, NetSpec, ShapeMismatch, SpecError, StageSpec

broken_nets = any_nets.filter(lambda net: not can_be_built(net))
some = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def error_of(net):
    with pytest.raises(SpecError) as caught:
        blocks_of(net)
    return caught.value


def titles(net):
    return [repair.title for repair in repairs(net, error_of(net))]


def with_stage(net, place, **changes):
    rows = list(net.stages)
    rows[place - 1] = replace(rows[place - 1], **changes)
    return replace(net, stages=tuple(rows))


@some
@given(broken_nets)
def test_any_broken_net_has_repairs_that_build(net):
    offered = repairs(net, error_of(net))
    assert offered
    assert len({repair.net for repair in offered}) == len(offered)
    for repair in offered:
        assert repair.net != net and len(repair.title) <= 50
        graph = trace(repair.net)
        with torch.device("meta"):
            module = build(repair.net)
        assert graph.params == sum(p.numel() for p in module.parameters())


@st.composite
def hostile_nets(draw):
    """Any field at any value that a spec may hold, keys that are none among them."""

    def number(name):
        least, most = LIMITS[name]
        return draw(st.sampled_from([least, most]) | st.integers(least, min(most, 70)))

    def key(name):
        return draw(st.sampled_from([*KEYS[name], "no such"]))

    rows = []
    for _ in range(draw(st.integers(1, 16))):
        layer = st.tuples(st.sampled_from([1, 3, 15]), st.sampled_from([1, 64, 8192]))
        layers = tuple(draw(st.lists(layer, max_size=2)))
        names = ("width", "stride", "cardinality", "base_width")
        rows.append(
            StageSpec(
                num_blocks=draw(st.integers(1, 125)),
                layers=layers,
                **{name: number(name) for name in names},
                **{name: key(name) for name in ("block", "shortcut", "attention")},
            )
        )
    sides = [draw(st.sampled_from([1, 2, 7, 224, 2048])) for _ in range(2)]
    own = ("stem", "stem_pool", "order", "norm", "activation", "antialias", "init")
    return NetSpec(
        name="hostile",
        stages=tuple(rows),
        stem_width=number("stem_width"),
        input_shape=(3, *sides),
        **{name: key(name) for name in own},
    )


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(hostile_nets())
def test_hostile_specs_are_repaired_by_arithmetic_alone(net):
    try:
        blocks_of(net)
    except SpecError as error:
        offered = repairs(net, error)
        assert offered
        for repair in offered:
            blocks_of(repair.net)


def test_the_classic_mistake_has_all_its_repairs():
    net = with_stage(cifar(20), 2, shortcut="identity")
    assert titles(net) == [
        "Projection shortcut (B) in stage 2",
        "Pooled projection (D) in stage 2",
        "Zero-padded identity (A) in stage 2",
        "Keep stride 1 and 16 channels in stage 2",
    ]
    fixed = repairs(net, error_of(net))[0].net
    assert fixed.stages[1].shortcut == "B" and fixed.stages[2] == net.stages[2]


def test_only_what_is_needed_is_kept():
    stride_only = with_stage(cifar(20), 2, shortcut="identity", width=16)
    assert titles(stride_only)[-1] == "Keep stride 1 in stage 2"
    narrows = with_stage(cifar(20), 2, width=8)
    assert "Keep 16 channels in stage 2" in titles(narrows)
    assert not any("(A)" in title for title in titles(narrows))


def test_what_else_has_to_change_is_said():
    stages = tuple(replace(s, shortcut="identity") for s in cifar(20).stages)
    net = replace(cifar(20), stages=stages)
    first = repairs(net, error_of(net))[0]
    assert first.title == "Projection shortcut (B) in stage 2"
    assert first.also == ("Projection shortcut (B) in stage 3",)


def test_an_input_too_small_can_grow_or_the_net_can_shrink_less():
    net = replace(preset("resnet18"), input_shape=(3, 8, 5))
    assert titles(net) == [
        "Stride 1 in stage 3",
        "Stem without pool",
        "3×3 stem without pool",
        "Input 17×17",
    ]
    assert titles(replace(net, input_shape=(3, 2, 2)))[0] == "Stem without pool"


@pytest.mark.parametrize(
    ("net", "first"),
    [
        (with_stage(digits(20), 1, cardinality=32), "Cardinality 1 and base width 64 in stage 1"),
        (
            with_stage(digits(20), 1, block="bottleneck", width=2, base_width=4),
            "Base width 32 in stage 1",
        ),
        (with_stage(digits(20), 1, block="composed"), "Two 3×3 convolutions in stage 1"),
        (with_stage(digits(20), 2, layers=((3, 32),)), "No layers of its own in stage 2"),
        (with_stage(digits(20), 1, block="composed", layers=((3, 9),)), "Width 9 in stage 1"),
        (with_stage(replace(digits(20), order="preact"), 3, shortcut="layer"), "Original order"),
        (
            with_stage(digits(20), 1, block="bottleneck", width=8192, cardinality=1024),
            "Cardinality 1 in stage 1",
        ),
        (replace(digits(20), norm="bacth"), "Norm batch"),
        (replace(digits(20), stem="7×7"), "Stem 7x7"),
        (with_stage(digits(20), 2, attention="SE"), "Attention se in stage 2"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_mistake_has_its_repair_first(net, first):
    assert titles(net)[0] == first


def mismatch(residual, skip):
    net = with_stage(cifar(20), 2, shortcut="identity")
    return ShapeMismatch("stage2.0.shortcut", "p", "r", error_of(net).block, residual, skip)


def test_torchs_own_message_is_what_torch_says():
    one = mismatch((32, 16, 16), (16, 32, 32))
    with pytest.raises(RuntimeError) as caught:
        torch.zeros(1, 32, 16, 16) + torch.zeros(1, 16, 32, 32)
    assert torch_message(one) == str(caught.value)
    assert re.search(r"size of tensor a \(16\) must match", torch_message(one))


def test_a_broadcast_that_torch_passes_over_is_said():
    assert "PyTorch would say nothing" in torch_message(mismatch((32, 1, 1), (32, 2, 2)))
    assert "32×2×2" in torch_message(mismatch((32, 1, 1), (32, 2, 2)))
