"""Where a run can take place on this machine, and how it computes there."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

import torch

from .fast_paths import FAST_PATHS
from .precisions import PRECISIONS
from .spec import SpecError


def available_devices() -> list[tuple[str, str]]:
    """(key of RunConfig.device, name for people), the best one first; a CPU is always there."""
    devices = [
        (f"cuda:{index}", torch.cuda.get_device_name(index))
        for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    ]
    if torch.backends.mps.is_available():
        devices.append(("mps", "Apple GPU"))
    cores = os.cpu_count() or 1
    return [*devices, ("cpu", f"CPU, {cores} core{'s' if cores > 1 else ''}")]


def name_of(device: str) -> str:
    """For people; "cuda" is the first one."""
    names = dict(available_devices())
    return names.get(device) or names.get(f"{device}:0", device)


def check_device(device: str, precision: str = "float32", fast_path: str = "none") -> None:
    """Raises SpecError, a sentence, for what this very machine cannot do."""
    names = dict(available_devices())
    if device not in names and f"{device}:0" not in names:
        raise SpecError("device", f"there is no {device} here", f"Use {' or '.join(names)}")
    if device.startswith("cuda") and precision != "float32":
        major, _ = torch.cuda.get_device_capability(device)
        if major < 8:
            title = PRECISIONS[precision].title
            raise SpecError("precision", f"{name_of(device)} has no {title}", "Use float32")
    if reason := FAST_PATHS[fast_path].needs(device):
        raise SpecError("fast_path", reason, "Use none")


def widest_float(device: str) -> torch.dtype:
    """The float type to sum in: Apple's GPUs have no float64."""
    return torch.float32 if device.startswith("mps") else torch.float64


def settle(precision: str = "float32") -> None:
    """What makes runs fast and repeatable, for the calling thread and its process."""
    # a vanishing net's denormals would make it 3.6 x slower than its twin
    torch.set_flush_denormal(True)
    torch.backends.cudnn.deterministic = True
    # "float32" on the screen means float32
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"


def computing_in(precision: str, device: str) -> AbstractContextManager:
    """In this a net's forward pass computes in that precision."""
    is_mixed = PRECISIONS[precision].memory == "mixed"
    return torch.autocast(device.partition(":")[0], torch.bfloat16, enabled=is_mixed)


def use_threads(number: int) -> None:
    """For a process that trains one net beside others: they share the cores."""
    torch.set_num_threads(number)


def describe(device: str, precision: str = "float32") -> dict[str, object]:
    """What the records depend on beside the config; see runs.run.Resolved."""
    return {
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        "device": name_of(device),
        "precision": PRECISIONS[precision].title,
    }
