"""Parameters, MACs, shapes and depths that the literature and torch itself give."""

from dataclasses import replace
from math import prod

import pytest
import torch
from hypothesis import given, settings
from nets import nets

from resnet_core.graph import trace
from resnet_core.net import build
from resnet_core.presets import cifar, imagenet

#: (net, parameters, MACs of one image): torchvision's source run on the meta device, which agrees
#: with the metadata of its weights (num_params; "_ops" 1.814, 3.664, 4.089, 7.801, 11.514 G);
#: akamaster/pytorch_resnet_cifar10, option A, run.
GOLDEN = [
    (imagenet(18), 11_689_512, 1_814_073_344),
    (imagenet(34), 21_797_672, 3_663_761_408),
    (imagenet(50), 25_557_032, 4_089_184_256),
    (imagenet(101), 44_549_160, 7_801_405_440),
    (imagenet(152), 60_192_808, 11_513_626_624),
    (cifar(20), 269_722, 40_551_040),
    (cifar(56), 853_018, 125_485_696),
    (cifar(110), 1_727_962, 252_887_680),
]
#: (net, entries of the state_dict, batch-norm parameters, convolutions), same sources
TENSORS = [
    (imagenet(18), 122, 9_600, 20),
    (imagenet(34), 218, 17_024, 36),
    (imagenet(50), 320, 53_120, 53),
    (imagenet(101), 626, 105_344, 104),
    (imagenet(152), 932, 151_424, 155),
    (cifar(20), 116, 1_376, 19),
    (cifar(56), 332, 4_064, 55),
    (cifar(110), 656, 8_096, 109),
]
#: (net, numbers that all convolutions and the linear layer put out for one 224x224 image)
ACTIVATIONS = [
    (imagenet(18), 2_484_712),
    (imagenet(34), 3_739_112),
    (imagenet(50), 11_114_984),
    (imagenet(101), 16_232_936),
    (imagenet(152), 22_555_112),
]


@pytest.mark.parametrize(("net", "params", "macs"), GOLDEN, ids=lambda v: getattr(v, "name", ""))
def test_published_nets_count_as_published(net, params, macs):
    graph = trace(net)
    assert (graph.params, graph.macs) == (params, macs)


@pytest.mark.parametrize(
    ("net", "entries", "norm_params", "convs"), TENSORS, ids=lambda v: getattr(v, "name", "")
)
def test_published_nets_have_the_published_tensors(net, entries, norm_params, convs):
    with torch.device("meta"):
        assert len(build(net).state_dict()) == entries
    ops = trace(net).ops
    assert sum(op.params for op in ops if op.kind == "norm") == norm_params
    assert sum(op.kind == "conv" for op in ops) == convs


@pytest.mark.parametrize(("net", "values"), ACTIVATIONS, ids=lambda v: getattr(v, "name", ""))
def test_published_nets_have_the_published_shapes(net, values):
    weighted = (op for op in trace(net).ops if op.kind in ("conv", "linear"))
    assert sum(prod(op.shape) for op in weighted) == values


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110])
def test_cifar_nets_are_as_deep_as_they_are_called(depth):
    assert trace(cifar(depth)).depth == depth


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_imagenet_nets_are_as_deep_as_they_are_called(depth):
    assert trace(imagenet(depth)).depth == depth


def test_resnet50_has_the_shapes_of_table_1():
    by_path = trace(imagenet(50)).by_path
    last = [by_path[f"stage{s}.{b}.act"].shape for s, b in ((1, 2), (2, 3), (3, 5), (4, 2))]
    assert last == [(256, 56, 56), (512, 28, 28), (1024, 14, 14), (2048, 7, 7)]
    assert by_path["stem.pool"].shape == (64, 56, 56)
    assert by_path["head.fc"].shape == (1000,)


@pytest.mark.parametrize("depth", [20, 56, 110])
def test_cifar_nets_have_the_shapes_of_section_4_2(depth):
    by_path, last = trace(cifar(depth)).by_path, (depth - 2) // 6 - 1
    shapes = [by_path[f"stage{s}.{last}.act"].shape for s in (1, 2, 3)]
    assert shapes == [(16, 32, 32), (32, 16, 16), (64, 8, 8)]


def test_counts_alone_would_not_see_a_misplaced_stride():
    """Strides (2, 1, 1) instead of (1, 2, 2): same parameters, 1.7 times the MACs."""
    net = cifar(20)
    wrong = replace(net, stages=tuple(replace(s, stride=n) for s, n in zip(net.stages, (2, 1, 1))))
    assert trace(wrong).params == trace(net).params
    assert trace(wrong).macs == 68_862_592


@settings(max_examples=15, deadline=None)
@given(nets)
def test_any_op_has_the_shape_that_the_module_puts_out(net):
    module, shapes = build(net).eval(), {}

    def note(path):
        return lambda layer, args, out: shapes.update({path: tuple(out.shape[1:])})

    for path, layer in module.named_modules():
        layer.register_forward_hook(note(path))
    module(torch.zeros(1, *net.input_shape))
    for op in trace(net).ops:
        if op.kind != "input":
            assert shapes[op.path] == op.shape, op.path


@settings(max_examples=40, deadline=None)
@given(nets)
def test_paths_are_unique_and_cover_the_state_dict(net):
    with torch.device("meta"):
        keys = build(net).state_dict()
    paths = [op.path for op in trace(net).ops]
    assert len(set(paths)) == len(paths)
    assert {key.rpartition(".")[0] for key in keys} <= set(paths)


@settings(max_examples=40, deadline=None)
@given(nets)
def test_every_edge_comes_from_an_earlier_op(net):
    seen = set()
    for op in trace(net).ops:
        assert set(op.inputs) <= seen and (op.inputs or op.kind == "input"), op
        seen.add(op.path)
