"""Zip archives from strangers: their table of contents is looked at before it is read."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from resnet_core.spec import SpecError

END, END_64, LENGTH, LENGTH_64 = b"PK\5\6", b"PK\6\7", 22, 20
MOST_COMMENT = 65_535  # bytes behind the end record
#: what zipfile says of a damaged file
NO_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    struct.error,
)
#: zipfile unpacks all others without a limit: 79 bytes of bzip2 fill 64 MiB
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENTRY = 400  # bytes in the table of contents, at most on average


def open_zip(source: Path | BinaryIO, most_entries: int) -> zipfile.ZipFile:
    """A zip of at most so many entries. Raises OSError, and SpecError for what is none.

    zipfile makes an object of every entry before anybody can count them: a file of 100 MB could
    fill gigabytes. The record at the end of the file says how long the table of contents is.
    """
    try:
        if isinstance(source, Path):
            with source.open("rb") as file:
                _check_contents(file, most_entries)
        else:
            _check_contents(source, most_entries)
        return zipfile.ZipFile(source)
    except NO_ZIP as e:
        if isinstance(e, SpecError):  # which is a ValueError
            raise
        problem = f"{getattr(source, 'name', source)} is neither a folder nor a whole zip"
        raise SpecError("dataset", problem, "Give one of these") from e


def unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """No more bytes than the entry says it has, however many there are."""
    try:
        with archive.open(entry) as file:
            return file.read(entry.file_size)
    except NO_ZIP as e:
        problem = f"{entry.filename!r:.120} cannot be unpacked"
        raise SpecError("dataset", problem, "Pack the zip anew") from e


def _check_contents(file: BinaryIO, most_entries: int) -> None:
    size = file.seek(0, 2)
    file.seek(max(0, size - MOST_COMMENT - LENGTH - LENGTH_64))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(END)
    if at < 0 or len(tail) - at < LENGTH:
        raise zipfile.BadZipFile
    entries = int.from_bytes(tail[at + 10 : at + 12], "little")
    contents = int.from_bytes(tail[at + 12 : at + 16], "little")
    # the second end record, for archives of more than 65,535 entries or 4 GB, overrules the first
    is_64 = tail[max(0, at - LENGTH_64) : at].startswith(END_64)
    if is_64 or entries > most_entries or contents > most_entries * ENTRY:
        problem = f"the zip has more than {most_entries:,} files, or more than 4 GB"
        raise SpecError("dataset", problem, "Take fewer images, or unpack it and give the folder")
