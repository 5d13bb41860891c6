"""Many sessions trace at once in one server: torch.fx patches nn.Module for all threads."""

import contextlib
import sys
import threading
from dataclasses import replace

import pytest
from torch import nn

from resnet_core import graph
from resnet_core.presets import cifar


@pytest.fixture
def hasty_threads():
    call, getattr_, interval = nn.Module.__call__, nn.Module.__getattr__, sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)
    nn.Module.__call__, nn.Module.__getattr__ = call, getattr_


def failures_of(num_threads: int, offset: int) -> list[BaseException]:
    """What went wrong in threads that trace nets nobody has traced before."""
    failed = []

    def work(number: int) -> None:
        try:
            for width in range(8, 64, 8):
                net = cifar(8, "B")
                own = width + number + offset
                stages = tuple(replace(stage, width=own) for stage in net.stages)
                assert graph.trace(replace(net, stages=stages, stem_width=own)).depth == 8
        except Exception as e:
            failed.append(e)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(num_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


def test_threads_trace_without_harm(hasty_threads):
    call = nn.Module.__call__
    assert failures_of(6, offset=100) == []
    assert nn.Module.__call__ is call


def test_the_test_above_can_fail(hasty_threads, monkeypatch):
    monkeypatch.setattr(graph, "MODULES", contextlib.nullcontext())
    assert any(failures_of(6, offset=200 + 100 * attempt) for attempt in range(5))
