"""Training as it is done here against the best loop that one could write, and the usual one.

ours: resnet_core.train with all probes at their rhythm. best: images in memory and normalised once,
one gather a batch, channels_last, torch.optim.SGD on all parameters at once (fused on a GPU), the
same precision, nothing measured, nothing read. tutorial: a DataLoader that normalises image by
image, NCHW, float32, torch.optim.SGD as it comes, loss and accuracy by .item() at every step.

The loops take turns of some steps in one process: images/s from the fastest turn and from the
middle one, and the time until the mean accuracy of the last 20 training batches reaches `--reach`.
Where a run is too short for that, it begins with the rhythm of step 20: before it all probes look
at every step. On a CPU it is the process's time, so that other load hardly counts; on a GPU wall.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch
from loops import clock_of, forward, parser_of, run, wait
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from resnet_core.data import batches, dataset_row, fit
from resnet_core.presets import preset
from resnet_core.rhythm import EVERY, FIRST
from resnet_core.train import RunConfig, Trainer
from resnet_core.twins import build_pair_member, pair_of

#: net -> (data set, learning rate, steps on a CPU, steps on a GPU)
NETS = {
    "digits56": ("digits", 0.02, 120, 200),
    "resnet20": ("shapes32", 0.05, 32, 600),
    "resnet110": ("shapes32", 0.02, 12, 600),
}
SHORT = 100  # fewer steps will not reach any accuracy
LAST = 20  # batches that accuracy is the mean of
WARM_UP = 1  # turns that are not timed for images/s

Accuracies = Iterator[torch.Tensor | float]  # one for each step, of its batch


def ours(config: RunConfig) -> Accuracies:
    for record in Trainer(config, 0).records(first=0 if config.steps > SHORT else FIRST):
        yield record.scalars["accuracy"]


def best(config: RunConfig) -> Accuracies:
    examples = dataset_row(config.dataset).load().to(config.device)
    shape = pair_of(config)[0].input_shape
    images = fit(examples.normalised(examples.train_images), shape)
    net = build_pair_member(config, 0).to(config.device, memory_format=torch.channels_last)
    how = {"fused": True} if config.device.startswith("cuda") else {"foreach": True}
    decay = config.weight_decay
    optimizer = torch.optim.SGD(net.parameters(), config.lr, config.momentum, 0, decay, **how)
    for indices in batches(len(images), config.batch_size, config.seed):
        if config.device != "cpu":
            indices = indices.pin_memory().to(config.device, non_blocking=True)
        targets = examples.train_labels[indices]
        logits, loss = forward(net, images[indices], targets, config)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield (logits.detach().argmax(1) == targets).float().mean()


class OneByOne(Dataset):
    """Images that are made ready when a batch asks for them."""

    def __init__(self, config: RunConfig):
        self.examples = dataset_row(config.dataset).load()
        self.shape = pair_of(config)[0].input_shape

    def __len__(self) -> int:
        return len(self.examples.train_labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = self.examples.normalised(self.examples.train_images[index])
        return image, self.examples.train_labels[index]


def tutorial(config: RunConfig) -> Accuracies:
    loader = DataLoader(OneByOne(config), config.batch_size, shuffle=True, drop_last=True)
    net = build_pair_member(config, 0).to(config.device)
    decay = config.weight_decay
    optimizer = torch.optim.SGD(net.parameters(), config.lr, config.momentum, weight_decay=decay)
    while True:
        for images, targets in loader:
            images, targets = images.to(config.device), targets.to(config.device)
            optimizer.zero_grad()
            logits = net(images)
            loss = F.cross_entropy(logits, targets)
            loss.backward()
            optimizer.step()
            loss.item()
            yield (logits.argmax(1) == targets).float().mean().item()


LOOPS = {"best": best, "ours": ours, "tutorial": tutorial}


class Turn:
    """One loop: its seconds per turn, and when it reached the accuracy that was asked for."""

    def __init__(self, steps: Accuracies, reach: float):
        self.steps, self.reach = steps, reach
        self.laps: list[float] = []
        self.accuracies: list[float] = []
        self.reached_s: float | None = None

    def go(self, count: int, clock, device: str) -> None:
        start = clock()
        found = [next(self.steps) for _ in range(count)]
        wait(device)
        self.laps.append(clock() - start)
        self.accuracies += map(float, found)
        last = self.accuracies[-LAST:]
        if self.reached_s is None and len(last) == LAST and sum(last) / LAST >= self.reach:
            self.reached_s = sum(self.laps)


def measure(key: str, options: argparse.Namespace) -> dict:
    is_cpu = options.device == "cpu"
    clock = clock_of(options.device)
    dataset, lr, *steps = NETS[key]
    steps = options.steps or steps[0 if is_cpu else 1]
    chunk = EVERY if is_cpu else 5 * EVERY  # whole rounds of the dear probes
    config = RunConfig(
        net=preset(key),
        dataset=dataset,
        steps=steps + FIRST + 1,  # the last one, which all probes look at, is not asked for
        batch_size=options.batch,
        lr=lr,
        device=options.device,
        precision=options.precision,
    )
    turns = {name: Turn(loop(config), options.reach) for name, loop in LOOPS.items()}
    for _ in range(steps // chunk):
        for turn in turns.values():
            turn.go(chunk, clock, options.device)
    row = {"net": config.net.name, "dataset": dataset, "batch": options.batch, "steps": steps}
    for name, turn in turns.items():
        images = chunk * options.batch
        laps = turn.laps[WARM_UP:]
        row[name] = {
            "images_per_s": images / min(laps),
            "images_per_s_median": images / statistics.median(laps),
            "reached_s": turn.reached_s,
        }
    row["bound_by"] = bound_by(replace(config, steps=4))
    return row


def bound_by(config: RunConfig) -> str:
    """The three ops that take most of the best loop's time; on a GPU also how busy it is."""
    from torch.profiler import ProfilerActivity, profile

    steps, is_cuda = best(config), config.device.startswith("cuda")
    next(steps)
    kinds = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * is_cuda
    start = time.perf_counter()
    with profile(activities=kinds) as seen:
        for _ in range(2):
            next(steps)
        wait(config.device)
    wall_us = 1e6 * (time.perf_counter() - start)
    name = "self_device_time_total" if is_cuda else "self_cpu_time_total"
    ops = sorted(seen.key_averages(), key=lambda op: -getattr(op, name))
    total = sum(getattr(op, name) for op in ops)
    top = ", ".join(f"{op.key} {getattr(op, name) / total:.0%}" for op in ops[:3])
    return f"GPU busy {total / wall_us:.0%} (profiled); {top}" if is_cuda else top


def show(where: dict, rows: list[dict], reach: float) -> None:
    print(f"{where['device']}, {where['precision']}, 1 thread, torch {where['torch']}")
    for row in rows:
        print(f"{row['net']} on {row['dataset']}, batch {row['batch']}, {row['steps']} steps")
        for name in LOOPS:
            found, top = row[name], row["best"]
            ratios = [found[k] / top[k] for k in ("images_per_s", "images_per_s_median")]
            reached = found["reached_s"]
            print(
                f"  {name:<10}{found['images_per_s']:>9,.0f} images/s"
                f"  {ratios[0]:.3f} of best (medians {ratios[1]:.3f})"
                f"  accuracy {reach:g} " + (f"after {reached:.1f} s" if reached else "not reached")
            )
        print(f"  most time: {row['bound_by']}")


if __name__ == "__main__":
    parser = parser_of(__doc__, NETS, choices=NETS)
    parser.add_argument("--steps", type=int, help="of each loop; default: some per net and device")
    parser.add_argument("--reach", type=float, default=0.9, help="training accuracy")
    options = parser.parse_args()
    run("train", options, measure, partial(show, reach=options.reach))
