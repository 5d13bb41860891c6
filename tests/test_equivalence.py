"""Around one layer, y = W1 x + x is one convolution with kernel W1 + I; around two it is none."""

import itertools
import threading
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from resnet_core.arms import chain_of_F, chain_of_shortcut
from resnet_core.equivalence import demonstrate, drawn_block, every_layer_cost
from resnet_core.folding import fold, identity
from resnet_core.graph import trace
from resnet_core.net import build_block
from resnet_core.presets import cifar, imagenet
from resnet_core.resolve import blocks_of
from resnet_core.spec import NetSpec, SpecError, StageSpec


def one_layer(
    kernel=3, width=8, shortcut="A", stride=1, attention="none", stem=8, **net
) -> NetSpec:
    """A stage whose F is a single convolution."""
    stage = StageSpec(
        num_blocks=2,
        width=width,
        stride=stride,
        block="composed",
        shortcut=shortcut,
        attention=attention,
        layers=((kernel, width),),
    )
    return NetSpec(name="one layer", stages=(stage,), stem_width=stem, **net)


def apart(demonstration, dtype: str) -> float:
    """The difference between block and convolution, relative to the block's values."""
    a = next(a for a in demonstration.merged.agreements if a.dtype == dtype)
    return a.difference / a.size


LINEAR = {  # what still is one convolution
    "batch norm": {},
    "no norm": {"norm": "none"},
    "1x1 kernel": {"kernel": 1},
    "widened by zeros": {"width": 12},
    "strided and widened by zeros": {"width": 12, "stride": 2},
    "projection": {"shortcut": "C"},
    "strided projection": {"shortcut": "B", "width": 12, "stride": 2},
    "norm after the addition": {"order": "norm-after-add", "shortcut": "C"},
    "constant scaling": {"shortcut": "scaled"},
    "dropout, which rests in eval mode": {"shortcut": "dropout", "stochastic_depth": 20},
    "around every layer": {"shortcut": "layer"},
    "Fixup on a 1x1 kernel": {"norm": "fixup", "kernel": 1},
}
BENT = {  # what is not, and the words that say why
    "pre-activation": ({"order": "preact"}, "ReLU inside F"),
    "activation first": ({"order": "act-first", "activation": "silu"}, "SiLU inside F"),
    "activation before addition": ({"order": "act-before-add", "activation": "gelu"}, "GELU"),
    "group norm": ({"norm": "group"}, "deviation of the example"),
    "SE": ({"attention": "se"}, "weights that depend on x"),
    "ECA": ({"attention": "eca"}, "weights that depend on x"),
    "gate": ({"shortcut": "gated"}, "sigmoid of x"),
    "gate on the shortcut": ({"shortcut": "gated-x"}, "sigmoid of x"),
}


@pytest.mark.parametrize("net", LINEAR.values(), ids=LINEAR)
def test_a_block_of_one_layer_is_one_convolution(net):
    demonstration = demonstrate(one_layer(**net), "stage1.0")
    assert demonstration.why_not == ""
    assert apart(demonstration, "float64") < 1e-12
    assert apart(demonstration, "float32") < 1e-5
    assert demonstration.merged.agreements[0].size > 0.5  # not an agreement of zeros


@settings(max_examples=25, deadline=None)
@given(
    kernel=st.sampled_from([1, 3, 5, 7, 9, 15]),
    stem=st.integers(1, 24),
    width=st.integers(1, 24),
    stride=st.integers(1, 3),
    shortcut=st.sampled_from(["B", "C"]),
    norm=st.sampled_from(["batch", "none"]),
    seed=st.integers(0, 2**32),
)
def test_for_any_kernel_width_and_stride(kernel, stem, width, stride, shortcut, norm, seed):
    net = one_layer(kernel, width, shortcut, stride, stem=stem, norm=norm)
    demonstration = demonstrate(net, "stage1.0", seed)
    assert apart(demonstration, "float64") < 1e-12
    assert demonstration.merged.kernel == kernel


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_an_identity_adds_exactly_one_to_the_middle_of_the_kernel(norm):
    merged = demonstrate(one_layer(norm=norm), "stage1.0").merged
    assert merged.centre - merged.centre_of_F == pytest.approx(1, abs=1e-12)


def test_the_merged_kernel_is_W1_plus_I():
    net = one_layer(norm="none")
    block = drawn_block(net, blocks_of(net)[0], seed=0)
    merged = fold(chain_of_F(block), identity(8)) + fold(chain_of_shortcut(block), identity(8))
    eye = F.pad(torch.eye(8)[:, :, None, None], (1, 1, 1, 1))
    assert torch.equal(merged.kernel, block.residual.conv1.weight.detach() + eye)
    assert not merged.bias.any()


def test_the_comparison_can_fail():
    """One weight off by a thousandth is seen: the bounds above mean something."""
    net = one_layer(norm="none")
    block = drawn_block(net, blocks_of(net)[0], seed=0)
    merged = fold(chain_of_F(block), identity(8)) + fold(chain_of_shortcut(block), identity(8))
    x = torch.randn(1, 8, 9, 9, dtype=torch.float64)
    before = F.relu(merged(x))
    assert (before - block(x)).abs().max() < 1e-12
    merged.kernel[0, 0, 1, 1] += 1e-3
    assert (F.relu(merged(x)) - block(x)).abs().max() > 1e-6


@pytest.mark.parametrize("net, words", BENT.values(), ids=BENT)
def test_a_block_that_bends_is_no_convolution(net, words):
    demonstration = demonstrate(one_layer(**net), "stage1.1")
    assert demonstration.merged is None
    assert words in demonstration.sentence
    assert demonstration.nonlinearity > 1e-3
    assert "Measured" in demonstration.sentence


def test_two_layers_with_a_relu_between_them_bend():
    for net in (cifar(20), imagenet(50)):
        demonstration = demonstrate(net, "stage1.1")
        assert demonstration.nonlinearity > 0.01
        assert "convolutions with a ReLU between them" in demonstration.sentence


def test_what_a_linear_F_measures_is_zero():
    """The witness of a bend is silent where F is linear: here only the shortcut is missing."""
    demonstration = demonstrate(one_layer(shortcut="none"), "stage1.0")
    assert demonstration.nonlinearity < 1e-12
    assert "no shortcut" in demonstration.sentence and "Measured" not in demonstration.sentence


def test_fixup_differs_from_a_convolution_at_the_border_only():
    net = one_layer(norm="fixup")
    assert "border" in demonstrate(net, "stage1.0").sentence
    block = drawn_block(net, blocks_of(net)[0], seed=0)
    merged = fold(chain_of_F(block), identity(8)) + fold(chain_of_shortcut(block), identity(8))
    x = torch.randn(1, 8, 9, 9, dtype=torch.float64)
    difference = (F.relu(merged(x)) - block(x)).abs()
    assert difference[:, :, 1:-1, 1:-1].max() < 1e-12 < difference.max()


def test_pooling_between_convolution_and_addition_is_told():
    strided = {"stride": 2, "width": 12}
    for net in ({"antialias": "blur"}, {"antialias": "avg"}, {"shortcut": "D"}):
        assert demonstrate(one_layer(**strided, **net), "stage1.0").merged is None
        assert demonstrate(one_layer(**strided, **net), "stage1.1").merged is not None


def test_equal_seeds_show_equal_numbers_and_leave_the_worlds_chance_alone():
    state = torch.get_rng_state()
    assert demonstrate(one_layer(), "stage1.0", 5) == demonstrate(one_layer(), "stage1.0", 5)
    assert demonstrate(one_layer(), "stage1.0", 5) != demonstrate(one_layer(), "stage1.0", 6)
    assert torch.equal(torch.get_rng_state(), state)


def test_it_runs_while_another_thread_traces():
    """torch.fx patches every module of the process while it traces."""
    done = threading.Event()

    def trace_new_nets():
        for width in itertools.count(1):
            if done.is_set():
                return
            trace(replace(cifar(20), stem_width=width))

    thread = threading.Thread(target=trace_new_nets)
    thread.start()
    try:
        first = demonstrate(cifar(20), "stage1.0")
        assert all(demonstrate(cifar(20), "stage1.0") == first for _ in range(20))
    finally:
        done.set()
        thread.join()


def test_a_block_too_large_to_wait_for_is_explained_without_numbers():
    net = one_layer(width=4096, stem=4096, kernel=15)  # 3.8 G weights: 30 GB in float64
    demonstration = demonstrate(net, "stage1.0")
    assert demonstration.merged.formula == "γ/σ·W1 + I" and not demonstration.merged.agreements


def test_an_unknown_block_is_told():
    with pytest.raises(SpecError, match=r"there is no 'stage9\.0'"):
        demonstrate(one_layer(), "stage9.0")


def test_the_formula_names_what_is_added():
    formulas = {"C": "γ/σ·W1 + γp/σp·Wp", "A": "γ/σ·W1 + I", "scaled": "½ (γ/σ·W1 + I)"}
    for shortcut, formula in formulas.items():
        assert demonstrate(one_layer(shortcut=shortcut), "stage1.0").merged.formula == formula
    after = one_layer(order="norm-after-add")
    assert demonstrate(after, "stage1.0").merged.formula == "γ/σ·(W1 + I)"


def projections(channels: list[tuple[int, int]]) -> int:
    """Parameters of bias-free 1x1 convolutions with batch norm."""
    return sum(i * o + 2 * o for i, o in channels)


def test_around_every_layer_a_cifar_net_needs_two_projections_more_than_A():
    cost = every_layer_cost(cifar(20))
    assert cost.params - cost.own_params == projections([(16, 32), (32, 64)]) == 2752
    assert cost.projections == 2 and "adds 2,752 parameters (+1.0 %)" in cost.sentence


def test_around_every_layer_a_bottleneck_net_pays_for_each_change_of_channels():
    """Each block has 1x1 in, 3x3, 1x1 out: the shapes change at its ends and at a stride."""
    extra = []
    channels = 64
    for count, width, stride in ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2)):
        for index in range(count):
            changes = [(channels, width)] if channels != width else []
            changes += [(width, width)] if stride > 1 and index == 0 else []  # strided 3x3
            extra += [*changes, (width, 4 * width)]
            channels = 4 * width
    own = projections([(64, 256), (256, 512), (512, 1024), (1024, 2048)])
    cost = every_layer_cost(imagenet(50))
    assert cost.params - cost.own_params == projections(extra) - own == 6_962_176
    assert (cost.projections, cost.own_projections) == (len(extra), 4)
    assert cost.own_params == trace(imagenet(50)).params


def test_a_plain_net_is_asked_too_and_equal_costs_are_said():
    assert every_layer_cost(cifar(20, "none")).params == every_layer_cost(cifar(20)).params
    b = replace(cifar(20), stages=tuple(replace(s, shortcut="B") for s in cifar(20).stages))
    assert "the same number of parameters" in every_layer_cost(b).sentence


def test_an_order_without_such_a_form_is_a_spec_error():
    with pytest.raises(SpecError, match="original order"):
        every_layer_cost(replace(cifar(20), order="preact"))


def test_every_layer_shortcuts_are_told_apart_from_one_around_F():
    net = replace(cifar(20), stages=tuple(replace(s, shortcut="layer") for s in cifar(20).stages))
    assert "Each shortcut goes around one layer" in demonstrate(net, "stage1.1").sentence


@pytest.mark.parametrize("shortcut", ["A", "B", "layer"])
def test_the_block_shown_is_the_block_that_trains(shortcut):
    """Same module, same keys: only its weights and statistics are random."""
    net = one_layer(shortcut=shortcut)
    spec = blocks_of(net)[0]
    assert drawn_block(net, spec, 0).state_dict().keys() == build_block(spec).state_dict().keys()
