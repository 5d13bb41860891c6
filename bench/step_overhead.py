"""A recorded training step against a bare one of the same net: what measuring costs.

bare: forward, loss, backward, update, loss.item(). norms: the probes of every step. close: a step
at which the dear ones look, too. all: both at their own rhythm, over the default run of 120 steps.
As others measure: histograms of each parameter's gradient, as TensorBoard makes them at every step
(its bins, without writing a file); its norm by .item(), one parameter after the other.

All take turns on the same weights in one process with one thread. On a CPU the time is that of the
process, so that other load hardly counts; else it is wall, to the end of each step. `again` is a
second bare step: how far its ratio is from 1 is what the others may be off.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import numpy as np
import torch
from loops import clock_of, forward, parser_of, run, wait

from resnet_core.data import batches
from resnet_core.presets import preset
from resnet_core.rhythm import EVERY, FIRST, is_dear
from resnet_core.train import RunConfig, Trainer

NETS = ("digits56", "resnet20", "resnet110")
WARM_UP = 2  # rounds that are not counted
RUN = 120  # steps of the default run
#: those of torch.utils.tensorboard: 1.1 to the power of n, both signs
POSITIVE = 1e-12 * 1.1 ** np.arange(np.log(1e32) / np.log(1.1))
BINS = np.concatenate([-POSITIVE[::-1], [0.0], POSITIVE])


class Turns:
    """Steps of each kind, on the weights of one trainer."""

    def __init__(self, config: RunConfig):
        self.trainer = Trainer(config, 0)
        self.recorded = self.trainer.records(first=FIRST)
        self.module = self.trainer.module  # without hooks: each watch has a copy of its own
        self.plan = batches(len(self.trainer.examples.train_images), config.batch_size, 1)

    def bare(self, measure: Callable = lambda grads: None) -> None:
        """The loop that one would write, and what is measured of the gradients in it."""
        trainer, config = self.trainer, self.trainer.config
        images, targets = trainer.batch(next(self.plan))
        _, loss = forward(self.module, images, targets, config)
        grads = torch.autograd.grad(loss, trainer.optimizer.params)
        measure(grads)
        trainer.optimizer.step(grads, config.lr)
        loss.item()

    def round(self) -> list[tuple[str, Callable]]:
        """Steps in turn: one with the dear probes, the others up to the next, and as many bare."""
        kinds = [
            ("close" if i == 0 else "norms", lambda: next(self.recorded)) for i in range(EVERY)
        ]
        steps = [step for kind in kinds for step in (("bare", self.bare), kind)]
        return [
            *steps,
            ("again", self.bare),
            ("histograms", lambda: self.bare(histograms)),
            ("items", lambda: self.bare(items)),
        ]


def histograms(grads: tuple[torch.Tensor, ...]) -> list:
    return [np.histogram(grad.cpu().numpy().astype(float), bins=BINS) for grad in grads]


def items(grads: tuple[torch.Tensor, ...]) -> list[float]:
    return [grad.norm().item() for grad in grads]


def measure(key: str, options: argparse.Namespace) -> dict:
    device = options.device
    clock = clock_of(device)
    config = RunConfig(
        net=preset(key),
        steps=FIRST + EVERY * (WARM_UP + options.rounds) + 1,
        batch_size=options.batch,
        device=device,
        precision=options.precision,
        lr=1e-4,
    )
    turns, times = Turns(config), {}
    for number in range(WARM_UP + options.rounds):
        for kind, step in turns.round():
            wait(device)
            start = clock()
            step()
            wait(device)
            if number >= WARM_UP:
                times.setdefault(kind, []).append(1000 * (clock() - start))
    row = {"net": config.net.name, "batch": options.batch, "rounds": options.rounds}
    for what, pick in (("median", statistics.median), ("minimum", min)):
        ms = {kind: pick(laps) for kind, laps in times.items()}
        share = sum(is_dear(step, RUN) for step in range(RUN)) / RUN
        ratios = {kind: ms[kind] / ms["bare"] for kind in ms if kind != "bare"}
        ratios["all"] = share * ratios["close"] + (1 - share) * ratios["norms"]
        row[what] = {"bare_ms": ms["bare"], **ratios}
    return row


def show(where: dict, rows: list[dict]) -> None:
    print(f"{where['device']}, {where['precision']}, torch {where['torch']}; medians, minima")
    kinds = ("again", "norms", "close", "all", "items", "histograms")
    print(f"{'net':<22}{'bare':>11}" + "".join(f"{kind:>15}" for kind in kinds))
    for row in rows:
        line = f"{row['net']:<22}{row['minimum']['bare_ms']:>8.1f} ms"
        for kind in kinds:
            line += f"{row['median'][kind]:>8.3f}{row['minimum'][kind]:>7.3f}"
        print(line)


if __name__ == "__main__":
    parser = parser_of(__doc__, NETS)
    parser.add_argument("--rounds", type=int, default=6, help="counted rounds of 4 recorded steps")
    run("step_overhead", parser.parse_args(), measure, show)
