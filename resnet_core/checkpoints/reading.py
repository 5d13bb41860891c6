"""A file -> its tensors by name. Nothing in the file is run, nothing is allocated on its word."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import torch

from . import safetensors_file, torch_file
from .limits import MAX_FILE, MAX_TENSORS, CheckpointError, quoted

#: where programs that train keep the weights, beside the epoch and the optimizer
WRAPPERS = ("state_dict", "model", "model_state_dict", "state_dict_ema")
DTYPES = {torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.int32}
RESAVE = "Save the weights alone: torch.save(net.state_dict(), 'net.pth')"


def read(source: Path | str | bytes | BinaryIO) -> dict[str, torch.Tensor]:
    """The tensors of a .safetensors or .pth file (torch's zip format), by the names in the file.

    The format is told by the content. Wrappers such as {"state_dict": ...} are taken off, values
    that are no tensors left out. Nothing is mapped: whoever changes a mapped file ends our process.
    Raises CheckpointError.
    """
    if isinstance(source, (str, Path)):
        path = Path(source)
        try:
            if not path.is_file():  # a pipe or a device would never end
                raise FileNotFoundError
            with path.open("rb") as file:
                return _read_file(file)
        except (OSError, UnicodeError) as e:
            raise CheckpointError(f"{quoted(path.name)} cannot be read", "Choose a file") from e
    file = io.BytesIO(source) if isinstance(source, (bytes, bytearray, memoryview)) else source
    return _read_file(file)


def _read_file(file: BinaryIO) -> dict[str, torch.Tensor]:
    size = file.seek(0, io.SEEK_END)
    if size > MAX_FILE:
        raise CheckpointError(
            f"{size / 1024**3:.1f} GiB are more than {MAX_FILE / 1024**3:g} GiB", RESAVE
        )
    file.seek(0)
    start = file.read(10)
    for magic, at, load in FORMATS:
        if start[at : at + len(magic)] == magic:
            return tensors_of(load(file, size))
    if start[:1] == b"\x80":
        raise CheckpointError(
            "this is a bare pickle, torch's format before 2020, which can hold programs",
            "Load it with torch where you trust it, and save it again with torch.save",
        )
    raise CheckpointError(
        "this is neither a .safetensors nor a .pth file", "Choose a file that torch.save wrote"
    )


def tensors_of(content: object) -> dict[str, torch.Tensor]:
    """The tensors of what a file holds, out of their wrapper. Raises CheckpointError."""
    for key in WRAPPERS:
        if isinstance(content, dict) and isinstance(inner := dict.get(content, key), dict):
            content = inner
            break
    if not isinstance(content, Mapping):
        raise CheckpointError(f"the file holds a {type(content).__name__}, no weights", RESAVE)
    # of dict itself: a pickle may have put other attributes on its OrderedDict
    items = dict.items(content) if isinstance(content, dict) else content.items()
    tensors = {}
    for key, value in items:
        if not isinstance(value, torch.Tensor):
            continue
        if not isinstance(key, str):
            raise CheckpointError(f"a tensor is called by {quoted(key)}, not by a name", RESAVE)
        tensors[key] = plain(key, value)
    if not tensors:
        raise CheckpointError("there are no tensors in this file", RESAVE)
    if len(tensors) > MAX_TENSORS:
        raise CheckpointError(f"{len(tensors):,} tensors are more than {MAX_TENSORS:,}", RESAVE)
    if sum(tensor.nbytes for tensor in tensors.values()) > MAX_FILE:
        raise CheckpointError("its tensors share the same bytes again and again", RESAVE)
    return tensors


def plain(key: str, value: torch.Tensor) -> torch.Tensor:
    """The tensor, if each of its numbers is in the file: not sparse, repeated or quantised."""
    usual = value.layout == torch.strided and value.dtype in DTYPES
    if not usual or type(value) not in (torch.Tensor, torch.nn.Parameter):
        kind = f"{value.layout}, {value.dtype}".replace("torch.", "")
        raise CheckpointError(
            f"{quoted(key)} is no plain tensor ({kind})", "Save the weights as float32 or float16"
        )
    if value.device.type != "meta":  # shapes alone are welcome: they hold no bytes
        held = value.untyped_storage().nbytes()
        if value.numel() * value.element_size() > held:
            raise CheckpointError(
                f"{quoted(key)} claims {value.numel():,} numbers, the file has {held:,} bytes",
                RESAVE,
            )
    return value.detach()


#: (first bytes, where they stand, load(file, size in bytes))
FORMATS = (
    (b"PK\x03\x04", 0, torch_file.load),
    (b"{", 8, safetensors_file.load),
)
