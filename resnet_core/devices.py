"""Where a run can take place on this machine."""

from __future__ import annotations

import os

import torch


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


def widest_float(device: str) -> torch.dtype:
    """The float type to sum in: Apple's GPUs have no float64."""
    return torch.float32 if device.startswith("mps") else torch.float64
