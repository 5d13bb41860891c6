"""The handwritten digits that scikit-learn carries."""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from resnet_core.spec import SpecError

from .examples import Examples, split


def load_digits() -> Examples:
    """1437 + 360 images.

    The file is read where it lies in the scikit-learn package: importing that costs 0.9 s.
    """
    with gzip.open(digits_file(), "rt") as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.uint8)  # 64 pixels of 0..16, label
    return split(rows[:, :-1].reshape(-1, 1, 8, 8), rows[:, -1].astype(np.int64))


def digits_file() -> Path:
    package = find_spec("sklearn")
    if package is None:
        raise SpecError(
            "dataset",
            "the handwritten digits come with scikit-learn, which is not installed",
            "Install it: pip install scikit-learn",
        )
    return Path(package.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
