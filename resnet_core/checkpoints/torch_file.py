"""torch's zip format (.pth), looked through before torch opens it.

A zip file is read by two programs here, ours and torch's. It must therefore be laid out in the one
way that both understand alike: as torch writes it, uncompressed, its directory at the very end.
"""

from __future__ import annotations

import pickletools
import re
import struct
import zipfile
from typing import BinaryIO

import torch

from .limits import MAX_STEPS, MAX_TABLE, MAX_TENSORS, CheckpointError, quoted

RESAVE = "Save the weights again: torch.save(net.state_dict(), 'net.pth')"
#: entries of an archive that torch.save writes, below one folder
ENTRY = re.compile(
    r"[^/\\]+/(data\.pkl|data/\d+|version|byteorder|\.format_version|\.storage_alignment"
    r"|\.data/serialization_id)"
)
#: all that the pickle inside may name; torch would allow some more, which weights do not need
ALLOWED = re.compile(
    r"collections OrderedDict|torch\._utils _rebuild_(tensor_v2|parameter)"
    r"|torch (Half|BFloat16|Float|Double|Long|Int)Storage"
)
FOREIGN = ("STACK_GLOBAL", "INST", "OBJ", "NEWOBJ_EX", "DUP", "MEMOIZE", "PUT", "GET")
GETS = ("BINGET", "LONG_BINGET")
#: how often a pickle may take a tuple from its memory, as optimizers do; tuples of tuples of one
#: tuple take for ever to compare
MAX_SHARED = 12
END, END_64, LOCATOR_64 = 22, 56, 20  # bytes of a zip file's last records


def load(file: BinaryIO, size: int) -> object:
    """What torch.load gives for a file that was found harmless. Raises CheckpointError."""
    check_directory(file, size)
    try:
        with zipfile.ZipFile(file) as archive:
            pickled = check_entries(archive, size)
        check_pickle(pickled)
        file.seek(0)
        return torch.load(file, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as e:  # broken bytes raise whatever they hit first, in either reader
        raise CheckpointError("the file is damaged or incomplete", "Copy it once more") from e


def check_directory(file: BinaryIO, size: int) -> None:
    """Raises CheckpointError unless a zip file ends in its directory, of a bearable length."""
    length_of_end = END_64 + LOCATOR_64 + END
    file.seek(max(0, size - length_of_end))
    tail = file.read(length_of_end)
    end = tail[-END:]
    if len(end) < END or end[:4] != b"PK\x05\x06" or end[-2:] != b"\0\0":
        raise CheckpointError("the end of the file is missing", "Copy it once more")
    count, length, offset = struct.unpack("<HII", end[10:20])
    place = size - END
    if tail[-END - LOCATOR_64 :][:4] == b"PK\x06\x07":
        place = size - length_of_end
        (said,) = struct.unpack("<Q", tail[-END - LOCATOR_64 :][8:16])
        if said != place or tail[:4] != b"PK\x06\x06":
            raise CheckpointError("the end of the file contradicts itself", RESAVE)
        count, length, offset = struct.unpack("<QQQ", tail[32:END_64])
    if offset + length != place:
        raise CheckpointError("the file's directory is not where it should be", RESAVE)
    if count > MAX_TENSORS or length > MAX_TABLE:
        raise CheckpointError(f"{count:,} entries are more than {MAX_TENSORS:,}", RESAVE)


def check_entries(archive: zipfile.ZipFile, size: int) -> bytes:
    """The pickle of an archive. Raises CheckpointError for entries that torch does not write."""
    entries = archive.infolist()
    for entry in entries:
        name = quoted(entry.filename)
        if not ENTRY.fullmatch(entry.filename):
            raise CheckpointError(f"its entry {name} is no weight", RESAVE)
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise CheckpointError(f"its entry {name} is compressed or encrypted", RESAVE)
        if entry.compress_size != entry.file_size:
            raise CheckpointError(f"its entry {name} has two different sizes", RESAVE)
    if sum(entry.file_size for entry in entries) > size:
        raise CheckpointError("its entries claim more bytes than the file has", RESAVE)
    if len({entry.filename for entry in entries}) < len(entries):
        raise CheckpointError("it has two entries of one name", RESAVE)
    pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
    if len(pickles) != 1 or len({entry.filename.split("/")[0] for entry in entries}) != 1:
        raise CheckpointError("this is a zip file, but torch did not write it", RESAVE)
    if pickles[0].file_size > MAX_TABLE:
        raise CheckpointError(f"its pickle has {pickles[0].file_size:,} bytes", RESAVE)
    return archive.read(pickles[0])


def check_pickle(pickled: bytes) -> None:
    """Raises CheckpointError if a pickle names anything but tensors. Reads it, runs nothing."""
    tuples, is_tuple, shared = set(), False, 0
    for step, (instruction, value, _) in enumerate(pickletools.genops(pickled)):
        name = instruction.name
        if step > MAX_STEPS:
            raise CheckpointError(f"its pickle has more than {MAX_STEPS:,} instructions", RESAVE)
        if name == "GLOBAL" and not ALLOWED.fullmatch(value):
            raise CheckpointError(
                f"the file wants to use {quoted(value.replace(' ', '.'))}, which is no weight; "
                "nothing of it was run",
                RESAVE,
            )
        if name in FOREIGN or (name == "PROTO" and value != 2):
            raise CheckpointError("its pickle is not of the kind that torch.save writes", RESAVE)
        if name in ("BINPUT", "LONG_BINPUT"):
            tuples |= {value} if is_tuple else set()
            continue  # the same value is still the last one
        is_tuple = name.startswith("TUPLE") or (name in GETS and value in tuples)
        shared += is_tuple and name in GETS
        if shared > MAX_SHARED:
            raise CheckpointError("its pickle repeats one list again and again", RESAVE)
