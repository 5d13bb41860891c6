"""What torch.compile needs of a machine, and that it goes on compiling."""

import pytest
import torch
from torch import nn

from resnet_core import fast_paths
from resnet_core.fast_paths import FAST_PATHS, compiled


def test_what_a_compiler_lacks_is_said_before_a_run_begins(monkeypatch, tmp_path):
    found = []
    monkeypatch.setattr("shutil.which", lambda name: found.append(name) or f"/usr/bin/{name}")
    monkeypatch.setattr(fast_paths.sys, "platform", "linux")
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("CXX", "g++-13")
    needs = FAST_PATHS["compile"].needs
    assert needs() == "Python's headers, often called python3-dev, are not on this machine"
    (tmp_path / "Python.h").touch()
    assert needs() is None
    monkeypatch.delenv("CXX")
    assert needs() is None
    assert found == ["g++-13", "g++-13", "g++"]  # what torch calls, and nothing else will do
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert needs() == "there is no C++ compiler on this machine"


@pytest.mark.slow
def test_a_process_compiles_every_net_of_a_series(monkeypatch):
    """By itself torch stops at 8, without an error; here without its code generator."""
    make, graphs = torch.compile, []

    def keep(graph, inputs):
        graphs.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", lambda net, **how: make(net, backend=keep, **how))
    for width in range(1, 12):
        compiled(nn.Linear(width, 1))(torch.ones(2, width))
    assert len(graphs) == 11
