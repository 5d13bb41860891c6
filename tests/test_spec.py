"""A spec is data that cannot be wrong quietly: a mistake is a sentence that says what would do."""

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import any_nets, nets

from resnet_core.net import build
from resnet_core.presets import PRESETS, cifar, imagenet, preset
from resnet_core.resolve import blocks_of
from resnet_core.spec import MAX_BLOCKS, NetSpec, SpecError, StageSpec


@settings(max_examples=100)
@given(any_nets)
def test_json_round_trip(net):
    assert NetSpec.from_json(net.to_json()) == net
    assert hash(NetSpec.from_json(net.to_json())) == hash(net)


@settings(max_examples=60, deadline=None)
@given(any_nets)
def test_a_net_either_builds_or_says_why_not(net):
    try:
        blocks_of(net)
    except SpecError as e:
        assert str(e).endswith(".") and e.where and e.remedy
    else:
        with torch.device("meta"):
            build(net).eval()(torch.empty(2, *net.input_shape))


@settings(max_examples=300)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_any_json_is_a_spec_or_a_spec_error(data):
    with pytest.raises(SpecError):
        NetSpec.from_json(json.dumps(data))


SPEC_FIELDS = st.sampled_from(["num_blocks", "width", "stride", "block", "shortcut", "extra"])
HOSTILE = st.sampled_from(
    [0, -1, 10**6, 10**30, True, "64", 1.5, None, [], {}, "\ud800", "a\x00b", "x" * 10**5, "sigma"]
)


@settings(max_examples=200)
@given(SPEC_FIELDS, HOSTILE)
def test_a_hostile_field_is_named(field, value):
    data = json.loads(cifar(20).to_json())
    data["stages"][1][field] = value
    with pytest.raises(SpecError) as caught:
        blocks_of(NetSpec.from_dict(data))
    assert caught.value.where == f"stage2.{field}"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"width": 0}, "Stage 1, width: 0 is out of range. Use a whole number from 1 to 8,192."),
        ({"width": -5}, "Stage 1, width: -5 is out of range"),
        ({"width": 10**30}, "Stage 1, width: a number of more than 15 digits is out of range"),
        ({"num_blocks": 10**6}, "Stage 1, blocks: 1,000,000 is out of range"),
        ({"stride": 9}, "Stage 1, stride: 9 is out of range. Use a whole number from 1 to 4."),
        ({"width": "wide"}, "Stage 1, width: 'wide' is not a whole number"),
        ({"block": "dense"}, "Stage 1, block: there is no 'dense'. Use one of basic, bottleneck."),
    ],
)
def test_a_wrong_cell_is_told_in_words(change, words):
    data = json.loads(cifar(20).to_json())
    data["stages"][0] |= change
    with pytest.raises(SpecError, match=words):
        blocks_of(NetSpec.from_dict(data))


def test_an_input_too_small_for_the_strides():
    with pytest.raises(
        SpecError,
        match=r"Stage 3, stride: stride 2 has nothing to subsample on a 1×1 map.*at least 9×9",
    ):
        blocks_of(replace(imagenet(18), input_shape=(3, 8, 8)))
    blocks_of(replace(imagenet(18), input_shape=(3, 17, 17)))


def test_the_size_that_the_message_asks_for_is_the_least_that_builds():
    for size in range(1, 40):
        net = replace(imagenet(18), input_shape=(3, size, size))
        try:
            blocks_of(net)
        except SpecError as e:
            least = int(e.remedy.rpartition("×")[2])
            assert size < least
        else:
            assert size >= 17


def test_zero_padding_cannot_take_channels_away():
    stages = (StageSpec(num_blocks=1, width=32), StageSpec(num_blocks=1, width=16))
    net = NetSpec(name="narrowing", stages=stages)
    with pytest.raises(
        SpecError, match=r"Stage 2, block 1, shortcut: .*not go from 32 to 16.*shortcut B"
    ):
        blocks_of(net)
    mended = replace(net, stages=(stages[0], replace(stages[1], shortcut="B")))
    assert blocks_of(mended)[-1].out_channels == 16


def test_too_many_blocks_in_all():
    stage = StageSpec(num_blocks=1000, width=16)
    with pytest.raises(SpecError, match=f"3,000 blocks in all are more than {MAX_BLOCKS:,}"):
        NetSpec(name="deep", stages=(stage,) * 3)


def test_a_spec_of_a_newer_format_is_refused():
    data = json.loads(cifar(20).to_json()) | {"format": 99}
    with pytest.raises(SpecError, match=r"format 99.*Update the program"):
        NetSpec.from_dict(data)


@pytest.mark.parametrize(
    ("stem", "now"), [("cifar", ("3x3", "none")), ("imagenet", ("7x7", "max"))]
)
def test_a_spec_of_format_1_is_read(stem, now):
    stage = {"num_blocks": 1, "width": 16, "stride": 1, "block": "basic", "shortcut": "B"}
    net = NetSpec.from_dict({"format": 1, "name": "old", "stages": [stage], "stem": stem})
    assert (net.stem, net.stem_pool) == now
    assert blocks_of(replace(net, input_shape=(3, 32, 32)))


@pytest.mark.parametrize("layers", [5, [3], [[3]], [[2, 8]], [[3, 0]], [[17, 8]], [[3, "8"]],
                                    [[3, 8]] * 5, [[True, 8]], [[3, 10**30]]])  # fmt: skip
def test_wrong_convolutions_are_told(layers):
    data = json.loads(cifar(20).to_json())
    data["stages"][1] |= {"block": "composed", "layers": layers}
    with pytest.raises(SpecError) as caught:
        blocks_of(NetSpec.from_dict(data))
    assert caught.value.where == "stage2.layers"


@pytest.mark.parametrize("text", ["", "{", "[" * 10**5, "NaN", '{"name": 1e999}', "9" * 5000])
def test_what_is_not_a_spec_is_refused(text):
    with pytest.raises(SpecError):
        NetSpec.from_json(text)


def test_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(SpecError, match=r"there is no 'resnet51'.*resnet50"):
        preset("resnet51")


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_says_where_it_comes_from(key):
    assert PRESETS[key].source and PRESETS[key].family


@settings(max_examples=15, deadline=None)
@given(nets)
def test_equal_specs_and_seeds_build_equal_nets(net):
    weights = []
    for _ in range(2):
        torch.manual_seed(0)
        weights.append(build(net).state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_no_convolution_carries_a_bias():
    for norm in ("batch", "none"):
        names = dict(build(replace(cifar(20), norm=norm)).named_parameters())
        assert [n for n in names if n.endswith("bias") and "norm" not in n] == ["head.fc.bias"]
