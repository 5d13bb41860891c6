"""How large the signal is on its way forward, and where it dies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from resnet_core.blocks import Block, EveryLayer
from resnet_core.layers import Add

from .norms import Meter
from .watch import Watch


class Signal:
    """Norms of block inputs x, of F(x) and y at the (+), and the rms of what layers put out."""

    def __init__(self, watch: Watch, labels: dict[str, list[str]]):
        self._asked, self._meter = labels, Meter()
        self.labels = labels = read_for(labels)
        self._norms: dict[tuple[str, str], torch.Tensor] = {}
        self._sizes: dict[str, int] = {}  # elements of an output, the whole batch
        module = watch.net
        for path in labels.get("act_rms", ()):
            module.get_submodule(path).register_forward_hook(self._on_output(path))
        for path in labels.get("x_norm", ()):
            module.get_submodule(path).register_forward_pre_hook(self._on_input(path))
        at_sums = {key: set(labels[key]) for key in ("f_norm", "y_norm") if key in labels}
        for path in sorted(set().union(*at_sums.values())):
            keys = [key for key, paths in at_sums.items() if path in paths]
            place = where_y_is(module.get_submodule(path))
            place.register_forward_hook(self._on_sum(path, keys))

    def _on_output(self, path: str) -> Callable:
        def after_forward(part, args, output):
            self._norms["act_rms", path] = self._meter.norm(output)
            self._sizes[path] = output.numel()

        return after_forward

    def _on_input(self, path: str) -> Callable:
        def before_forward(block, args):
            self._norms["x_norm", path] = self._meter.norm(args[0])

        return before_forward

    def _on_sum(self, path: str, keys: list[str]) -> Callable:
        def after_forward(part, args, output):
            seen = {"f_norm": args[0] if isinstance(part, Add) else output, "y_norm": output}
            for key in keys:
                self._norms[key, path] = self._meter.norm(seen[key])

        return after_forward

    def readings(self) -> torch.Tensor:
        self._meter.forget()
        return torch.stack([self._norms[k, p] for k, paths in self.labels.items() for p in paths])

    def values(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        ends = np.cumsum([len(paths) for paths in self.labels.values()])
        found = dict(zip(self.labels, np.split(numbers, ends[:-1])))
        if "act_rms" in found:
            sizes = [self._sizes[path] for path in self.labels["act_rms"]]
            found["act_rms"] = found["act_rms"] / np.sqrt(sizes)
        if "f_ratio" in self._asked:
            f, x = (dict(zip(self.labels[key], found[key])) for key in RATIO_OF)
            pairs = np.array([(f[path], x[path]) for path in self._asked["f_ratio"]])
            with np.errstate(divide="ignore", invalid="ignore"):  # behind an x of 0 there is none
                found["f_ratio"] = np.divide(*pairs.reshape(-1, 2).T)
        return {key: found[key][: len(paths)] for key, paths in self._asked.items()}


#: f_ratio is the one over the other, with no reading of its own
RATIO_OF = ("f_norm", "x_norm")


def read_for(labels: dict[str, list[str]]) -> dict[str, list[str]]:
    """What is read for the probes of `labels`: the paths of each come first."""
    read = {key: list(paths) for key, paths in labels.items() if key != "f_ratio"}
    for key in RATIO_OF if "f_ratio" in labels else ():
        read[key] = list(dict.fromkeys([*read.get(key, ()), *labels["f_ratio"]]))
    return read


def where_y_is(block: Block) -> nn.Module:
    """The module that puts out y: the (+), whose first input is F(x); in a plain block F."""
    if isinstance(block, EveryLayer):
        return getattr(block, f"add{len(block.names)}")
    if block.add is None:
        return block.residual
    return block.add if isinstance(block.add, Add) else block.add.sum


class Dead:
    """The part of a ReLU's channels that are 0 at every position of every image of the batch."""

    def __init__(self, watch: Watch, labels: dict[str, list[str]]):
        ((self._key, self._paths),) = labels.items()
        self._sums: dict[str, torch.Tensor] = {}
        for path in self._paths:
            watch.net.get_submodule(path).register_forward_hook(self._on_output(path))

    def _on_output(self, path: str) -> Callable:
        def after_forward(relu, args, output):
            # nothing is below 0, so a sum is 0 only if all is; a maximum takes 30 x as long
            everywhere = [d for d in range(output.dim()) if d != 1]
            self._sums[path] = output.detach().sum(everywhere)

        return after_forward

    def readings(self) -> torch.Tensor:
        return torch.cat([self._sums[path] for path in self._paths])

    def values(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        ends = np.cumsum([len(self._sums[path]) for path in self._paths])
        parts = np.split(numbers == 0, ends[:-1])
        return {self._key: np.array([part.mean() for part in parts])}
