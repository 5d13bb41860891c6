"""A recorded training step against a bare one of the same net: what measuring costs.

bare: forward, loss, backward, update, loss.item(). norms: the probes of every step. all: the dear
probes too, at their own rhythm: of a run of RUN steps, from the time of a step with them and of one
without. All take turns in one process with one thread. On a CPU the time is that of the process, so
that other load hardly counts; else it is wall.
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
from resnet_core.probes import PROBES
from resnet_core.record import AT_EVERY_STEP
from resnet_core.rhythm import FIRST, is_dear
from resnet_core.train import RunConfig, Trainer

NETS = ("digits56", "resnet20", "resnet110")
WARM_UP = 3  # steps of each that are not counted
RUN = 120  # steps of the default run


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
        "norms": Trainer(config, 0, probes=AT_EVERY_STEP).records(),
        "close": Trainer(config, 0, probes=tuple(PROBES)).records(),
    }
    times: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(config.steps):
        for name, turn in turns.items():
            start = clock()
            next(turn)
            times[name].append(1000 * (clock() - start))
    row = {"net": config.net.name, "batch": batch_size, "steps": steps}
    for what, pick in (("median", statistics.median), ("minimum", min)):
        bare, norms, close = (pick(times[name][WARM_UP:]) for name in turns)
        share = sum(is_dear(step, RUN) for step in range(RUN)) / RUN
        row[what] = {
            "bare_ms": bare,
            "norms": norms / bare,
            "close": close / bare,  # a step at which the dear probes look
            "all": (share * close + (1 - share) * norms) / bare,
        }
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--device", default="cpu", help="cpu, cuda:0, mps")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=15, help="counted steps of each kind")
    arguments = parser.parse_args()
    if WARM_UP + arguments.steps > FIRST:
        parser.error(
            f"at most {FIRST - WARM_UP} steps: the dear probes have to look at all of them"
        )
    torch.set_num_threads(1)
    rows = [measure(key, arguments.device, arguments.batch, arguments.steps) for key in NETS]
    if arguments.json:
        print(json.dumps({"bench": "step_overhead", "device": arguments.device, "rows": rows}))
        return
    print(f"{'net':<22}{'bare':>11}{'norms':>17}{'close step':>17}{'all':>17}  (medians, minima)")
    for row in rows:
        line = f"{row['net']:<22}{row['median']['bare_ms']:>8.1f} ms"
        for kind in ("norms", "close", "all"):
            line += f"{row['median'][kind]:>9.3f}x{row['minimum'][kind]:>6.3f}x"
        print(line)


if __name__ == "__main__":
    main()
