"""Many sessions work at once in one server: torch.fx patches nn.Module for all threads."""

import contextlib
import sys
import threading
from dataclasses import replace

import pytest
from torch import nn

from resnet_core import equivalence, graph, second_opinion
from resnet_core.equivalence import demonstrate
from resnet_core.export import onnx_file
from resnet_core.export.onnx_file import onnx_bytes
from resnet_core.presets import cifar
from resnet_core.second_opinion import summary


@pytest.fixture
def hasty_threads():
    call, getattr_, interval = nn.Module.__call__, nn.Module.__getattr__, sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)
    nn.Module.__call__, nn.Module.__getattr__ = call, getattr_


def small_net(width: int):
    net = cifar(8, "B")
    stages = tuple(replace(stage, width=width) for stage in net.stages)
    return replace(net, stages=stages, stem_width=width)


def failures_of(works: list, offset: int) -> list[BaseException]:
    """What went wrong in a thread for each work; no two calls get the same number."""
    failed = []

    def do(place: int) -> None:
        try:
            for time in range(7):
                works[place](offset + len(works) * time + place)
        except Exception as e:
            failed.append(e)

    threads = [threading.Thread(target=do, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


def traces(number: int) -> None:
    """A net that nobody has traced before."""
    assert graph.trace(small_net(number)).depth == 8


def test_threads_trace_without_harm(hasty_threads):
    call = nn.Module.__call__
    assert failures_of(6 * [traces], offset=100) == []
    assert nn.Module.__call__ is call


def test_the_test_above_can_fail(hasty_threads, monkeypatch):
    monkeypatch.setattr(graph, "MODULES", contextlib.nullcontext())
    assert any(failures_of(6 * [traces], offset=200 + 100 * attempt) for attempt in range(5))


#: module that runs nets beside traces -> what it makes of a net, the same each time
MAKES = {
    equivalence: lambda net: demonstrate(net, "stage1.0"),
    onnx_file: onnx_bytes,
    second_opinion: summary.__wrapped__,  # not from its cache
}


@pytest.fixture(params=MAKES, ids=lambda module: module.__name__)
def runner(request):
    """(module, work): makes the same as alone, whatever other threads do."""
    make, net = MAKES[request.param], small_net(4)
    alone = make(net)

    def work(number: int) -> None:
        assert make(net) == alone

    return request.param, work


def test_nets_run_beside_traces_without_harm(hasty_threads, runner):
    _, work = runner
    assert failures_of([work, work, traces, traces], offset=800) == []


def test_without_the_lock_they_would_not(hasty_threads, runner, monkeypatch):
    module, work = runner
    monkeypatch.setattr(module, "MODULES", contextlib.nullcontext())
    works = [work, traces, traces, traces]  # alone in going without: nothing else is harmed
    assert any(failures_of(works, offset=900 + 100 * attempt) for attempt in range(10))
