"""What a run will take, before it starts: memory and time, and whether that fits the device."""

from __future__ import annotations

from dataclasses import dataclass

import psutil
import torch

from .graph import trace
from .memory import training_memory
from .precisions import PRECISIONS
from .run_config import RunConfig, check_batch
from .runs.run import Speed
from .spec import SpecError
from .twins import pair_of

PROCESS_BYTES = 350 * 2**20  # of a training process with torch loaded, without any net
SHARE = 0.9  # of the free memory that a run may take
MAX_SECONDS = 3600
#: what a CPU does at least, for as long as this machine has not been measured
ASSUMED = Speed(device="cpu", op_overhead_s=2e-4, macs_per_s=2e10)


@dataclass(frozen=True)
class Estimate:
    """Of a whole run: the net and its twin together."""

    bytes_needed: int
    bytes_free: int
    batch_that_fits: int  # 0 if not even a batch of 2 does
    seconds: float | None  # None for a device that has not been measured and is no CPU
    step_seconds: float | None
    is_measured: bool  # whether the seconds rest on this machine's measured speed


def estimate(config: RunConfig, speed: Speed | None) -> Estimate:
    """Memory by what autograd keeps (geometry.py), time by the measured speed of the device."""
    graphs = [trace(net) for net in pair_of(config)]
    held_as = PRECISIONS[config.precision].memory, config.optimizer
    memory = [training_memory(graph, config.batch_size, *held_as) for graph in graphs]
    fixed = sum(m.weights + m.gradients + m.optimizer for m in memory)
    if config.device == "cpu":
        fixed += 2 * PROCESS_BYTES
    else:  # one process, and the weights of the step whose record is under way
        fixed += PROCESS_BYTES + sum(m.weights for m in memory)
    activations = sum(m.activations for m in memory)
    free = free_bytes(config.device)
    batch = int((SHARE * free - fixed) * config.batch_size / activations)
    step = seconds = None
    if known := speed or (ASSUMED if config.device == "cpu" else None):
        steps = [known.step_s(len(g.ops), g.macs, config.batch_size) for g in graphs]
        step = max(steps) if config.device == "cpu" else sum(steps)
        # however small a budget is, a step is trained
        seconds = max(config.seconds, step) if config.seconds else step * config.steps
    return Estimate(
        fixed + activations, free, batch if batch >= 2 else 0, seconds, step, bool(speed)
    )


def free_bytes(device: str) -> int:
    """What a new process could take now."""
    if device.startswith("cuda"):
        return torch.cuda.mem_get_info(torch.device(device))[0]
    return psutil.virtual_memory().available


def check_fits(config: RunConfig, needed: Estimate) -> None:
    """Raises SpecError with the figure and what would do, for a run that cannot fit."""
    check_batch(config)
    if needed.bytes_needed > SHARE * needed.bytes_free:
        if needed.batch_that_fits:
            remedy = f"Use a batch of at most {needed.batch_that_fits}, or a smaller input or width"
        else:
            remedy = "Use a smaller input, fewer channels or fewer blocks"
        raise SpecError(
            "memory",
            f"the net and its twin need about {gib(needed.bytes_needed)} to train at batch "
            f"{config.batch_size} on {config.net.input_shape[1]}×{config.net.input_shape[2]} "
            f"images, and {gib(needed.bytes_free)} are free",
            remedy,
        )
    if needed.seconds is not None and needed.seconds > MAX_SECONDS:
        steps = int(MAX_SECONDS / needed.step_seconds)
        guess = "" if needed.is_measured else " by a cautious guess, until this machine is measured"
        remedy = f"Use at most {steps:,} steps, " if steps else "Use "
        raise SpecError(
            "time",
            f"this run would take about {needed.seconds / 3600:.1f} hours, "
            f"{needed.step_seconds:.1f} s for each step{guess}",
            remedy + ("or " if steps else "") + "a smaller input, batch or net",
        )


def gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
