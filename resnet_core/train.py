"""RunConfig -> Records: the training loop that the worker, the tests and the benchmarks all use."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from zlib import crc32

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .data import batches, dataset_row, fit
from .devices import available_devices, widest_float
from .divergence import first_nonfinite_output
from .layers import StochasticDepth
from .optimizers import SGD
from .probes import PROBES, Watch, instruments, is_dear, labels
from .ranges import RANGES
from .record import Diverged, Record
from .run_config import RunConfig
from .twins import build_pair_member, pair_fingerprints, pair_of

__all__ = [
    "Diverged",
    "Record",
    "RunConfig",
    "Trainer",
    "available_devices",
    "describe",
    "evaluate",
    "labels",
    "train",
    "use_one_thread",
]


#: layers that draw random numbers in training
DRAWING = (nn.Dropout, StochasticDepth)
SEED_STRIDE = 2**31  # more than the largest seed: no two steps of any two runs share theirs


class Trainer:
    """One net of a run, on its device. A pair is two of these, in one process or in two.

    `lr` may be changed between two records; the caller sets the number of threads.
    """

    def __init__(self, config: RunConfig, model: int, probes: Sequence[str] = tuple(PROBES)):
        settle()
        self.config, self.model, self.lr = config, model, config.lr
        self.net = pair_of(config)[model]
        self.module = build_pair_member(config, model).to(
            config.device, memory_format=torch.channels_last
        )
        self.draws = any(isinstance(m, DRAWING) for m in self.module.modules())
        self.examples = dataset_row(config.dataset).load().to(config.device)
        self.optimizer = SGD(self.module.parameters(), config.momentum, config.weight_decay)
        self.watch = Watch(self.module, self.optimizer)
        self.labels = {key: PROBES[key].paths(self.module) for key in probes}
        self.labels = {key: paths for key, paths in self.labels.items() if paths}
        self.instruments = instruments(self.watch, self.labels)
        self.diverged: Diverged | None = None

    def fingerprints(self) -> dict[str, str]:
        """state_dict name -> SHA-256, of the weights as they are now; see proof.compare."""
        return pair_fingerprints(self.config, self.model, self.module)

    def records(self) -> Iterator[Record | Diverged]:
        """One Record per step, each before its update; a Diverged after the last if it ends so.

        With a time budget it goes on, to the most steps there may be, until the caller has enough.
        """
        size, seed = self.config.batch_size, self.config.seed
        plan = batches(len(self.examples.train_images), size, seed)
        budget = self.config.seconds is not None
        steps = RANGES["steps"][2] if budget else self.config.steps
        for step, indices in enumerate(islice(plan, steps)):
            images, targets = self.batch(indices)
            lr = self.watch.lr = self.lr  # what the record says of the update has to hold
            dear = is_dear(step, None if budget else steps - 1)
            yield (record := self._measure(step, images, targets, dear, indices))
            if not record.is_finite:
                self.diverged = self._explain(record, images)
                yield self.diverged
                return
            self.optimizer.update(lr)

    def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Training images and labels at `indices`, as the net takes them."""
        indices = indices.to(self.config.device)
        images = fit(self.examples.train_images[indices], self.net.input_shape)
        return images, self.examples.train_labels[indices]

    def held_out(self) -> float:
        """Accuracy [0..1] on images that were never trained on; NaN for a net that diverged."""
        return math.nan if self.diverged else evaluate(self.module, self.config)

    def _measure(self, step, images, targets, dear, indices) -> Record:
        """A step up to its update: the velocities have the gradient in them, the weights do not."""
        if self.draws:  # by the step alone: whoever else draws in this process changes nothing
            torch.manual_seed(self.config.seed + SEED_STRIDE * (step + 1))
        self.watch.looks, self.watch.looks_closely = True, dear
        logits = self.module(images)
        self.watch.looks = False
        loss = F.cross_entropy(logits, targets)
        grads = torch.autograd.grad(loss, self.optimizer.params)
        self.optimizer.gather(grads)
        wide = widest_float(self.config.device)
        accuracy = (logits.detach().argmax(1) == targets).to(wide).mean()
        asked = [i for i in self.instruments if dear or i.looks_always]
        parts = [torch.stack([loss.detach().to(wide), accuracy])]
        parts += [instrument.readings(grads).to(wide) for instrument in asked]
        # one copy per step: on a GPU each one waits for the device
        numbers = torch.cat(parts).cpu().numpy().astype(np.float64)
        (loss, accuracy), *numbers = np.split(numbers, np.cumsum([len(p) for p in parts])[:-1])
        found = {k: v for i, part in zip(asked, numbers) for k, v in i.values(part).items()}
        per_op = {key: found[key].astype(np.float32) for key in self.labels if key in found}
        self.watch.looks_closely = False
        scalars = {"loss": float(loss), "accuracy": float(accuracy)}
        return Record(self.model, step, scalars, per_op, crc32(indices.numpy().tobytes()))

    def _explain(self, record: Record, images: torch.Tensor) -> Diverged:
        """Where it began: the weights are still those of the record, so the forward pass is too."""
        path, what = first_nonfinite_output(self.module, images), "output"
        if path is None and not math.isfinite(record.scalars["loss"]):
            path, what = "loss", "loss"
        elif path is None:  # the backward pass runs from the loss: its first is the last in order
            bad = np.flatnonzero(~np.isfinite(record.per_op["weight_grad"]))
            path, what = self.labels["weight_grad"][bad[-1]], "gradient"
        return Diverged(self.model, record.step, path, what)


def train(config: RunConfig, model: int) -> Iterator[Record | Diverged]:
    """The net (model 0) or its twin (1). Equal configs give equal records, on CPU bit for bit."""
    yield from Trainer(config, model).records()


@torch.no_grad()
def evaluate(module: nn.Module, config: RunConfig) -> float:
    """Held-out accuracy [0..1], batch norm with its running statistics; back to training mode."""
    examples = dataset_row(config.dataset).load()
    parts = zip(*(t.split(config.batch_size) for t in (examples.test_images, examples.test_labels)))
    module.eval()
    right = 0
    for images, targets in parts:
        images = fit(images.to(config.device), config.net.input_shape)
        right += (module(images).argmax(1).cpu() == targets).sum().item()
    module.train()
    return right / len(examples.test_labels)


def settle() -> None:
    """What makes runs fast and repeatable, for the calling thread and its process."""
    # a vanishing net's denormals would make it 3.6 x slower than its twin
    torch.set_flush_denormal(True)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False  # "float32" on the screen means float32


def use_one_thread() -> None:
    """For a process that trains one net beside another: the two share the cores."""
    torch.set_num_threads(1)


def describe(device: str) -> dict[str, object]:
    """What the records depend on beside the config; see runs.run.Resolved."""
    name = dict(available_devices()).get(device, device)
    return {"threads": torch.get_num_threads(), "torch": str(torch.__version__), "device": name}
