"""Receptive fields are what a gradient finds, memory is what autograd really keeps."""

from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nets import nets
from torch import nn

from resnet_core.blocks import BLOCKS, ORDERS
from resnet_core.costs import LAYERS
from resnet_core.geometry import (
    feature_maps,
    last_field,
    receptive_fields,
    visible,
)
from resnet_core.graph import trace
from resnet_core.layers import (
    ACTIVATIONS,
    ANTIALIAS,
    ATTENTIONS,
    NORMS,
    EfficientChannelAttention,
    GroupNorm,
    Multiply,
    OneMinus,
    SqueezeExcitation,
)
from resnet_core.memory import OPTIMIZERS, PRECISIONS, training_memory
from resnet_core.net import assemble, build
from resnet_core.optimizers import SGD
from resnet_core.presets import cifar, digits, preset
from resnet_core.shortcuts import SHORTCUTS
from resnet_core.spec import NetSpec, StageSpec
from resnet_core.stems import STEMS

few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


class Sum(nn.Module):
    def forward(self, x, gate):
        return x + gate


def linear_and_positive(module):
    """The module's geometry alone: each path from a pixel to an output adds to the gradient."""
    for name, child in module.named_children():
        if isinstance(child, nn.MaxPool2d):
            size = (child.kernel_size, child.stride, child.padding)
            setattr(module, name, nn.AvgPool2d(*size, count_include_pad=False))
        elif isinstance(child, Multiply):
            setattr(module, name, Sum())
        elif isinstance(
            child,
            (
                SqueezeExcitation,
                EfficientChannelAttention,
                GroupNorm,
                nn.Sigmoid,
                OneMinus,
                nn.SiLU,
                nn.GELU,
            ),
        ):
            setattr(module, name, nn.Identity())
        else:
            linear_and_positive(child)
            if isinstance(child, nn.Conv2d):
                fan_in = child.weight[0].numel()
                child.weight.data.uniform_(0.5 / fan_in, 1 / fan_in)
                if child.bias is not None:
                    child.bias.data.zero_()
    return module


def outputs_of(net, paths):
    """Input and outputs of the modules at `paths`, in float64, with the graph for gradients."""
    module = linear_and_positive(assemble(net)).double().eval()
    found = {}
    for path in paths:
        module.get_submodule(path).register_forward_hook(
            lambda _, args, out, path=path: found.update({path: out})
        )
    x = torch.rand(1, *net.input_shape, dtype=torch.float64, requires_grad=True)
    module(x)
    return x, found


def probe(x, out, row, column):
    """First and last row, first and last column of the input that this output pixel depends on."""
    (grad,) = torch.autograd.grad(out[0, :, row, column].sum(), x, retain_graph=True)
    seen = grad[0].abs().sum(0) > 0
    rows, columns = seen.any(1).nonzero().flatten(), seen.any(0).nonzero().flatten()
    return tuple((int(i[0]), int(i[-1])) for i in (rows, columns))


def check_fields(net, count):
    """The first, middle and last pixel of up to `count` ops, evenly picked."""
    graph = trace(net)
    fields = receptive_fields(graph)
    paths = [
        op.path
        for op in graph.ops[1:]
        if fields[op.path] and "attention" not in op.path and op.kind != "identity"
    ]
    paths = paths[:: -(-len(paths) // count)] + paths[-1:]
    x, found = outputs_of(net, paths)
    for path, out in found.items():
        height, width = out.shape[2:]
        for row, column in ((0, 0), (height // 2, width // 2), (height - 1, width - 1)):
            expected = visible(graph, path, row, 0), visible(graph, path, column, 1)
            assert probe(x, out, row, column) == expected, (path, row, column)


@few
@given(nets)
def test_any_net_sees_what_a_gradient_finds(net):
    check_fields(net, 6)


@pytest.mark.parametrize("size", [(64, 64), (57, 90)])
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_large_maps_see_what_a_gradient_finds(name, size):
    net = preset(name)
    stages = tuple(replace(stage, width=8) for stage in net.stages)
    check_fields(replace(net, stages=stages, stem_width=8, input_shape=(1, *size)), 12)


def test_inside_the_map_the_field_is_what_a_gradient_finds():
    net = replace(cifar(20), input_shape=(1, 128, 128))
    field = last_field(trace(net))
    x, found = outputs_of(net, ["stage3.2.act"])
    seen = probe(x, found["stage3.2.act"], 16, 16)[0]
    assert seen == (field.first + 16 * field.stride, field.last + 16 * field.stride)


@pytest.mark.parametrize(
    ("name", "size"),
    # Araujo et al. 2019 (Distill), for the stride on the first 1x1; the others by the same sums
    [("resnet18", 435), ("resnet50", 427), ("resnet50-2015", 483), ("resnet101-2015", 1027)],
)
def test_published_nets_have_their_published_field(name, size):
    field = last_field(trace(preset(name)))
    assert (field.size, field.stride, field.offset) == (size, 32, 0)


def test_what_looks_at_the_whole_map_is_left_out_and_said():
    se = replace(digits(20), stages=tuple(replace(s, attention="se") for s in digits(20).stages))
    fields = receptive_fields(trace(se))
    assert fields["stage1.0.residual.attention.pool"] is fields["head.fc"] is None
    assert not fields["stage1.0.residual.conv2"].beyond
    assert fields["stage1.0.add"].beyond and fields["stage1.1.residual.conv1"].beyond
    plain = receptive_fields(trace(digits(20)))
    assert fields["stage3.2.add"].size == plain["stage3.2.add"].size
    assert not any(field.beyond for field in plain.values() if field)
    assert last_field(trace(replace(digits(20), norm="group"))).beyond


def test_feature_maps_of_resnet_50():
    maps = {
        m.place: (m.channels, m.height, m.width) for m in feature_maps(trace(preset("resnet50")))
    }
    assert maps["stem"] == (64, 56, 56)  # He et al. 2015, table 1
    assert maps["stage4"] == (2048, 7, 7)
    assert maps["input"] == (3, 224, 224)
    assert len(maps) == 6


def kept_by_autograd(net, batch_size, precision="float32"):
    """Bytes of the different storages that a forward pass saves, parameters and buffers aside."""
    module = build(net)
    images = torch.randn(batch_size, *net.input_shape)
    if precision == "bfloat16":
        module, images = module.bfloat16(), images.bfloat16()
    own = {t.untyped_storage().data_ptr() for t in module.state_dict().values()}
    own |= {t.untyped_storage().data_ptr() for t in module.buffers()}
    saved = {}  # tensors are held, so that no address is used twice

    def pack(tensor):
        saved[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=precision == "mixed"),
    ):
        out = module(images)
    assert out.requires_grad
    return sum(t.untyped_storage().nbytes() for at, t in saved.items() if at not in own)


def check_memory(net, batch_size=2, precision="float32"):
    estimate = training_memory(trace(net), batch_size, precision).activations
    assert estimate == pytest.approx(kept_by_autograd(net, batch_size, precision), rel=1e-2)


def small(**changes):
    """Two stages, of which the second strides and widens."""
    in_net = {f: v for f, v in changes.items() if f in NetSpec.__dataclass_fields__}
    in_stage = {f: v for f, v in changes.items() if f not in in_net}
    if in_stage.get("block") == "composed":
        in_stage["layers"] = ((3, 5), (1, 24))
    rows = ({"width": 16}, {"width": 24, "stride": 2})
    stages = tuple(
        StageSpec(**{"num_blocks": 2, "shortcut": "B", **row, **in_stage})
        if row["width"] == 24 or not in_stage.get("layers")
        else StageSpec(num_blocks=1, width=16)
        for row in rows
    )
    return NetSpec(name="small", stages=stages, **{"input_shape": (3, 22, 17), **in_net})


ROWS = {
    "norm": NORMS,
    "activation": ACTIVATIONS,
    "attention": ATTENTIONS,
    "antialias": ANTIALIAS,
    "order": ORDERS,
    "block": BLOCKS,
    "stem": STEMS,
    "shortcut": [key for key in SHORTCUTS if key != "identity"],  # cannot change the shape
}


@pytest.mark.parametrize(
    ("field", "key"), [(field, key) for field, table in ROWS.items() for key in table]
)
def test_each_row_of_each_table_keeps_what_autograd_keeps(field, key):
    check_memory(small(**{field: key}))
    check_memory(small(**{field: key}), precision="bfloat16")


OTHERS = {
    "max-pool": small(stem="7x7", stem_pool="max"),
    "max-pool, blurred": small(stem="7x7", stem_pool="max", antialias="blur"),
    "ResNet-18 at 64x64": replace(preset("resnet18"), input_shape=(3, 64, 64)),
    "bottlenecks": replace(preset("resnet50"), input_shape=(3, 64, 64)),
    "averaged stem": small(stem="7x7", stem_pool="max", antialias="avg"),
    "plain": cifar(20, "none"),
    "identity": small(shortcut="identity", stem_width=8, width=8, stride=1),
    "stochastic depth": small(stochastic_depth=50),
}


@pytest.mark.parametrize("batch_size", [1, 5])
@pytest.mark.parametrize("net", OTHERS.values(), ids=OTHERS)
def test_these_nets_keep_what_autograd_keeps(net, batch_size):
    check_memory(net, batch_size)


def test_stochastic_depth_keeps_a_narrow_type_narrow():
    check_memory(OTHERS["stochastic depth"], 4, "bfloat16")


def test_together_the_nets_above_have_every_layer():
    tested = [small(**{field: key}) for field, table in ROWS.items() for key in table]
    seen = {type(m) for net in (*tested, *OTHERS.values()) for m in assemble(net).modules()}
    assert seen >= set(LAYERS)


@few
@given(nets, st.integers(2, 3))
def test_any_net_keeps_what_autograd_keeps(net, batch_size):
    check_memory(net, batch_size)


@pytest.mark.parametrize(
    "net",
    [cifar(20), replace(cifar(20), norm="none"), replace(cifar(20), norm="fixup", init="fixup")]
    + [small(shortcut=key) for key in ("D", "gated", "scaled", "dropout", "layer")]
    + [small(order="preact", attention="se"), small(stem="deep", stem_pool="max", antialias="avg")],
    ids=str,
)
def test_autocast_keeps_what_autograd_keeps(net):
    check_memory(net, 4, "mixed")


def test_the_rest_is_what_the_optimizer_holds():
    net = digits(20)
    params = list(build(net).parameters())
    memory = training_memory(trace(net), 64)
    weights = sum(p.nbytes for p in params)
    assert memory.weights == memory.gradients == weights
    assert memory.optimizer == sum(v.nbytes for v in SGD(params, 0.9, 0).velocities)
    assert memory.total == 3 * weights + memory.activations


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_optimizers_hold_what_torchs_own_hold(optimizer, precision):
    module = build(digits(20))
    if precision == "bfloat16":
        module = module.bfloat16()
    params = list(module.parameters())
    torchs = {
        "sgd": lambda: torch.optim.SGD(params, 0.1, momentum=0.9),
        "adamw": lambda: torch.optim.AdamW(params),
    }[optimizer]()
    for p in params:
        p.grad = torch.zeros_like(p)
    torchs.step()
    states = [v for state in torchs.state.values() for v in state.values()]
    memory = training_memory(trace(digits(20)), 2, precision, optimizer)
    assert memory.weights == memory.gradients == sum(p.nbytes for p in params)
    assert memory.optimizer == sum(v.nbytes for v in states if v.dim())  # not the step counter


@pytest.mark.gpu
def test_a_gpu_holds_that():
    net, batch_size = preset("resnet20"), 128
    module = build(net).cuda()
    images = torch.randn(batch_size, *net.input_shape, device="cuda")
    module(images)  # the libraries take their scratch space once
    before = torch.cuda.memory_allocated()
    out = module(images)
    kept = torch.cuda.memory_allocated() - before
    assert out.requires_grad
    estimate = training_memory(trace(net), batch_size).activations - images.nbytes
    assert estimate == pytest.approx(kept, rel=0.05)


def test_fields_do_not_read_what_is_written_for_readers():
    for net in (preset("resnet50-gn"), preset("resnet50-avg"), preset("eca-resnet50d")):
        graph = trace(net)
        blank = replace(graph, ops=tuple(replace(op, detail="") for op in graph.ops))
        assert receptive_fields(blank) == receptive_fields(graph)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(nets)
def test_ops_know_their_modules_class_and_groups(net):
    module = build(net)
    for op in trace(net).ops[1:]:
        layer = module.get_submodule(op.path)
        assert op.layer == type(layer).__name__
        assert op.groups == getattr(layer, "groups", getattr(layer, "num_groups", 1))
