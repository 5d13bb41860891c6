"""The recordings that come with the app: few bytes, whole, and of nets that this code builds."""

from __future__ import annotations

import math

import pytest

from explorer.cached import RECORDED
from explorer.recordings.record import TAKES
from explorer.replay import name_of
from resnet_core.probes import labels
from resnet_core.runs.recording_file import ENDING, read
from resnet_core.runs.recordings import Recordings
from resnet_core.twins import pair_of

FILES = sorted(RECORDED.glob(f"*{ENDING}"))
TAPES = {path.stem: read(path) for path in FILES}


def test_they_are_those_of_the_script_in_few_bytes():
    assert {stem.split("-")[0] for stem in TAPES} == {key.split("-")[0] for key in TAKES}
    assert sum(path.stat().st_size for path in FILES) < 1_500_000


def test_each_has_an_address_of_its_own():
    assert len({name_of(tape) for tape in TAPES.values()}) == len(TAPES)
    assert len(Recordings(RECORDED).shelf()) == len(TAPES)


@pytest.mark.parametrize("stem", TAPES)
def test_it_is_a_whole_run_of_nets_that_this_code_builds(stem):
    tape = TAPES[stem]
    assert tape.run.is_over and tape.run.proof.holds and tape.head["is_paced"] and tape.about
    for net, records in zip(pair_of(tape.config), tape.records_at(math.inf)):
        measured = {name: tuple(paths) for name, paths in labels(net).items() if paths}
        assert records.labels == measured


def test_among_them_are_a_diverged_net_a_deep_one_and_seeds():
    assert [m.end.how for m in TAPES["blow-up"].run.models] == ["diverged", "steps"]
    assert len(TAPES["deep"].records_at(0)[0].labels["weight_grad"]) == 110
    shelf = Recordings(RECORDED)
    (series,) = {run.series.id for run in shelf.runs() if run.series}
    assert [run.config.seed for run in shelf.series(series)] == [0, 1, 2]
