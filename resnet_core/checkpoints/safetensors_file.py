"""The safetensors format: 8 bytes of length, a JSON header, the numbers. It can hold no program.

https://github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import json
from math import prod
from typing import BinaryIO

from safetensors import SafetensorError
from safetensors import torch as safetensors_torch

from .limits import MAX_TABLE, MAX_TENSORS, CheckpointError, quoted

AGAIN = "Copy it once more, or save it again with safetensors"
#: bytes of a number
SIZES = {"F16": 2, "BF16": 2, "F32": 4, "F64": 8, "I64": 8, "I32": 4, "I8": 1, "U8": 1, "BOOL": 1}


def load(file: BinaryIO, size: int) -> dict:
    """The tensors of a file whose header is true. Raises CheckpointError."""
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if length > min(MAX_TABLE, size - 8):
        raise CheckpointError(f"a header of {length:,} bytes cannot be", AGAIN)
    check_header(file.read(length), size - 8 - length)
    try:
        file.seek(0)
        return safetensors_torch.load(file.read(size))
    except (SafetensorError, ValueError, RuntimeError) as e:
        raise CheckpointError("the file is damaged or incomplete", AGAIN) from e


def check_header(header: bytes, data: int) -> None:
    """Raises CheckpointError unless each tensor has the bytes that its shape needs."""
    try:
        tensors = json.loads(header, object_pairs_hook=without_twins)
    except (ValueError, RecursionError) as e:
        if isinstance(e, CheckpointError):
            raise
        raise CheckpointError("the header is not JSON", AGAIN) from e
    tensors.pop("__metadata__", None)
    if len(tensors) > MAX_TENSORS:
        raise CheckpointError(f"{len(tensors):,} tensors are more than {MAX_TENSORS:,}", AGAIN)
    for name, row in tensors.items():
        try:
            shape, (start, end) = row["shape"], row["data_offsets"]
            whole = all(type(n) is int and n >= 0 for n in (*shape, start, end))
            needed = prod(shape) * SIZES[row["dtype"]] if whole and len(shape) <= 8 else -1
        except (KeyError, TypeError, ValueError) as e:
            raise CheckpointError(f"{quoted(name)} is not described as a tensor", AGAIN) from e
        if needed != end - start or end > data:
            raise CheckpointError(
                f"the shape of {quoted(name)} does not fit the bytes that the file has of it", AGAIN
            )


def without_twins(pairs: list[tuple]) -> dict:
    """A JSON object. Raises CheckpointError for two fields of one name."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise CheckpointError("two tensors have one name", AGAIN)
    return fields
