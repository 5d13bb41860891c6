"""Every family counts as published, and its other members as the family's definition says."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from formula import Tally, basic, bottleneck, gate, of_cifar, of_imagenet, padding, projection
from formula import three as deep
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from resnet_core.graph import trace
from resnet_core.net import build
from resnet_core.presets import PRESETS, preset
from resnet_core.resolve import blocks_of

#: (preset, parameters, MACs of one image as its authors fed it): timm 1.0.31's and torchvision
#: 0.29's source run on the meta device (wide, ResNeXt and 18-152: also the metadata of
#: torchvision's weights); WRN-28-10 and 16-8: szagoruyko/wide-residual-networks run; ResNet-50 of
#: 2015: published as 3.858 G, its last digits by tests/formula.py
PUBLISHED = [
    ("resnet50-2015", 25_557_032, 3_857_973_248),
    ("wide-resnet50-2", 68_883_240, 11_398_021_120),
    ("wide-resnet101-2", 126_886_696, 22_753_050_624),
    ("resnext50-32x4d", 25_028_904, 4_230_479_872),
    ("resnext101-32x4d", 44_177_704, 7_969_996_800),
    ("resnext101-32x8d", 88_791_336, 16_414_015_488),
    ("resnext101-64x4d", 83_455_272, 15_460_270_080),
    ("se-resnet18", 11_779_624, 1_814_161_408),
    ("se-resnet34", 21_960_416, 3_663_920_128),
    ("se-resnet50", 28_088_024, 4_091_699_200),
    ("se-resnet101", 49_326_872, 7_806_148_608),
    ("se-resnet152", 66_821_848, 11_520_204_800),
    ("se-resnext50-32x4d", 27_559_896, 4_232_994_816),
    ("se-resnext101-32x4d", 48_955_416, 7_974_739_968),
    ("eca-resnet50d", 25_576_350, 4_328_912_640),
    ("eca-resnet101d", 44_568_563, 8_041_220_864),
    ("eca-resnet26t", 16_011_916, 2_550_332_928),
    ("eca-resnet50t", 25_573_814, 4_297_301_760),
    ("resnet50c", 25_576_264, 4_328_824_832),
    ("resnet101c", 44_568_392, 8_041_046_016),
    ("resnet18d", 11_708_744, 2_053_713_920),
    ("resnet34d", 21_816_904, 3_903_401_984),
    ("resnet50d", 25_576_264, 4_328_824_832),
    ("resnet101d", 44_568_392, 8_041_046_016),
    ("resnet152d", 60_212_040, 11_753_267_200),
    ("resnet10t", 5_435_488, 1_097_259_008),
    ("resnet14t", 10_081_632, 1_676_822_528),
    ("resnet50-avg", 25_557_032, 5_129_633_792),
    ("resnet18-blur", 11_689_512, 2_337_684_992),
    ("resnet50-blur", 25_557_032, 5_133_020_672),
    ("resnet50-gn", 25_557_032, 4_089_184_256),
    ("resnetv2-50", 25_549_352, 4_089_184_256),
    ("resnetv2-101", 44_541_480, 7_801_405_440),
    ("resnetv2-152", 60_185_128, 11_513_626_624),
    ("resnetv2-50d", 25_568_584, 4_328_824_832),
    ("wrn28-10", 36_479_194, 5_243_328_768),
    ("wrn16-8", 10_961_370, 1_548_145_664),
]
#: the same sources, for a 97x131 image and 7 classes
ODD = [
    ("resnet18", 11_180_103, 567_840_640),
    ("resnet50", 23_522_375, 1_281_898_880),
    ("resnext50-32x4d", 22_994_247, 1_316_962_176),
    ("se-resnet34", 21_451_007, 1_150_819_200),
    ("se-resnet50", 26_053_367, 1_284_413_824),
    ("eca-resnet26t", 13_977_259, 785_137_168),
    ("eca-resnet101d", 42_533_906, 2_537_070_016),
    ("resnet50c", 23_541_607, 1_343_681_216),
    ("resnet34d", 21_307_495, 1_212_442_816),
    ("resnet10t", 4_926_079, 326_782_480),
    ("resnet18-blur", 11_180_103, 710_660_416),
    ("resnet50-gn", 23_522_375, 1_281_898_880),
    ("resnetv2-50", 23_514_695, 1_281_898_880),
    ("resnetv2-50d", 23_533_927, 1_343_681_216),
]
#: (preset, parameters) counted by others: osmr/imgclsmob, CIFAR-10 tables, and re-implementations
#: that compare themselves with He et al. 2015, table 6, and Zagoruyko and Komodakis 2016, table 4
COUNTED = [
    ("resnet44", 658_586),
    ("resnet1202", 19_421_274),
    ("preact164", 1_703_258),
    ("preact1001", 10_327_706),
    ("wrn22-8", 17_158_106),
    ("wrn40-2", 2_243_546),
]
#: (preset, millions of parameters as printed): He et al. 2015, table 6; Zagoruyko and Komodakis
#: 2016, tables 4 and 5; He et al. 2016
PRINTED = [
    ("resnet20", "0.27"), ("resnet32", "0.46"), ("resnet44", "0.66"), ("resnet56", "0.85"),
    ("resnet110", "1.7"), ("resnet1202", "19.4"), ("preact164", "1.7"), ("wrn40-1", "0.6"),
    ("wrn40-2", "2.2"), ("wrn40-4", "8.9"), ("wrn16-8", "11.0"), ("wrn22-8", "17.2"),
    ("wrn28-10", "36.5"),
]  # fmt: skip
#: (preset, billions of MACs as printed, some rounded and some cut off): He et al. 2015, table 1
TABLE_1 = [
    ("resnet18", "1.8"), ("resnet34", "3.6"), ("resnet50-2015", "3.8"),
    ("resnet101-2015", "7.6"), ("resnet152-2015", "11.3"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "params", "macs"), PUBLISHED)
def test_families_count_as_published(key, params, macs):
    graph = trace(preset(key))
    assert (graph.params, graph.macs) == (params, macs)


@pytest.mark.parametrize(("key", "params", "macs"), ODD)
def test_families_count_as_published_at_an_odd_size(key, params, macs):
    graph = trace(replace(preset(key), input_shape=(3, 97, 131), num_classes=7))
    assert (graph.params, graph.macs) == (params, macs)


#: timm 1.0.31, run on the meta device with torchvision 0.29.2
@pytest.mark.parametrize(
    ("height", "width", "macs"), [(193, 225, 4_399_087_808), (225, 257, 5_864_413_376)]
)
def test_an_averaged_stem_leaves_an_odd_row_out_as_timm_does(height, width, macs):
    assert trace(replace(preset("resnet50-avg"), input_shape=(3, height, width))).macs == macs


@pytest.mark.parametrize(("key", "params"), COUNTED)
def test_cifar_families_have_the_parameters_that_others_count(key, params):
    assert trace(preset(key)).params == params


@pytest.mark.parametrize(("key", "millions"), PRINTED)
def test_parameters_round_to_what_the_papers_print(key, millions):
    digits = len(millions.partition(".")[2])
    assert f"{trace(preset(key)).params / 1e6:.{digits}f}" == millions


def test_the_printed_parameters_of_resnet_1001_fit_its_weights_without_norms():
    """He et al. 2016 print 10.2 M and do not say how they count; osmr/imgclsmob has 10,327,706."""
    ops = trace(preset("preact1001")).ops
    weights = sum(op.params for op in ops if op.kind in ("conv", "linear"))
    assert f"{weights / 1e6:.1f}" == "10.2"


@pytest.mark.parametrize(("key", "billions"), TABLE_1)
def test_macs_are_those_of_table_1(key, billions):
    assert abs(trace(preset(key)).macs / 1e9 - float(billions)) < 0.1


def fixup_block(t: Tally, width, stride, norm, blur):
    """Zhang et al. 2019, fig. 1 right: four biases and a scale, each a single number."""
    t.conv(3, width, stride, norm="none")
    t.conv(3, width, norm="none")
    t.params += 5


def fixup_stem(t: Tally, norm, blur):
    t.conv(3, 16, norm="none")
    t.params += 2  # behind the stem, before the classifier


def around_each(*convs):
    """F whose every conv (kernel, widths, whether strided) has its own shortcut, option B."""

    def F(t: Tally, width, stride, norm, blur):
        for kernel, widths, is_strided in convs:
            own_stride = stride if is_strided else 1
            arm = Tally(t.channels, t.height, t.width)
            t.conv(kernel, widths * width, own_stride)
            projection(arm, t.channels, own_stride, "after")
            t.params, t.macs = t.params + arm.params, t.macs + arm.macs

    return F


tiered = partial(deep, widths=(24, 32))
always = partial(projection, always=True)
SE, ECA = Tally.squeeze, Tally.neighbours
SAME_COST = ("scaled", "dropout", "norm-after-add", "act-before-add", "act-first")
CIFAR_PRESETS = {
    **{f"resnet{6 * n + 2}": of_cifar(n) for n in (3, 5, 7, 9, 18, 200)},
    **{f"digits{6 * n + 2}": of_cifar(n) for n in (3, 9)},
    **{
        f"resnet110-{key}": of_cifar(18)
        for key in [
            "scaled",
            "dropout",
            "stochastic",
            "norm-after-add",
            "act-before-add",
            "act-first",
        ]
    },
    "resnet110-gated": of_cifar(18, skip=gate),
    "resnet110-gated-x": of_cifar(18, skip=gate),
    "resnet110-C": of_cifar(18, skip=always),
    "resnet110-fixup": of_cifar(18, fixup_block),
    "preact110": of_cifar(18, preact=True),
    "preact164": of_cifar(18, bottleneck, projection, preact=True),
    "preact1001": of_cifar(111, bottleneck, projection, preact=True),
    **{
        f"wrn{6 * n + 4}-{factor}": of_cifar(n, basic, projection, factor, preact=True)
        for n, factor in ((2, 8), (3, 8), (4, 10), (6, 1), (6, 2), (6, 4))
    },
}
CIFAR_PRESETS["resnet110-fixup"].keywords["stem"] = fixup_stem
DEEP, SHALLOW = (50, 101, 152), (18, 34, 50, 101, 152)
IMAGENET_PRESETS = {
    **{f"resnet{depth}": of_imagenet(depth) for depth in SHALLOW},
    **{f"resnet{depth}-2015": of_imagenet(depth, first=True) for depth in DEEP},
    **{f"resnetv2-{depth}": of_imagenet(depth, preact=True) for depth in (*DEEP, 200)},
    "resnetv2-50d": of_imagenet(50, preact=True, stem=deep),
    "resnet34-A": of_imagenet(34, skip=padding),
    "resnet34-C": of_imagenet(34, skip=always),
    **{f"wide-resnet{depth}-2": of_imagenet(depth, base=128) for depth in (50, 101)},
    **{
        f"resnext{depth}-{groups}x{base}d": of_imagenet(depth, groups=groups, base=base)
        for depth, groups, base in ((50, 32, 4), (101, 32, 4), (101, 32, 8), (101, 64, 4))
    },
    **{f"se-resnet{depth}": of_imagenet(depth, attention=SE) for depth in SHALLOW},
    **{
        f"se-resnext{depth}-32x4d": of_imagenet(depth, groups=32, base=4, attention=SE)
        for depth in (50, 101)
    },
    **{f"eca-resnet{depth}": of_imagenet(depth, attention=ECA) for depth in SHALLOW},
    **{f"eca-resnet{d}d": of_imagenet(d, stem=deep, attention=ECA) for d in (50, 101)},
    **{f"eca-resnet{d}t": of_imagenet(d, stem=tiered, attention=ECA) for d in (26, 50)},
    **{f"resnet{depth}c": of_imagenet(depth, stem=deep) for depth in (50, 101)},
    **{f"resnet{depth}d": of_imagenet(depth, stem=deep) for depth in SHALLOW},
    **{f"resnet{depth}t": of_imagenet(depth, stem=tiered) for depth in (10, 14)},
    "resnet50-avg": of_imagenet(50, blur="avg"),
    **{f"resnet{depth}-blur": of_imagenet(depth, blur="blur") for depth in (18, 50)},
    "resnet50-gn": of_imagenet(50),
    "resnet50-zero": of_imagenet(50),
}
LAYERED = {
    "resnet18-layer": around_each((3, 1, True), (3, 1, False)),
    "resnet50-layer": around_each((1, 1, False), (3, 1, True), (1, 4, False)),
}
for key, F in LAYERED.items():
    IMAGENET_PRESETS[key] = partial(of_imagenet(int(key[6:8])), F=F, skip=padding)
FORMULAS = CIFAR_PRESETS | IMAGENET_PRESETS
sizes = st.tuples(st.integers(1, 5), st.integers(32, 230), st.integers(32, 230))


def test_every_preset_has_a_formula():
    assert set(FORMULAS) == set(PRESETS)


@pytest.mark.parametrize("key", FORMULAS)
def test_a_preset_counts_as_its_definition_says(key):
    net = preset(key)
    graph = trace(net)
    assert (graph.params, graph.macs) == FORMULAS[key](net.input_shape, net.num_classes)


@pytest.mark.slow  # at its own size each is counted in the quick suite
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(FORMULAS)), sizes, st.integers(1, 1000))
def test_a_preset_counts_as_its_definition_says_at_any_size(key, shape, classes):
    graph = trace(replace(preset(key), input_shape=shape, num_classes=classes))
    assert (graph.params, graph.macs) == FORMULAS[key](shape, classes)


def test_the_formulas_can_fail():
    """Strides (2, 1, 1) for (1, 2, 2) leave the parameters of ResNet-20 as they are."""
    net = preset("resnet20")
    wrong = replace(net, stages=tuple(replace(s, stride=n) for s, n in zip(net.stages, (2, 1, 1))))
    graph = trace(wrong)
    params, macs = FORMULAS["resnet20"](net.input_shape, net.num_classes)
    assert graph.params == params and graph.macs != macs


def is_large(key: str) -> bool:
    net = preset(key)
    return len(blocks_of(net)) > 60 or trace(net).macs > 1.9e9


@pytest.mark.parametrize(
    "key", [pytest.param(k, marks=[pytest.mark.slow] if is_large(k) else []) for k in PRESETS]
)
def test_a_preset_runs_and_counts_as_torch_counts(key):
    net = preset(key)
    module, counter = build(net).eval(), FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        out = module(torch.zeros(1, *net.input_shape))
    graph = trace(net)
    assert out.shape == (1, net.num_classes) and out.isfinite().all()
    assert 2 * graph.macs == counter.get_total_flops()
    assert graph.params == sum(p.numel() for p in module.parameters() if p.requires_grad)
