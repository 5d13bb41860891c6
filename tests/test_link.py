"""A link restores the experiment, and a bad one says so without harm."""

import base64
import json
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import nets

from explorer.link import MAX_CODE, Experiment, decode, encode
from resnet_core.presets import PRESETS, preset
from resnet_core.spec import SpecError


@settings(max_examples=40, deadline=None)
@given(nets, st.integers(1, 2000), st.sampled_from([16, 64, 256]), st.floats(1e-4, 1))
def test_a_link_restores_the_experiment(net, steps, batch_size, lr):
    experiment = Experiment(net=net, base="resnet50", steps=steps, batch_size=batch_size, lr=lr)
    assert decode(encode(experiment)) == experiment


@pytest.mark.parametrize("key", PRESETS)
def test_links_stay_short(key):
    assert len(encode(Experiment(net=preset(key), base=key))) < 500


@pytest.mark.parametrize("code", ["", "abc", "%00", "ä", "x" * (MAX_CODE + 1), "eJwDAAAAAAE"])
def test_a_broken_link_is_told(code):
    with pytest.raises(SpecError, match=r"Link: it is (damaged|too long)"):
        decode(code)


@settings(max_examples=200)
@given(
    st.text(max_size=60)
    | st.binary(max_size=60).map(lambda b: base64.urlsafe_b64encode(b).decode())
)
def test_any_code_is_an_experiment_or_a_spec_error(code):
    with pytest.raises(SpecError):
        decode(code)


def packed(data: object) -> str:
    text = zlib.compress(json.dumps(data).encode(), 9)
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def test_a_small_code_cannot_unpack_to_gigabytes():
    bomb = packed("a" * 10**7)
    with pytest.raises(SpecError, match=r"Link: it is (damaged|too long)"):
        decode(bomb)


@pytest.mark.parametrize(
    "settings",
    [{"steps": 10**12}, {"batch_size": 0}, {"lr": -1}, {"lr": "fast"}, {"seed": -1},
     {"base": "resnet51"}, {"dataset": "imagenet"}, {"no_such": 1}, {"seconds": 10**9}, "text"],
)  # fmt: skip
def test_a_link_cannot_bring_settings_that_a_run_would_refuse(settings):
    net = json.loads(preset("resnet20").to_json())
    with pytest.raises(SpecError):
        decode(packed([net, settings]))


def test_a_link_cannot_bring_a_net_that_cannot_be_built():
    net = json.loads(replace(preset("resnet18"), input_shape=(3, 8, 8)).to_json())
    with pytest.raises(SpecError, match="nothing to subsample"):
        decode(packed([net, {}]))
