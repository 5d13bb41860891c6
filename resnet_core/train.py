"""RunConfig -> Records: the training loop that the worker, the tests and the benchmarks all use."""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from zlib import crc32

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .causes import Facts, likely_cause
from .data import augment, batches, dataset_row, fit
from .devices import (
    available_devices,
    check_device,
    computing_in,
    describe,
    settle,
    use_threads,
    widest_float,
)
from .divergence import first_nonfinite_output
from .fast_paths import FAST_PATHS
from .layers import StochasticDepth
from .optimizers import OPTIMIZERS
from .probes import PROBES, Watch, labels, watched
from .probes.norms import grouped_norms
from .readback import Arriving, lag, sender
from .record import AT_EVERY_STEP, Diverged, Record
from .rhythm import is_dear, is_probed
from .run_config import RunConfig, check_batch
from .schedules import lr_at
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
    "use_threads",
]


#: layers that draw random numbers in training
DRAWING = (nn.Dropout, StochasticDepth)
MEMORY = 20  # records that are kept to tell why a net diverged


class Trainer:
    """One net of a run, on its device. A pair is two of these, in one process or in two.

    The caller sets the number of threads.
    """

    def __init__(self, config: RunConfig, model: int, probes: Sequence[str] = tuple(PROBES)):
        check_device(config.device, config.precision, config.fast_path)
        check_batch(config)
        settle(config.precision)
        self.config, self.model = config, model
        self.net = pair_of(config)[model]
        self.module = build_pair_member(config, model).to(
            config.device, memory_format=torch.channels_last
        )
        self.draws = any(isinstance(m, DRAWING) for m in self.module.modules())
        self.examples = dataset_row(config.dataset).load().to(config.device)
        make = OPTIMIZERS[config.optimizer].make
        self.optimizer = make(self.module.parameters(), config.momentum, config.weight_decay)
        self.fast = FAST_PATHS[config.fast_path].prepare(self.module)
        self.labels = {key: PROBES[key].paths(self.module) for key in probes}
        self.labels = {key: paths for key, paths in self.labels.items() if paths}
        self.lag, self._send = lag(config.device), sender(config.device)
        self.changes = list(config.lr_changes)
        self.total = config.steps  # may become less while it trains
        self.next_step = 0  # the first one whose learning rate can still be changed
        self.diverged: Diverged | None = None
        self._before: list[torch.Tensor] = []  # the weights, of a step whose record is awaited
        self._first: Record | None = None
        self._recent: deque[Record] = deque(maxlen=MEMORY)

    def fingerprints(self) -> dict[str, str]:
        """state_dict name -> SHA-256, of the weights as they are now; see proof.compare."""
        return pair_fingerprints(self.config, self.model, self.module)

    def change_lr(self, step: int, lr: float) -> None:
        """From `step` on another peak, as if config.lr_changes had it; not before `next_step`."""
        if step < self.next_step:
            raise ValueError(f"step {step} has begun: the next one is {self.next_step}")
        self.changes = [(s, peak) for s, peak in self.changes if s != step]
        insort(self.changes, (step, lr))

    def lr_at(self, step: int) -> float:
        """Of this step's update."""
        c = self.config
        rhythm = {"steps": c.steps, "schedule": c.schedule, "warmup": c.warmup}
        return lr_at(step, lr=c.lr, changes=self.changes, **rhythm)

    def records(self, first: int = 0) -> Iterator[Record | Diverged]:
        """config.steps Records, each before its update; a Diverged after the last if it ends so.

        With a lag, a record is read when the device has the next step to do. The update in
        between is taken back if it should not have been made, so that the end is the same.
        `total` may become less, but not than `next_step`, which is the first that has not begun.
        `first`: begins with the rhythm of that step, for who measures time and not the net.
        """
        config, under_way, watch_at = self.config, deque(), self._watches()
        plan = batches(len(self.examples.train_images), config.batch_size, config.seed)
        for step, indices in zip(range(first, config.steps), plan):
            if step >= self.total:
                break
            watch = watch_at(step)
            under_way.append(self._measure(watch, step, indices))
            self.next_step = step + 1
            if len(under_way) > self.lag:
                yield from self._read(under_way.popleft())
            if self.diverged:
                return
            if self.lag:
                self._keep_weights()
            self.optimizer.update(watch.lr)
        for measured in under_way:
            if measured.step < self.total:
                yield from self._read(measured)

    def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Training images and labels at `indices`, as the net takes them."""
        known, config = self.examples, self.config
        pinned = indices.pin_memory() if config.device.startswith("cuda") else indices
        here = pinned.to(config.device, non_blocking=True)  # else the host would wait
        images = augment(known.train_images[here], config.augment, config.seed, indices)
        return fit(known.normalised(images), self.net.input_shape), known.train_labels[here]

    def held_out(self) -> float:
        """Accuracy [0..1] on images that were never trained on; NaN for a net that diverged."""
        return math.nan if self.diverged else evaluate(self.module, self.config)

    def _watches(self) -> Callable[[int], Watch]:
        """step -> the net as the probes of that step see it, on the same weights."""

        @cache
        def watch_for(probes: tuple[str, ...]) -> Watch:
            """Made when it is first needed: it takes as long as to build the net."""
            if not probes:
                return Watch(self.fast or self.module, self.optimizer)
            labels = {key: paths for key, paths in self.labels.items() if key in probes}
            return watched(self.module, self.optimizer, labels)

        def watch_at(step: int) -> Watch:
            if not is_probed(step, self.config.steps, self.config.fast_path):
                return watch_for(())
            is_close = is_dear(step, self.config.steps)
            return watch_for(tuple(PROBES) if is_close else AT_EVERY_STEP)

        return watch_at

    def _measure(self, watch: Watch, step: int, indices: torch.Tensor) -> Measured:
        """A step up to its update: the optimizer has the gradient, the weights are as before."""
        config = self.config
        images, targets = self.batch(indices)
        watch.lr = self.lr_at(step)
        logits = self._forward(watch.net, step, images)
        loss = F.cross_entropy(logits, targets, label_smoothing=config.label_smoothing)
        grads = torch.autograd.grad(loss, self.optimizer.params)
        wide = widest_float(config.device)
        accuracy = (logits.detach().argmax(1) == targets).to(wide).mean()
        watch.grad_norms = grouped_norms(grads).to(wide)
        norm = torch.linalg.vector_norm(watch.grad_norms)
        self.optimizer.gather(grads if config.clip is None else clipped(grads, norm, config.clip))
        parts = [torch.stack([loss.detach().to(wide), accuracy, norm])]
        parts += [readings.to(wide) for readings in watch.readings()]
        return Measured(
            step=step,
            lr=watch.lr,
            images=images,
            crc=crc32(indices.numpy().tobytes()),
            grad_norms=watch.grad_norms,
            asked=watch.instruments,
            sizes=[len(part) for part in parts],
            numbers=self._send(torch.cat(parts)),  # one copy per step
        )

    @torch.no_grad()
    def _keep_weights(self) -> None:
        """Of the step whose record is awaited, in the same memory every time."""
        if not self._before:
            self._before = [torch.empty_like(p) for p in self.optimizer.params]
        torch._foreach_copy_(self._before, self.optimizer.params)

    def _forward(self, net: Callable, step: int, images: torch.Tensor) -> torch.Tensor:
        """Logits [B, classes]; what it draws depends on the step alone."""
        if self.draws:  # whoever else draws in this process changes nothing
            torch.manual_seed(draw_seed(self.config.seed, step))
        with computing_in(self.config.precision, self.config.device):
            logits = net(images)
        return logits.float() if logits.dtype == torch.bfloat16 else logits

    def _read(self, measured: Measured) -> Iterator[Record | Diverged]:
        """The record, and behind one that is not finite what it means."""
        numbers = np.split(measured.numbers(), np.cumsum(measured.sizes)[:-1])
        found = {}
        for instrument, part in zip(measured.asked, numbers[1:]):
            found |= instrument.values(part)
        with np.errstate(over="ignore"):  # a ratio may well be beyond float32
            per_op = {key: found[key].astype(np.float32) for key in self.labels if key in found}
        loss, accuracy, norm = map(float, numbers[0])
        scalars = {"loss": loss, "accuracy": accuracy, "lr": measured.lr, "grad_norm": norm}
        yield (record := Record(self.model, measured.step, scalars, per_op, measured.crc))
        if record.is_finite:
            self._first = self._first or record
            self._recent.append(record)
        else:
            self.diverged = self._explain(record, measured)
            yield self.diverged

    @torch.no_grad()
    def _explain(self, record: Record, measured: Measured) -> Diverged:
        """Where it began: with the weights of the record, so that the forward pass is the same."""
        if self.lag:
            torch._foreach_copy_(self.optimizer.params, self._before)
        again = partial(self._forward, self.module, record.step, measured.images)
        path, what = first_nonfinite_output(self.module, again), "output"
        if path is None and not math.isfinite(record.scalars["loss"]):
            path, what = "loss", "loss"
        elif path is None:  # the backward pass runs from the loss: its first is the last in order
            path, what = self._first_bad_gradient(measured.grad_norms.cpu().numpy()), "gradient"
        facts = Facts(
            config=self.config,
            net=self.net,
            labels=self.labels,
            changes=tuple(self.changes),
            images_are_finite=bool(measured.images.isfinite().all()),
            first=self._first or record,
            recent=(*self._recent, record),
            path=path,
            what=what,
        )
        return Diverged(self.model, record.step, path, what, likely_cause(facts))

    def _first_bad_gradient(self, norms: np.ndarray) -> str:
        """The path of the layer where the backward pass met it; else of the largest gradient."""
        names = [name for name, _ in self.module.named_parameters()]
        bad = np.flatnonzero(~np.isfinite(norms))
        return names[bad[-1] if len(bad) else norms.argmax()].rpartition(".")[0]


@dataclass(frozen=True)
class Measured:
    """A step up to its update; its numbers may still be on their way from the device."""

    step: int
    lr: float
    images: torch.Tensor
    crc: int
    grad_norms: torch.Tensor  # of each parameter
    asked: list  # the instruments that looked
    sizes: list[int]  # of their parts of the numbers, behind loss, accuracy and norm
    numbers: Arriving


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
        images = fit(examples.normalised(images.to(config.device)), config.net.input_shape)
        with computing_in(config.precision, config.device):
            right += (module(images).argmax(1).cpu() == targets).sum().item()
    module.train()
    return right / len(examples.test_labels)


def draw_seed(seed: int, step: int) -> int:
    """32 bits, all that torch's generator on the CPU takes of a seed; another for every step."""
    return crc32(f"{seed} {step}".encode())


def clipped(grads: Sequence[torch.Tensor], norm: torch.Tensor, most: float) -> list[torch.Tensor]:
    """The gradients, made smaller if their L2 norm is more than `most`, as torch does it."""
    factor = (most / (norm + 1e-6)).clamp(max=1.0)
    return torch._foreach_mul(grads, factor.to(grads[0].dtype))
