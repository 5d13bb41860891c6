"""A set of images in one file: .npz without pickle, written whole or not at all."""

from __future__ import annotations

import json
import tempfile
import tokenize
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from resnet_core.spec import SpecError
from resnet_core.zips import NO_ZIP

from .examples import Examples

#: what cannot be read is one of these; numpy takes what is no zip for a pickle and refuses it
BROKEN = (*NO_ZIP, OSError, KeyError, TypeError, AttributeError, MemoryError, tokenize.TokenError)


@dataclass(frozen=True)
class Head:
    """What is known of a set before its images are read."""

    title: str
    source: str
    shape: tuple[int, int, int]  # C, H, W
    classes: tuple[str, ...]
    num_train: int
    num_test: int
    digest: str = ""  # of images and labels: tells them from others that had the same name


def write(path: Path, examples: Examples, title: str, source: str, classes: tuple) -> None:
    """Atomic: whoever reads at the same time finds the whole file, or none."""
    try:
        _write(path, examples, title, source, classes)
    except OSError as e:
        problem = f"{path.parent} takes no images: {e.strerror or e}"
        raise SpecError("dataset", problem, "Check its rights and the room on the disk") from e


def _write(path: Path, examples: Examples, title: str, source: str, classes: tuple) -> None:
    train, test = examples.train_images, examples.test_images
    arrays = {name: tensor.numpy() for name, tensor in vars(examples).items()}
    sizes = tuple(train.shape[1:]), classes, len(train), len(test)
    head = Head(title, source, *sizes, digest_of(arrays))
    arrays["head"] = np.frombuffer(json.dumps(asdict(head)).encode(), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        try:
            np.savez(file, **arrays)
            file.close()
            Path(file.name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(file.name).unlink()
            raise


def digest_of(arrays: dict[str, np.ndarray]) -> str:
    """12 hex digits."""
    found = sha256()
    for name in sorted(arrays):
        found.update(np.ascontiguousarray(arrays[name]).data)
    return found.hexdigest()[:12]


def head(path: Path) -> Head:
    """In about a millisecond. Raises SpecError if the file is damaged or gone."""
    with _opened(path) as file:
        data = json.loads(file["head"].tobytes())
        shape, classes = tuple(data.pop("shape")), tuple(data.pop("classes"))
        return Head(**data, shape=shape, classes=classes)


def read(path: Path) -> Examples:
    with _opened(path) as file:
        return Examples(**{name: torch.from_numpy(file[name]) for name in file if name != "head"})


class _opened:
    """The arrays in the file; whatever is wrong with it is a SpecError."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self):
        try:
            self.file = np.load(self.path, allow_pickle=False)
        except BROKEN as e:
            raise self._refusal() from e
        return self.file

    def __exit__(self, kind, error, trace):
        self.file.close()
        if isinstance(error, BROKEN):
            raise self._refusal() from error

    def _refusal(self) -> SpecError:
        return SpecError(
            "dataset",
            f"the images in {self.path} cannot be read",
            "Delete the file and add the images again",
        )
