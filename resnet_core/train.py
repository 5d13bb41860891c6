"""RunConfig -> Records: the training loop that the worker, the tests and the benchmarks all use."""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from collections.abc import Iterator, Sequence
from zlib import crc32

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .causes import Facts, likely_cause
from .data import augment, batches, dataset_row, fit
from .devices import available_devices, widest_float
from .divergence import first_nonfinite_output
from .layers import StochasticDepth
from .optimizers import OPTIMIZERS
from .probes import PROBES, Watch, instruments, labels
from .probes.norms import grouped_norms
from .record import Diverged, Record
from .rhythm import is_dear, is_probed
from .run_config import RunConfig
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
    "use_one_thread",
]


#: layers that draw random numbers in training
DRAWING = (nn.Dropout, StochasticDepth)
SEED_STRIDE = 2**31  # more than the largest seed: no two steps of any two runs share theirs
MEMORY = 20  # records that are kept to tell why a net diverged


class Trainer:
    """One net of a run, on its device. A pair is two of these, in one process or in two.

    The caller sets the number of threads.
    """

    def __init__(self, config: RunConfig, model: int, probes: Sequence[str] = tuple(PROBES)):
        settle()
        self.config, self.model = config, model
        self.net = pair_of(config)[model]
        self.module = build_pair_member(config, model).to(
            config.device, memory_format=torch.channels_last
        )
        self.draws = any(isinstance(m, DRAWING) for m in self.module.modules())
        self.examples = dataset_row(config.dataset).load().to(config.device)
        make = OPTIMIZERS[config.optimizer].make
        self.optimizer = make(self.module.parameters(), config.momentum, config.weight_decay)
        self.watch = Watch(self.module, self.optimizer)
        self.labels = {key: PROBES[key].paths(self.module) for key in probes}
        self.labels = {key: paths for key, paths in self.labels.items() if paths}
        self.instruments = instruments(self.watch, self.labels)
        self.changes = list(config.lr_changes)
        self.next_step = 0  # the first one whose learning rate can still be changed
        self.diverged: Diverged | None = None
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

        `first`: begins with the rhythm of that step, for who measures time and not the net.
        """
        config = self.config
        plan = batches(len(self.examples.train_images), config.batch_size, config.seed)
        for step, indices in zip(range(first, config.steps), plan):
            images, targets = self.batch(indices)
            # what the record says of the update has to hold
            lr = self.watch.lr = self.lr_at(step)
            self.next_step = step + 1
            yield (record := self._measure(step, images, targets, indices))
            if not record.is_finite:
                self.diverged = self._explain(record, images)
                yield self.diverged
                return
            self._remember(record)
            self.optimizer.update(lr)

    def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Training images and labels at `indices`, as the net takes them."""
        known, config = self.examples, self.config
        here = indices.to(config.device)
        images = augment(known.train_images[here], config.augment, config.seed, indices)
        return fit(known.normalised(images), self.net.input_shape), known.train_labels[here]

    def held_out(self) -> float:
        """Accuracy [0..1] on images that were never trained on; NaN for a net that diverged."""
        return math.nan if self.diverged else evaluate(self.module, self.config)

    def _measure(self, step, images, targets, indices) -> Record:
        """A step up to its update: the optimizer has the gradient, the weights are as before."""
        config, watch = self.config, self.watch
        if self.draws:  # by the step alone: whoever else draws in this process changes nothing
            torch.manual_seed(config.seed + SEED_STRIDE * (step + 1))
        watch.looks, dear = is_probed(step, config.steps), is_dear(step, config.steps)
        asked = [i for i in self.instruments if watch.looks and (dear or i.looks_always)]
        watch.looks_closely = dear
        logits = self.module(images)
        watch.looks = False
        loss = F.cross_entropy(logits, targets, label_smoothing=config.label_smoothing)
        grads = torch.autograd.grad(loss, self.optimizer.params)
        wide = widest_float(config.device)
        accuracy = (logits.detach().argmax(1) == targets).to(wide).mean()
        watch.grad_norms = grouped_norms(grads).to(wide)
        norm = torch.linalg.vector_norm(watch.grad_norms)
        self.optimizer.gather(grads if config.clip is None else clipped(grads, norm, config.clip))
        parts = [torch.stack([loss.detach().to(wide), accuracy, norm])]
        parts += [instrument.readings().to(wide) for instrument in asked]
        # one copy per step: on a GPU each one waits for the device
        numbers = torch.cat(parts).cpu().numpy().astype(np.float64)
        (loss, accuracy, norm), *numbers = np.split(
            numbers, np.cumsum([len(p) for p in parts])[:-1]
        )
        found = {k: v for i, part in zip(asked, numbers) for k, v in i.values(part).items()}
        with np.errstate(over="ignore"):  # a ratio may well be beyond float32
            per_op = {key: found[key].astype(np.float32) for key in self.labels if key in found}
        watch.looks_closely = False
        scalars = {"loss": float(loss), "accuracy": float(accuracy)}
        scalars |= {"lr": watch.lr, "grad_norm": float(norm)}
        return Record(self.model, step, scalars, per_op, crc32(indices.numpy().tobytes()))

    def _remember(self, record: Record) -> None:
        """What a net did before it diverged says why."""
        self._first = self._first or record
        self._recent.append(record)

    def _explain(self, record: Record, images: torch.Tensor) -> Diverged:
        """Where it began: the weights are still those of the record, so the forward pass is too."""
        path, what = first_nonfinite_output(self.module, images), "output"
        if path is None and not math.isfinite(record.scalars["loss"]):
            path, what = "loss", "loss"
        elif path is None:  # the backward pass runs from the loss: its first is the last in order
            path, what = self._first_bad_gradient(), "gradient"
        facts = Facts(
            config=self.config,
            net=self.net,
            labels=self.labels,
            changes=tuple(self.changes),
            images_are_finite=bool(images.isfinite().all()),
            first=self._first or record,
            recent=(*self._recent, record),
            path=path,
            what=what,
        )
        return Diverged(self.model, record.step, path, what, likely_cause(facts))

    def _first_bad_gradient(self) -> str:
        """The path of the layer where the backward pass met it; else of the largest gradient."""
        norms = self.watch.grad_norms.cpu().numpy()
        names = [name for name, _ in self.module.named_parameters()]
        bad = np.flatnonzero(~np.isfinite(norms))
        return names[bad[-1] if len(bad) else norms.argmax()].rpartition(".")[0]


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
        right += (module(images).argmax(1).cpu() == targets).sum().item()
    module.train()
    return right / len(examples.test_labels)


def clipped(grads: Sequence[torch.Tensor], norm: torch.Tensor, most: float) -> list[torch.Tensor]:
    """The gradients, made smaller if their L2 norm is more than `most`, as torch does it."""
    factor = (most / (norm + 1e-6)).clamp(max=1.0)
    return torch._foreach_mul(grads, factor.to(grads[0].dtype))


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
