"""The files in which data sets are published, as arrays: (images, labels) of both parts."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import numpy as np


def members(archive: Path, sizes: dict[str, int]) -> dict[str, bytes]:
    """The members of a tar stream with exactly these names and sizes. Nothing is unpacked."""
    found = {}
    with tarfile.open(archive, "r|gz") as stream:
        for member in stream:
            if member.name in sizes and member.isfile() and member.size == sizes[member.name]:
                found[member.name] = stream.extractfile(member).read()
            if len(found) == len(sizes):
                return found
    lacking = sorted(sizes.keys() - found)
    raise ValueError(f"no {lacking[0]} of {sizes[lacking[0]]:,} bytes in it")


def _records(data: bytes, label_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels, of which the last counts, then 1024 red, green and blue values, row by row."""
    rows = np.frombuffer(data, np.uint8).reshape(-1, label_bytes + 3072)
    images = np.ascontiguousarray(rows[:, label_bytes:]).reshape(-1, 3, 32, 32)
    return images, rows[:, label_bytes - 1].astype(np.int64)


def read_cifar10(paths: list[Path]) -> tuple:
    names = [f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)]
    test = "cifar-10-batches-bin/test_batch.bin"
    found = members(paths[0], dict.fromkeys([*names, test], 10_000 * 3073))
    return _records(b"".join(found[name] for name in names), 1), _records(found[test], 1)


def read_cifar100(paths: list[Path]) -> tuple:
    """With its 100 fine labels; the coarse ones are left."""
    sizes = {
        "cifar-100-binary/train.bin": 50_000 * 3074,
        "cifar-100-binary/test.bin": 10_000 * 3074,
    }
    found = members(paths[0], sizes)
    train, test = (_records(found[name], 2) for name in sizes)
    return train, test


def read_fashion(paths: list[Path]) -> tuple:
    train, train_labels, test, test_labels = map(_idx, paths)
    return (train[:, None], train_labels), (test[:, None], test_labels)


def _idx(path: Path) -> np.ndarray:
    """A gzip of: 0, 0, 8 (bytes), axes, their lengths (big-endian), values."""
    with gzip.open(path) as file:
        start = file.read(4)
        if start[:3] != b"\0\0\x08" or start[3] not in (1, 3):
            raise ValueError(f"{path.name} is no idx file of bytes")
        shape = np.frombuffer(file.read(4 * start[3]), ">u4").astype(int)
        values = np.frombuffer(file.read(), np.uint8).reshape(shape)
    return values.astype(np.int64) if values.ndim == 1 else values
