"""The images that runs train on, and how they are brought to the input of a net."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from ..spec import NetSpec, SpecError


@dataclass(frozen=True, eq=False)
class Examples:
    """A data set in memory: images float32 [N, C, H, W], normalised; labels int64 [N]."""

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor

    def to(self, device: str) -> Examples:
        return Examples(*(t.to(device) for t in vars(self).values()))


@dataclass(frozen=True)
class Dataset:
    """A row of DATASETS."""

    title: str
    source: str
    shape: tuple[int, int, int]  # C, H, W of one image as it is stored
    classes: tuple[str, ...]
    num_train: int
    num_test: int
    load: Callable[[], Examples]


@lru_cache(maxsize=1)
def load_digits() -> Examples:
    """Every fifth image of each class is held out: no chance involved, 1437 + 360 images.

    The file is read where it lies in the scikit-learn package: importing that costs 0.9 s.
    """
    with gzip.open(_digits_file(), "rt") as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.float32)  # 64 pixels of 0..16, label
    images, labels = rows[:, :-1].reshape(-1, 1, 8, 8), rows[:, -1].astype(np.int64)
    by_class = np.argsort(labels, kind="stable")
    held_out = np.zeros(len(rows), dtype=bool)
    held_out[by_class[::5]] = True
    seen = images[~held_out]
    images = (images - seen.mean()) / seen.std()
    parts = images[~held_out], labels[~held_out], images[held_out], labels[held_out]
    return Examples(*map(torch.from_numpy, parts))


def _digits_file() -> Path:
    package = find_spec("sklearn")
    if package is None:
        raise SpecError(
            "dataset",
            "the handwritten digits come with scikit-learn, which is not installed",
            "Install it: pip install scikit-learn",
        )
    return Path(package.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")


def dataset_row(key: str) -> Dataset:
    """The row of DATASETS, or a SpecError that lists the keys."""
    if key not in DATASETS:
        raise SpecError("dataset", f"there is no {key!r:.60}", f"Use one of {', '.join(DATASETS)}")
    return DATASETS[key]


def adapt_spec(net: NetSpec, dataset: str) -> NetSpec:
    """The net that trains: its head has one output per class. Images adapt to its input."""
    return replace(net, num_classes=len(dataset_row(dataset).classes))


def adaptations(net: NetSpec, dataset: str) -> list[str]:
    """What must change before `net` can train on the data, in plain words; [] if nothing."""
    row = dataset_row(dataset)
    (from_channels, *from_size), (channels, *size) = row.shape, net.input_shape
    changes = []
    if size != from_size:
        shown = ["×".join(map(str, hw)) for hw in (from_size, size)]
        changes.append(f"images resized from {shown[0]} to {shown[1]} (bilinear)")
    if channels != from_channels:
        plural = "" if from_channels == 1 else "s"
        changes.append(f"{from_channels} channel{plural} repeated to {channels}")
    if net.num_classes != len(row.classes):
        changes.append(f"head has {len(row.classes)} outputs instead of {net.num_classes}")
    return changes


def fit(images: torch.Tensor, input_shape: tuple[int, int, int]) -> torch.Tensor:
    """One batch as the net takes it: resized, channels repeated in turn, channels_last.

    Batch by batch: the whole set at 224×224 would fill 0.9 GB.
    """
    channels, *size = input_shape
    if list(images.shape[2:]) != size:
        images = F.interpolate(images, size, mode="bilinear", align_corners=False)
    if images.shape[1] != channels:
        turns = torch.arange(channels, device=images.device) % images.shape[1]
        images = images[:, turns]
    return images.contiguous(memory_format=torch.channels_last)


def batches(num_examples: int, batch_size: int, seed: int) -> Iterator[torch.Tensor]:
    """Endless batches of indices, int64 [batch_size]; a new permutation for every epoch.

    Its own generator: the plan depends on these three numbers alone, never on the model. What
    does not fill a batch is left for the next permutation, so that all batches weigh the same.
    """
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(num_examples, generator=generator)
        yield from order[: num_examples - num_examples % batch_size].split(batch_size)


#: To add one: a row whose `load` gives normalised images in memory.
DATASETS = {
    "digits": Dataset(
        title="Handwritten digits, 8×8",
        source="UCI optical recognition of handwritten digits, as scikit-learn ships its test half",
        shape=(1, 8, 8),
        classes=tuple("0123456789"),
        num_train=1437,
        num_test=360,
        load=load_digits,
    ),
}
#: how training images are varied from step to step
AUGMENTATIONS = {"none": "as they are"}
