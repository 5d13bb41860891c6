"""What a set of images is: its row, and the images in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch

from resnet_core.spec import SpecError

#: images at a time when the mean is taken
CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Examples:
    """A data set in memory: images uint8 [N, C, H, W] as they are stored; labels int64 [N].

    A byte a value: as float32 the images of CIFAR-10 would fill 0.6 GB of the device.
    """

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    mean: torch.Tensor  # of the training images, float32 [C, 1, 1]
    std: torch.Tensor

    def to(self, device: str) -> Examples:
        return Examples(*(t.to(device) for t in vars(self).values()))

    def normalised(self, images: torch.Tensor) -> torch.Tensor:
        """Stored images -> float32 of mean 0 and deviation 1 in each channel."""
        mean, std = self.mean.to(images.device), self.std.to(images.device)
        return (images.to(torch.float32) - mean) / std


@dataclass(frozen=True)
class Dataset:
    """A row of DATASETS, or of images that a user added; of those that are gone little is known."""

    title: str
    source: str
    shape: tuple[int, int, int]  # C, H, W of one image as it is stored
    classes: tuple[str, ...]  # () of images that are gone
    num_train: int  # 0 of those
    num_test: int
    load: Callable[[], Examples]
    available: Callable[[], str | None] = lambda: None  # a sentence: why it is not there
    digest: str = ""  # of images that a user added; of others the program's version tells


def examples(train: tuple, test: tuple) -> Examples:
    """Of numpy images uint8 [N, C, H, W] and labels, for training and held out."""
    mean, std = (
        torch.tensor(values, dtype=torch.float32).reshape(-1, 1, 1) for values in _moments(train[0])
    )
    arrays = [np.ascontiguousarray(a) for a in (train[0], train[1], test[0], test[1])]
    return Examples(*map(torch.from_numpy, arrays), mean, std)


def _moments(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and deviation of each channel, exactly: bytes are counted, not summed up in floats."""
    counts = np.zeros((images.shape[1], 256), np.int64)
    for start in range(0, len(images), CHUNK):
        part = images[start : start + CHUNK]
        counts += [np.bincount(part[:, c].ravel(), minlength=256) for c in range(len(counts))]
    values, number = np.arange(256), counts.sum(axis=1)
    mean = counts @ values / number
    variance = counts @ values**2 / number - mean**2
    return mean.tolist(), np.sqrt(np.where(variance > 0, variance, 1)).tolist()


def held_out(labels: np.ndarray) -> np.ndarray:
    """Images that are never trained on, bool [N]: every fifth of each class, without chance."""
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[np.argsort(labels, kind="stable")[::5]] = True
    return chosen


def split(images: np.ndarray, labels: np.ndarray) -> Examples:
    """Images that come without a division of their own: see `held_out`."""
    test = held_out(labels)
    return examples((images[~test], labels[~test]), (images[test], labels[test]))


def kept(load: Callable[[], Examples]) -> Callable[[], Examples]:
    """`load`, but what it gave stays in memory until two other sets have been loaded."""
    return partial(_loaded, load)


@lru_cache(maxsize=2)
def _loaded(load: Callable[[], Examples]) -> Examples:
    return load()


def why_not(check: Callable) -> Callable[[], str | None]:
    """For `Dataset.available`: what the SpecError of `check()` says, None if it raises none."""

    def problem() -> str | None:
        try:
            check()
        except SpecError as e:
            return f"{e.problem[0].upper()}{e.problem[1:]}. {e.remedy}."
        return None

    return problem
