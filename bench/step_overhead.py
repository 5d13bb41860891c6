"""A recorded training step against a bare one of the same net: what measuring costs.

bare: forward, loss, backward, update, loss.item(). Both nets take turns in one process with one
thread. On a CPU the time is that of the process, so that other load hardly counts; else it is wall.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch.nn import functional as F

from resnet_core.data import batches
from resnet_core.presets import preset
from resnet_core.train import RunConfig, Trainer

NETS = ("digits56", "resnet20", "resnet110")
WARM_UP = 3  # steps of each that are not counted


def bare_steps(trainer: Trainer) -> Iterator[float]:
    """The loop that one would write without any measuring; gives the loss of each step."""
    config, params = trainer.config, trainer.optimizer.params
    plan = batches(len(trainer.examples.train_images), config.batch_size, config.seed)
    for _, indices in zip(range(config.steps), plan):
        images, targets = trainer.batch(indices)
        loss = F.cross_entropy(trainer.module(images), targets)
        trainer.optimizer.step(torch.autograd.grad(loss, params), config.lr)
        yield loss.item()


def measure(key: str, device: str, batch_size: int, steps: int) -> dict:
    clock = time.process_time if device == "cpu" else time.perf_counter
    config = RunConfig(
        net=preset(key), steps=WARM_UP + steps, batch_size=batch_size, device=device, lr=1e-3
    )
    turns = {
        "bare": bare_steps(Trainer(config, 0, probes=())),
        "recorded": Trainer(config, 0).records(),
    }
    times: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(config.steps):
        for name, turn in turns.items():
            start = clock()
            next(turn)
            times[name].append(1000 * (clock() - start))
    bare, recorded = (times[name][WARM_UP:] for name in ("bare", "recorded"))
    return {
        "net": config.net.name,
        "batch": batch_size,
        "steps": steps,
        "bare_ms": statistics.median(bare),
        "recorded_ms": statistics.median(recorded),
        "ratio_of_medians": statistics.median(recorded) / statistics.median(bare),
        "ratio_of_minima": min(recorded) / min(bare),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--device", default="cpu", help="cpu, cuda:0, mps")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=15, help="counted steps of each kind")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measure(key, arguments.device, arguments.batch, arguments.steps) for key in NETS]
    if arguments.json:
        print(json.dumps({"bench": "step_overhead", "device": arguments.device, "rows": rows}))
        return
    print(f"{'net':<22}{'bare':>11}{'recorded':>12}{'medians':>10}{'minima':>9}")
    for row in rows:
        print(
            f"{row['net']:<22}{row['bare_ms']:>8.1f} ms{row['recorded_ms']:>9.1f} ms"
            f"{row['ratio_of_medians']:>9.3f}x{row['ratio_of_minima']:>8.3f}x"
        )


if __name__ == "__main__":
    main()
