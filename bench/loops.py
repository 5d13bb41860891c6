"""What the benchmarks of training loops share: options, clock, the forward pass, and the output."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import nn
from torch.nn import functional as F

from resnet_core.devices import computing_in
from resnet_core.train import RunConfig, describe


def parser_of(
    doc: str, nets: Iterable[str], choices: Iterable[str] | None = None
) -> argparse.ArgumentParser:
    """With the options that all have. `nets` are names of presets; `choices` None allows any."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--device", default="cpu", help="cpu, cuda:0, mps")
    parser.add_argument("--precision", default="float32", help="float32, tf32, mixed")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument(
        "--nets", nargs="+", default=list(nets), choices=choices, help="names of presets"
    )
    return parser


def clock_of(device: str) -> Callable[[], float]:
    """On a CPU the process's time, so that other load hardly counts; elsewhere wall."""
    return time.process_time if device == "cpu" else time.perf_counter


def wait(device: str) -> None:
    """Until all that a GPU was asked for is done."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def forward(
    net: nn.Module, images: torch.Tensor, targets: torch.Tensor, config: RunConfig
) -> tuple[torch.Tensor, torch.Tensor]:
    """(logits, loss) in the precision of the run, with nothing measured."""
    with computing_in(config.precision, config.device):
        logits = net(images)
    return logits, F.cross_entropy(logits.float(), targets)


def run(bench: str, options: argparse.Namespace, measure: Callable, show: Callable) -> None:
    """Prints one JSON object, or what `show(where, rows)` does: a row of `measure` for each net."""
    torch.set_num_threads(1)
    torch.optim.SGD([torch.zeros(1)])  # its first import takes a second that is nobody's
    rows = [measure(key, options) for key in options.nets]
    where = describe(options.device, options.precision)
    if options.json:
        print(json.dumps({"bench": bench, **where, "rows": rows}))
    else:
        show(where, rows)
