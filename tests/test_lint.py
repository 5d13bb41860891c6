"""Each rule finds what is so, its repairs cure it, and published nets are left in peace."""

from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from nets import nets
from torch import nn

from resnet_core.graph import trace
from resnet_core.lint import RULES, lint
from resnet_core.net import build
from resnet_core.presets import PRESETS, cifar, digits, preset
from resnet_core.resolve import blocks_of
from resnet_core.spec import StageSpec


def rows(net, **changes):
    return replace(net, stages=tuple(replace(stage, **changes) for stage in net.stages))


def bare(net, init, **changes):
    return replace(net, norm="none", init=init, **changes)


BOTTLENECKS = rows(digits(20), block="bottleneck", shortcut="B")
SMALL_18 = replace(preset("resnet18"), input_shape=(3, 32, 32))
#: key of RULES -> nets in which it finds something
FOUND = {
    "one-pixel": [SMALL_18],
    "far-field": [digits(56)],
    "imagenet-stem": [SMALL_18, replace(preset("resnet50d"), input_shape=(3, 64, 64))],
    "rounded-width": [rows(BOTTLENECKS, base_width=6)],
    "tensor-cores": [rows(cifar(20), width=20, shortcut="B"), replace(cifar(20), stem_width=12)],
    "narrowing": [  # 256 channels, then 64
        replace(BOTTLENECKS, stages=(BOTTLENECKS.stages[2], BOTTLENECKS.stages[0]))
    ],
    "skipped-pixels": [
        rows(replace(cifar(20), input_shape=(3, 64, 64)), stride=4),
        preset("resnet50-2015"),
    ],
    "uneven-pixels": [
        replace(cifar(20), antialias="avg", input_shape=(3, 33, 30)),
        replace(rows(cifar(20), stride=3), input_shape=(3, 81, 80)),
    ],
    "lonely-groups": [replace(cifar(20), norm="group")],
    "loud": [bare(cifar(20), "kaiming"), bare(cifar(20), "kaiming", order="preact")],
    "fading": [bare(cifar(20, "none"), "pytorch")],
    "half-fixup": [replace(digits(20), norm="fixup"), replace(digits(20), init="fixup")],
    "no-shortcuts": [
        replace(cifar(20, "none"), init="zero"),
        replace(cifar(20, "none"), stochastic_depth=50),
    ],
    "dead-blocks": [replace(cifar(20), order="act-before-add", init="zero")],
}
CASES = [(rule, net) for rule, found in FOUND.items() for net in found]


@pytest.mark.parametrize(("rule", "net"), CASES, ids=[rule for rule, _ in CASES])
def test_rules_do_not_read_what_is_written_for_readers(rule, net):
    graph = trace(net)
    blank = replace(graph, ops=tuple(replace(op, detail="") for op in graph.ops))

    def found(graph):
        return [(f.where, f.what) for f in RULES[rule].find(net, graph)]

    assert found(blank) == found(graph)


def test_every_rule_has_a_net():
    assert set(FOUND) == set(RULES)


@pytest.mark.parametrize(("rule", "net"), CASES, ids=[rule for rule, _ in CASES])
def test_each_rule_finds_its_case_and_its_repairs_cure_it(rule, net):
    findings = [finding for finding in lint(net) if finding.rule == rule]
    assert findings
    for finding in findings:
        assert finding.repairs and finding.what and finding.why
        for repair in finding.repairs:
            left = [f for f in lint(repair.net) if (f.rule, f.where) == (rule, finding.where)]
            assert not left and len(repair.title) <= 50


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(nets)
def test_any_net_can_be_linted(net):
    for finding in lint(net):
        assert finding.rule in RULES
        for repair in finding.repairs:
            assert repair.net != net
            blocks_of(repair.net)


#: What deserves it: He et al. call ResNet-1202 "unnecessarily large" for CIFAR (2015, sec. 4.2),
#: the 1x1 of stride 2 is what fb.resnet.torch moved, the digits' net was made for 32x32 images.
DESERVED = {
    "digits56": {"far-field"},
    "resnet1202": {"far-field"},
    "preact1001": {"far-field"},
    "resnet50-2015": {"skipped-pixels"},
    "resnet101-2015": {"skipped-pixels"},
    "resnet152-2015": {"skipped-pixels"},
}


def test_published_nets_are_left_in_peace():
    found = {key: {finding.rule for finding in lint(row.net)} for key, row in PRESETS.items()}
    assert {key: rules for key, rules in found.items() if rules} == DESERVED


def body(net):
    """The module without its head."""
    return nn.Sequential(*list(build(net).children())[:-1])


def loudness(net):
    """Standard deviation of what reaches the head, for an input of deviation 1."""
    torch.manual_seed(0)
    with torch.no_grad():
        return float(body(net)(torch.randn(4, *net.input_shape)).std())


def finding_of(rule, net):
    return next(finding for finding in lint(net) if finding.rule == rule)


def test_the_loud_net_is_loud_and_its_repairs_are_not():
    net = bare(digits(56), "kaiming")  # 27 blocks
    assert loudness(net) > 50
    for repair in finding_of("loud", net).repairs:
        assert loudness(repair.net) < 10, repair.title


def test_a_shortcut_around_every_layer_adds_at_every_layer():
    net = rows(bare(digits(20), "kaiming"), shortcut="layer", num_blocks=1)  # 3 blocks of 2 convs
    assert finding_of("loud", net).what.startswith("6 additions")
    net = rows(net, num_blocks=4)
    assert loudness(net) > 50 > 10 > loudness(rows(net, shortcut="B"))
    for repair in finding_of("loud", net).repairs:
        assert loudness(repair.net) < 10, repair.title


@pytest.mark.parametrize("shortcut", ["scaled", "gated", "none"])
def test_additions_that_average_are_not_loud(shortcut):
    net = rows(bare(digits(56), "kaiming"), shortcut=shortcut)
    assert loudness(net) < 10 and "loud" not in {finding.rule for finding in lint(net)}


def gradients_in_F(net):
    """Whether each parameter of F, of the first step, gets a gradient that is not zero."""
    torch.manual_seed(0)
    module = build(net)
    module(torch.randn(8, *net.input_shape)).square().sum().backward()
    return [bool(p.grad.any()) for name, p in module.named_parameters() if ".residual." in name]


def test_dead_blocks_get_no_gradient_and_their_repairs_do():
    net = replace(cifar(20), order="act-before-add", init="zero")
    assert not any(gradients_in_F(net))  # gamma and beta of the norm neither: F stays dead
    for repair in finding_of("dead-blocks", net).repairs:
        assert any(gradients_in_F(repair.net)), repair.title


def test_a_fading_net_has_hardly_a_gradient_and_its_repairs_have():
    net = bare(digits(20), "pytorch")
    net = rows(net, shortcut="none")

    def first_gradient(net):
        torch.manual_seed(0)
        module = build(net)
        loss = nn.functional.cross_entropy(
            module(torch.randn(8, *net.input_shape)), torch.arange(8)
        )
        loss.backward()
        return module.stage1[0].residual.conv1.weight.grad.norm().item()

    faded = first_gradient(net)
    for repair in finding_of("fading", net).repairs:
        assert first_gradient(repair.net) > 100 * faded, repair.title


def test_a_group_of_one_value_lets_nothing_through():
    net = replace(cifar(20), norm="group", input_shape=(3, 8, 8), stem_width=16)
    net = rows(net, width=16, stride=2, shortcut="B")
    whats = {f.where: f.what for f in lint(net) if f.rule == "lonely-groups"}
    assert "of one value" in whats["stage3"] and "of one value" not in whats["stage1"]
    assert body(net)(torch.randn(2, *net.input_shape)).abs().max() < 1e-3  # rounding is left


def test_where_a_1x1_map_is_and_what_would_help():
    finding = finding_of("one-pixel", SMALL_18)
    assert finding.where == "stage4"
    assert finding.what == "Its 3×3 convolutions work on 1×1 maps"
    assert [repair.title for repair in finding.repairs] == [
        "Stride 1 in stage 4",
        "Stem without pool",
        "3×3 stem without pool",
        "Input 128×128",
        "Without stage 4",
    ]


def test_strides_that_everybody_uses_are_no_finding():
    for shortcut in ("A", "B", "D"):
        net = rows(replace(cifar(20), input_shape=(3, 32, 32)), shortcut=shortcut)
        assert not lint(net)
    assert not lint(replace(preset("resnet50"), input_shape=(3, 225, 225)))  # padding covers it


def test_pixels_that_are_left_over_are_really_never_seen():
    stage = StageSpec(num_blocks=1, width=8, stride=3, shortcut="A")
    net = replace(cifar(20), stages=(stage,), input_shape=(3, 9, 10), stem_width=8)
    finding = finding_of("uneven-pixels", net)
    assert "the last 1 of 9 is never seen" in finding.what
    x = torch.randn(1, 8, 9, 10, requires_grad=True)
    build(net).stage1(x).sum().backward()
    assert not x.grad[:, :, 8].any() and x.grad[:, :, :, 9].any()


def test_a_pool_of_whole_windows_leaves_out_what_another_averages():
    net = replace(preset("resnet50-avg"), input_shape=(3, 226, 226))  # 113 behind the stem's conv
    assert "the last 1 of 113 is never seen" in finding_of("uneven-pixels", net).what
    pool = build(net).stem.pool
    x = torch.randn(1, 64, 113, 113, requires_grad=True)
    pool(x).sum().backward()
    assert not x.grad[:, :, 112].any() and x.grad[:, :, 111].any()
