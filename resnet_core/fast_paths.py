"""Faster ways to do the steps that no probe looks at. It needs no torch until one is taken."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class FastPath:
    """A row of FAST_PATHS."""

    title: str
    devices: tuple[str, ...]  # kinds of device that it is for
    #: (module without hooks) -> what does the steps without probes, on the same weights; or None
    prepare: Callable[[nn.Module], Callable | None]
    help: str
    #: (device) -> a sentence: why it cannot be taken here
    needs: Callable[[str], str | None] = lambda device: None


def nothing(module: nn.Module) -> None:
    return None


def compiled(module: nn.Module) -> Callable:
    """The first call compiles. Its import alone takes a second: only runs that ask for it pay.

    As a whole: compiled block by block, steps of small nets take longer than without.
    """
    import torch

    # beyond 8 different nets in a process, as a series has them, others would not be compiled
    torch.compiler.config.recompile_limit = MOST_NETS
    torch.compiler.config.accumulated_recompile_limit = MOST_NETS
    return torch.compile(bare(module), dynamic=False)


def bare(module: nn.Module) -> nn.Module:
    """A copy that has no hooks yet, with the very same parameters and buffers."""
    shared = {id(t): t for t in (*module.parameters(), *module.buffers())}
    return deepcopy(module, shared)


def no_compiler(device: str) -> str | None:
    """What torch.compile looks for itself, and fails without: at its first step, with a page."""
    on_mac = sys.platform == "darwin"
    if device.startswith("cuda"):  # its code generator there is Triton, which builds a C module
        language, given, usual = "C", os.environ.get("CC"), ("gcc", "clang")
    else:
        usual = ("clang++",) if on_mac else ("g++",)
        language, given = "C++", os.environ.get("CXX")
    if not any(map(shutil.which, (given,) if given else usual)):
        return f"there is no {language} compiler on this machine"
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if not on_mac and not headers.exists():  # a Mac may have them elsewhere
        return "Python's headers, often called python3-dev, are not on this machine"
    return None


MOST_NETS = 1000
#: With one of them all probes keep to the rhythm of the dear ones.
FAST_PATHS = {
    "none": FastPath("as it is", ("cpu", "cuda", "mps"), nothing, "Every step is done alike"),
    "compile": FastPath(
        "torch.compile",
        ("cpu", "cuda"),
        compiled,
        "Fuses layers in steps that no probe looks at, which are then three of four. For long "
        "runs: on two busy cores ResNet-56 on 8×8 digits compiled for 4 minutes, and its steps "
        "became 6 % faster",
        no_compiler,
    ),
}
