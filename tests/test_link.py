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


#: made before a link could say more than budget, batch, rate and seed
OLD = {
    "first screen": (
        "eNrFUsFOwzAM_ZXJ54C6jlVjN36AA9dpqrzErBZpUiUuMKb9O846sV24wi223_N7drw5wmtMPQqsawMBe4I1vFB-"
        "JrlbNjOtzRzvWTIYyIJ7yrDeHCGMfbvz0b5p-Gjgg510sJ43BZTYaZO5gTNA2-0wsy38Liaxo0rBk4YWk-OAnuUw"
        "wTFTe-nUPBhAEQrCMSg-xEBK8XigVBxsT-Y3E4v6aqL-LxOF-lcmtkWKeq0tPhcwBe0Qo7-iz6mbT4rJUdJyTPq3"
        "KqyQoFdwdii20xCt8DteNBP5seTUg5rEfNs42g6zsG0dDaV9ZYADl8nekHsOeyiJYZQ2dzjoOjZzszIrNV02Zz3m"
        "XG5qXpVllsGVOV3cslGqQ9Gc_CSnYYbCqFUqk43BaRRG783kvs38RdPivA5Z3VflIoicvk_bb_dL9J0",
        Experiment(),
    ),
    "resnet20": (
        "eNrFkj1uwzAMhe_CWS38U2Tw1gt06BoEBiOxsRBZMiQ6bRrk7iXtAMnStR1JPT5-JLW9wEfKIzJ0jYGII0EH71Te"
        "iJ-aCgwUxgMV6LYXiPPY70OyRwlbA5_e8QBdvVFR9k4qawOLQDz2WLzV-iFltrP4w6uEFrPzEYPn8yrHQv3NafNi"
        "AJkpsk9R9DFFkpKAZ8pKsLua3yDa5g7R_BeElv4VxE5b0Shv7VcLa9BPKYW7ekk9HCllR1meU_YHbSySKKdfCNkO"
        "EqJlf8Jbz0xh1pwwCCSWR-NkByzsbe9oUvvKgI9eJzuiH308gCammfsy4CTr2LZGTtQ2gq27swFL0V9VV7pOHX3p"
        "WCLx8uscsuTU0Aksl3WcSSsaaVbIpuh0-ZVZ6fviv2ldXJAhq-daVeREct39AM_v71E",
        Experiment(net=preset("resnet20"), base="resnet20", lr=0.1, seconds=30, seed=3),
    ),
}


@pytest.mark.parametrize(("code", "experiment"), OLD.values(), ids=OLD)
def test_an_old_link_opens_what_it_always_did(code, experiment):
    assert decode(code) == experiment
    assert len(encode(experiment)) == len(code)  # a usual setting takes no room in new ones


MORE = {"augment": "shift", "optimizer": "adamw", "schedule": "cosine", "warmup": 20}
MORE |= {"momentum": 0.5, "weight_decay": 0.01, "label_smoothing": 0.1, "clip": 1.0}
MORE |= {"precision": "tf32"}


def test_a_link_carries_every_setting():
    experiment = replace(Experiment(), **MORE)
    assert decode(encode(experiment)) == experiment
    config = decode(encode(experiment)).config("cuda:0")
    assert {name: getattr(config, name) for name in MORE} == MORE
    assert Experiment.of_run(config) == experiment


def test_the_warm_up_gives_way_to_one_cycle():
    chosen = replace(replace(Experiment(), warmup=20), schedule="one-cycle")
    assert chosen.warmup == chosen.config().warmup == 0


def test_a_precision_that_this_device_lacks_gives_way():
    assert replace(Experiment(), precision="tf32").config("cpu").precision == "float32"


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
     {"base": "resnet51"}, {"optimizer": "adam"}, {"schedule": []}, {"precision": []},
     {"precision": "float8"}, {"clip": 0}, {"momentum": 1}, {"warmup": -1}, {"dataset": {}},
     {"dataset": "imagenet"}, {"no_such": 1}, {"seconds": 10**9}, "text"],
)  # fmt: skip
def test_a_link_cannot_bring_settings_that_a_run_would_refuse(settings):
    net = json.loads(preset("resnet20").to_json())
    with pytest.raises(SpecError):
        decode(packed([net, settings]))


def test_a_link_cannot_bring_a_net_that_cannot_be_built():
    net = json.loads(replace(preset("resnet18"), input_shape=(3, 8, 8)).to_json())
    with pytest.raises(SpecError, match="nothing to subsample"):
        decode(packed([net, {}]))
