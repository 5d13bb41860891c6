"""Series: what is asked of the engine when several runs are to be seen together."""

from dataclasses import replace

import pytest

from resnet_core.graph import trace
from resnet_core.presets import digits, preset
from resnet_core.ranges import RANGES
from resnet_core.run_config import RunConfig
from resnet_core.series import SERIES, depth_of
from resnet_core.spec import SpecError

CONFIG = RunConfig(net=digits(20), steps=60, seed=4, seconds=30)


@pytest.mark.parametrize("key", SERIES)
def test_each_run_of_a_series_is_another_one_with_another_label(key):
    series = SERIES[key].make(CONFIG)
    labels, configs = zip(*series.runs)
    assert series.kind == key
    assert SERIES[key].shown_as in ("band", "board", "sweep")
    assert len(set(labels)) == len(set(configs)) == len(series.runs) >= 2
    assert all(c.net.stages[0].width == CONFIG.net.stages[0].width for c in configs)


def test_seeds_that_go_past_the_largest_one_are_a_sentence_about_the_seed_that_was_given():
    last = RANGES["seed"][2]
    assert len(SERIES["seeds"].make(replace(CONFIG, seed=last - 2)).runs) == 3
    with pytest.raises(SpecError, match=r"Seed: 3 seeds from 2,147,483,647 on .* Use at most"):
        SERIES["seeds"].make(replace(CONFIG, seed=last))


@pytest.mark.parametrize("key", [key for key in SERIES if SERIES[key].shown_as == "board"])
def test_a_board_changes_the_net_alone(key):
    for _, config in SERIES[key].make(CONFIG).runs:
        same = {**vars(config), "net": CONFIG.net}
        assert same == vars(CONFIG)


def test_a_sweep_has_the_depths_of_the_cifar_nets_and_one_step():
    runs = SERIES["depths"].make(CONFIG).runs
    assert [label for label, _ in runs] == [
        f"depth {depth}" for depth in (8, 14, 20, 32, 44, 56, 80, 110)
    ]
    assert {(c.steps, c.seconds, c.seed) for _, c in runs} == {(1, None, 4)}
    assert runs[2][1].net.stages == digits(20).stages


@pytest.mark.parametrize(
    "key", ["resnet20", "resnet50", "resnet50d", "preact164", "resnet18-layer"]
)
def test_depth_is_that_of_the_graph(key):
    assert depth_of(preset(key)) == trace(preset(key)).depth
