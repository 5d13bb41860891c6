"""What blocks, shortcuts, gates, pools and inits compute, against formulas written by hand."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from resnet_core.blocks import ORDERS, Block, EveryLayer, formula
from resnet_core.inits import INITS, residual_blocks
from resnet_core.layers import (
    AveragePool,
    Blur,
    EfficientChannelAttention,
    GroupNorm,
    SqueezeExcitation,
    StochasticDepth,
)
from resnet_core.lint import lint
from resnet_core.net import build, build_block
from resnet_core.presets import cifar, preset
from resnet_core.resolve import blocks_of
from resnet_core.shortcuts import (
    SHORTCUTS,
    DropoutShortcut,
    ExclusiveGate,
    PooledProjection,
    Projection,
    ScaledAdd,
    ShortcutGate,
    ZeroPad,
)
from resnet_core.spec import NetSpec, StageSpec

START_OF_1_MINUS_G = 0.9975  # 1 - sigmoid(-6)


def small(shortcut="B", block="basic", attention="none", **fields) -> NetSpec:
    """Two stages of two blocks; the second one changes channels and size."""
    stages = tuple(
        StageSpec(
            num_blocks=2,
            width=width,
            stride=stride,
            block=block,
            shortcut=shortcut,
            attention=attention,
        )
        for width, stride in ((8, 1), (16, 2))
    )
    return replace(
        NetSpec(name="small", stages=stages, stem_width=8, input_shape=(3, 16, 16)), **fields
    )


def block_of(net: NetSpec, place: int = 2) -> Block:
    """One block of a net, by default its strided one, with random numbers everywhere."""
    torch.manual_seed(0)
    block = build_block(blocks_of(net)[place])
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.5)
    return block


def images(channels=8, size=9, number=3) -> torch.Tensor:
    return torch.randn(number, channels, size, size, generator=torch.Generator().manual_seed(1))


def outputs_of(module: nn.Module, wanted: list[nn.Module], x: torch.Tensor) -> list[torch.Tensor]:
    """What each wanted part puts out during a forward pass."""
    seen = {}
    for part in wanted:
        part.register_forward_hook(lambda part, args, out: seen.update({part: out}))
    with torch.no_grad():
        module(x)
    return [seen[part] for part in wanted]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("norm", ["batch", "group", "none", "fixup"])
@pytest.mark.parametrize("init", ["zero", "fixup"])
def test_zero_init_and_fixup_start_every_F_at_zero(init, norm, order):
    module = build(small(order=order, norm=norm, init=init, attention="se"))
    residuals = [block.residual for block in residual_blocks(module)]
    outs = outputs_of(module, residuals, images(3, 16))
    assert len(outs) == 4 and all(out.count_nonzero() == 0 for out in outs)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("norm", ["batch", "group", "none", "fixup"])
@pytest.mark.parametrize("init", ["zero", "fixup"])
def test_an_F_that_starts_at_zero_learns_or_a_hint_says_that_it_cannot(init, norm, order):
    net = small(order=order, norm=norm, init=init)
    module = build(net)
    start = {name: p.detach().clone() for name, p in module.named_parameters()}
    for _ in range(4):  # scalars that start at 0 wait for the layers behind them
        loss = F.cross_entropy(module(images(3, 16)), torch.arange(3))
        params = list(module.parameters())
        with torch.no_grad():
            for p, grad in zip(params, torch.autograd.grad(loss, params)):
                p -= 0.1 * grad
    stuck = [n for n, p in module.named_parameters() if "residual" in n and p.equal(start[n])]
    has_hint = any(finding.rule == "dead-blocks" for finding in lint(net))
    assert bool(stuck) == has_hint, stuck


@pytest.mark.parametrize("init", [key for key in INITS if key not in ("zero", "fixup")])
def test_other_inits_start_no_F_at_zero(init):
    module = build(small(init=init))
    residuals = [block.residual for block in residual_blocks(module)]
    assert all(out.count_nonzero() for out in outputs_of(module, residuals, images(3, 16)))


@pytest.mark.parametrize("shortcut", ["A", "B", "C", "D"])
@pytest.mark.parametrize("init", ["zero", "fixup"])
def test_a_block_whose_F_is_zero_puts_out_its_shortcut(init, shortcut):
    for block in residual_blocks(build(small(shortcut, init=init))):
        x = images(next(layer for layer in block.residual if hasattr(layer, "weight")).in_channels)
        block.eval()
        assert torch.equal(block(x), F.relu(block.shortcut(x)))


@pytest.mark.parametrize("init", ["zero", "fixup"])
def test_a_plain_net_is_never_dead(init):
    """With F = 0 and no shortcut nothing would come through."""
    module = build(small("none", init=init))
    (out,) = outputs_of(module, [module.stage2], images(3, 16))
    assert out.count_nonzero()


def test_fixup_scales_the_other_convolutions_down_with_depth():
    """L^(-1 / (2m - 2)): with L = 4 blocks of m = 2 convolutions, a half."""
    torch.manual_seed(0)
    usual = build(small(init="kaiming")).stage1[0].residual.conv1.weight
    torch.manual_seed(0)
    fixup = build(small(init="fixup")).stage1[0].residual.conv1.weight
    assert torch.allclose(fixup, usual / 2)


def test_stochastic_depth_keeps_the_expectation_and_is_the_identity_in_eval():
    drop, x = StochasticDepth(0.3), torch.ones(20_000, 1, 1, 1)
    torch.manual_seed(0)
    out = drop(x)
    assert out.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert out.mean().item() == pytest.approx(1, abs=4 * (0.3 / 0.7 / 20_000) ** 0.5)
    assert torch.equal(drop.eval()(x), x)


def test_stochastic_depth_grows_linearly_to_the_last_block():
    """Huang et al. 2016, eq. 4: p_l = 1 - l / L (1 - p_L)."""
    rates = [block.drop_rate for block in blocks_of(preset("resnet110-stochastic"))]
    assert rates == pytest.approx([0.5 * number / 54 for number in range(1, 55)])


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("shortcut", ["gated", "gated-x"])
def test_gates_start_open(shortcut, init):
    gates = [m for m in build(small(shortcut, init=init)).modules() if hasattr(m, "gate")]
    assert len(gates) == 4
    for gate in gates:
        nothing = torch.zeros(1, gate.gate.in_channels, 1, 1)
        opened = 1 - gate.sigmoid(gate.gate(nothing))
        assert opened.flatten().tolist() == pytest.approx(
            [START_OF_1_MINUS_G] * opened.numel(), abs=1e-4
        )


@pytest.mark.parametrize("join", [ExclusiveGate, ShortcutGate])
def test_gates_weigh_as_in_table_1(join):
    x, out, skip = images(8), images(16, 5), images(16, 5).flip(0)
    add = join(8, 16, 2)
    g = torch.sigmoid(F.conv2d(x, add.gate.weight, add.gate.bias, stride=2))
    by_hand = (g * out if join is ExclusiveGate else out) + (1 - g) * skip
    assert torch.allclose(add(out, skip, x), by_hand, atol=1e-6)


def test_constant_scaling_halves_both_arms():
    out, skip = images(8), images(8).flip(0)
    assert torch.allclose(ScaledAdd(8, 8, 1)(out, skip, None), (out + skip) / 2)


def test_the_dropout_shortcut_drops_half_in_training_alone():
    x, skip = torch.ones(4, 8, 16, 16), DropoutShortcut(8, 8, 1)
    torch.manual_seed(0)
    assert (skip(x) == 0).float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert torch.equal(skip.eval()(x), x)


def test_zero_padding_subsamples_and_adds_empty_channels():
    x = images(8)
    out = ZeroPad(8, 11, 2)(x)
    assert torch.equal(out[:, :8], x[:, :, ::2, ::2]) and not out[:, 8:].any()


def test_option_d_pools_before_it_projects():
    x, skip = images(8, 10), PooledProjection(8, 16, 2).eval()
    by_hand = F.conv2d(F.avg_pool2d(x, 2), skip.conv.weight)
    assert torch.allclose(skip(x), by_hand / (1 + skip.norm.eps) ** 0.5, atol=1e-6)


@pytest.mark.parametrize(("make", "seen"), [(Projection, 16), (PooledProjection, 64)])
def test_option_b_never_looks_at_three_of_four_pixels_and_option_d_does(make, seen):
    x = torch.zeros(1, 4, 8, 8, requires_grad=True)
    make(4, 8, 2).eval()(x).sum().backward()
    assert (x.grad.abs().sum(1) > 0).sum() == seen


@pytest.mark.parametrize("size", [2, 7, 8])
@pytest.mark.parametrize("make", [Blur, AveragePool])
def test_what_subsamples_keeps_a_constant_image_constant(make, size):
    out = make(3, 2)(torch.full((1, 3, size, size), 5.0))
    assert out.shape == (1, 3, -(-size // 2), -(-size // 2))
    assert torch.allclose(out, torch.full_like(out, 5.0))


def test_a_blur_is_1_2_1_in_both_directions():
    point = torch.zeros(1, 1, 5, 5)
    point[0, 0, 2, 2] = 16
    rows = Blur(1, 1)(point)[0, 0, 1:4, 1:4]
    assert rows.tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]


@pytest.mark.parametrize("antialias", ["avg", "blur"])
@pytest.mark.parametrize("block", ["basic", "bottleneck", "bottleneck-2015"])
def test_antialiased_convolutions_do_not_stride(block, antialias):
    strided = block_of(small(block=block, antialias=antialias)).residual
    usual = block_of(small(block=block)).residual
    assert {m.stride for m in strided if isinstance(m, nn.Conv2d)} == {(1, 1)}
    x = images(8 if block == "basic" else 32)
    assert strided(x).shape == usual(x).shape
    assert not hasattr(block_of(small(block=block, antialias=antialias), 1).residual, "pool")


def test_squeeze_and_excitation_weighs_channels():
    """Hu et al. 2018, eq. 3 and 4."""
    x, se = images(32), SqueezeExcitation(32)
    z = x.mean((2, 3))
    w1, w2 = se.reduce.weight.flatten(1), se.expand.weight.flatten(1)
    s = torch.sigmoid(F.relu(z @ w1.T + se.reduce.bias) @ w2.T + se.expand.bias)
    assert w1.shape == (8, 32)  # a sixteenth, but at least 8
    assert torch.allclose(se(x), x * s[:, :, None, None], atol=1e-6)


@pytest.mark.parametrize(("channels", "kernel"), [(8, 3), (64, 3), (256, 5), (512, 5), (2048, 7)])
def test_efficient_channel_attention_looks_at_neighbours(channels, kernel):
    """Wang et al. 2020, eq. 9 and 12: |log2(C) / 2 + 1 / 2|, odd; authors' code: at least 3."""
    x, eca = images(channels, 3), EfficientChannelAttention(channels)
    weights = eca.conv.weight.flatten()
    z = F.pad(x.mean((2, 3)), (kernel // 2, kernel // 2)).unfold(1, kernel, 1)  # [B, C, kernel]
    assert len(weights) == kernel
    assert torch.allclose(eca(x), x * torch.sigmoid(z @ weights)[:, :, None, None], atol=1e-6)


@pytest.mark.parametrize(("place", "is_projection"), [(2, True), (3, False)])
def test_pre_activation_feeds_projections_otherwise_than_identities(place, is_projection):
    block, fed = block_of(small(order="preact"), place).eval(), []
    block.shortcut.register_forward_pre_hook(lambda part, args: fed.append(args[0]))
    x = images(8 if is_projection else 16)
    block(x)
    assert isinstance(block.shortcut, Projection) == is_projection
    assert torch.equal(fed[0], F.relu(block.norm(x)) if is_projection else x)


FIGURE_4 = {
    "original": lambda b, x: F.relu(b.residual(x) + b.shortcut(x)),
    "norm-after-add": lambda b, x: F.relu(b.norm(b.residual(x) + b.shortcut(x))),
    "act-before-add": lambda b, x: F.relu(b.residual[:-1](x)) + b.shortcut(x),
    "act-first": lambda b, x: b.residual(F.relu(x)) + b.shortcut(x),
    "preact": lambda b, x: (
        b.residual(F.relu(b.norm(x))) + b.shortcut(F.relu(b.norm(x)) if len(b.shortcut) else x)
    ),
}


@pytest.mark.parametrize("order", ORDERS)
def test_orders_are_those_of_figure_4(order):
    block, x = block_of(small(order=order)).eval(), images(8)
    assert torch.allclose(block(x), FIGURE_4[order](block, x), atol=1e-5)


@pytest.mark.parametrize("order", ORDERS)
def test_only_an_act_before_the_addition_lets_the_signal_grow_alone(order):
    """He et al. 2016, sec. 4.1: F is then never negative."""
    block, x = block_of(small("A", order=order), 1).eval(), images(8).abs()
    difference = block(x) - x
    assert bool((difference >= 0).all()) == (order == "act-before-add")


@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_a_shortcut_around_every_layer_is_what_it_says(block):
    module = block_of(small("layer", block)).eval()
    x = images(8 if block == "basic" else 32)
    by_hand, residual = x, module.residual
    for number in range(1, len(module.shortcut) + 1):
        conv, norm = getattr(residual, f"conv{number}"), getattr(residual, f"norm{number}")
        by_hand = F.relu(norm(conv(by_hand)) + module.shortcut[number - 1](by_hand))
    assert isinstance(module, EveryLayer)
    assert torch.allclose(module(x), by_hand, atol=1e-5)


def test_group_norm_does_not_look_at_the_rest_of_the_batch():
    x, norm = images(64), GroupNorm(64)
    assert norm.num_groups == 32 and torch.allclose(norm(x)[:1], norm(x[:1]), atol=1e-6)


def test_a_plain_net_has_the_modules_of_its_residual_one_without_shortcuts():
    plain, residual = build(cifar(20, "none")), build(cifar(20))
    keys = set(residual.state_dict())
    assert set(plain.state_dict()) == keys  # option A has no parameters


@pytest.mark.parametrize(
    ("order", "shortcut", "words"),
    [
        ("original", "none", "y = act(F(x))"),
        ("original", "A", "y = act(F(x) + x)"),
        ("original", "C", "y = act(F(x) + shortcut(x))"),
        ("original", "scaled", "y = act(F(x) / 2 + x / 2)"),
        ("original", "gated", "y = act(g(x)·F(x) + (1−g(x))·x)"),
        ("norm-after-add", "gated-x", "y = act(norm(F(x) + (1−g(x))·x))"),
        ("act-before-add", "dropout", "y = act(F(x)) + dropout(x)"),
        ("act-first", "identity", "y = F(act(x)) + x"),
        ("preact", "none", "y = F(act(norm(x)))"),
        ("preact", "B", "y = F(act(norm(x))) + x"),
        ("original", "layer", "y = act(F(x) + x) around each layer of F"),
    ],
)
def test_a_block_is_written_as_it_computes(order, shortcut, words):
    stage = StageSpec(num_blocks=1, width=16, shortcut=shortcut)
    net = NetSpec(name="one", stages=(stage,), order=order)
    assert formula(blocks_of(net)[0]) == words


def test_a_shortcut_that_changes_the_shape_is_not_written_as_x():
    stage = StageSpec(num_blocks=2, width=32, stride=2)
    first, second = blocks_of(NetSpec(name="two", stages=(stage,)))
    assert formula(first) == "y = act(F(x) + shortcut(x))" != formula(second)


def value_of(text: str, block: Block, x: torch.Tensor) -> torch.Tensor:
    """A formula's y, its letters taken for the block's own modules."""
    ends_in_act = hasattr(block.residual, "act")  # which is written outside of F
    letters = {
        "x": x,
        "F": block.residual[:-1] if ends_in_act else block.residual,
        "act": block.residual.act if ends_in_act else getattr(block, "act", None),
        "norm": getattr(block, "norm", None),
        "shortcut": block.shortcut,
        "dropout": lambda x: x,  # in eval mode
        "g": lambda x: torch.sigmoid(block.add.gate(x)),
    }
    return eval(text.removeprefix("y = ").replace("·", "*").replace("−", "-"), letters)


@pytest.mark.parametrize("place", [0, 2], ids=["same shape", "other shape"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shortcut", sorted(set(SHORTCUTS) - {"identity", "layer"}))
def test_what_is_written_is_what_is_computed(shortcut, order, place):
    net = small(shortcut, order=order)
    block, spec = block_of(net, place).eval(), blocks_of(net)[place]
    x = torch.randn(2, spec.in_channels, 12, 12)
    with torch.no_grad():
        assert torch.allclose(value_of(formula(spec), block, x), block(x), atol=1e-5)
