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
    assert needs("cpu") == "Python's headers, often called python3-dev, are not on this machine"
    (tmp_path / "Python.h").touch()
    assert needs("cpu") is None
    monkeypatch.delenv("CXX")
    assert needs("cpu") is None
    assert found == ["g++-13", "g++-13", "g++"]  # what torch calls, and nothing else will do
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert needs("cpu") == "there is no C++ compiler on this machine"


@pytest.mark.parametrize("there", ["gcc", "clang"])
def test_on_a_gpu_it_takes_a_c_compiler_and_no_other(monkeypatch, tmp_path, there):
    found = {there}
    monkeypatch.setattr("shutil.which", lambda name: name if name in found else None)
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    (tmp_path / "Python.h").touch()
    monkeypatch.delenv("CC", raising=False)
    needs = FAST_PATHS["compile"].needs
    assert needs("cuda:0") is None and "C++" in needs("cpu")
    monkeypatch.setenv("CC", "cc-13")  # Triton takes that one and looks for no other
    assert needs("cuda") == "there is no C compiler on this machine"
    found.add("cc-13")
    assert needs("cuda") is None


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
