"""Images that a user brings: a folder or a zip, in which each class has a folder of its own."""

from __future__ import annotations

import re
import stat
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from resnet_core.folder import datasets_folder
from resnet_core.spec import SpecError
from resnet_core.zips import METHODS, open_zip, unpacked

from . import stored
from .decoding import decode
from .examples import split

PREFIX = "images:"
SIDES = (8, 16, 28, 32, 48, 64, 96, 128, 224)  # pixels, of what the images are brought to
MOST_IMAGES = 60_000
MOST_CLASSES = 100
FEWEST = 5  # images of a class: one of them is held out
MOST_BYTES = 20_000_000  # of one file
MOST_BYTES_IN_ALL = 2_000_000_000
MOST_STORED = 1_000_000_000  # bytes of all images as they are kept
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
#: what systems leave in folders: no image, and nobody put it there
SYSTEM_FILES = re.compile(r"(^|/)(__MACOSX/|\.|Thumbs\.db$|desktop\.ini$)")


@dataclass(frozen=True)
class File:
    """One image before it is read."""

    name: str  # below the folder, or in the zip, with "/"
    size: int  # bytes
    read: Callable[[], bytes]

    @property
    def label(self) -> str:
        return PurePosixPath(self.name).parent.name


def add_images(source: Path | BinaryIO, name: str, side: int = 32, report=lambda done, all: None):
    """Keeps the images of a folder, or of a zip, and gives their key, "images:<name>".

    They are cropped to the largest square in their middle and resized to side × side, RGB; every
    fifth of each class is held out. `report(images so far, images in all)` may raise to end it.
    Raises SpecError, a sentence, and then nothing is kept.
    """
    path = file_of(name)
    if path.exists():
        remedy = f"Use another name, or remove them first: python -m resnet_core data remove {name}"
        raise SpecError("dataset", f"there are images called {name} already", remedy)
    if side not in SIDES:
        sides = ", ".join(map(str, SIDES))
        raise SpecError("dataset", f"images of {side!r:.20} pixels are not kept", f"Use {sides}")
    with _files(source) as files:
        classes = _classes(files)
        if (size := len(files) * 3 * side * side) > MOST_STORED:
            problem = f"{len(files):,} images of {side}×{side} would fill {size / 1e9:.1f} GB"
            raise SpecError("dataset", problem, "Make them smaller, or take fewer")
        images = np.empty((len(files), 3, side, side), np.uint8)
        for number, file in enumerate(files):
            images[number] = decode(file.read(), file.name, side)
            report(number + 1, len(files))
    labels = np.array([classes.index(file.label) for file in files], np.int64)
    source_words = f"{len(files):,} images that were added on this machine"
    stored.write(path, split(images, labels), f"{name}, {side}×{side}", source_words, classes)
    return PREFIX + name


def remove_images(name: str) -> None:
    file_of(name).unlink(missing_ok=True)


def names() -> list[str]:
    """Of all images that were added; a file with another kind of name is somebody else's."""
    return sorted(path.stem for path in _folder().glob("*.npz") if NAME.fullmatch(path.stem))


def file_of(name: str) -> Path:
    if not NAME.fullmatch(name):
        remedy = "Use up to 40 letters, digits, - and _, with a letter or digit first"
        raise SpecError("dataset", f"images cannot be called {name!r:.60}", remedy)
    return _folder() / f"{name}.npz"


def version_of(path: Path) -> tuple[int, int]:
    """Changes when other images take the name. Raises SpecError if there are none."""
    try:
        status = path.stat()
    except OSError as e:
        known = ", ".join(names()) or "none"
        problem = f"there are no images called {path.stem} on this machine, only {known}"
        raise SpecError("dataset", problem, "Add them again, or use another data set") from e
    return status.st_mtime_ns, status.st_size


def _folder() -> Path:
    return datasets_folder() / "images"


@contextmanager
def _files(source: Path | BinaryIO) -> Iterator[list[File]]:
    """The images in it, by class and name; nothing of them has been read yet."""
    if isinstance(source, Path) and source.is_dir():
        yield _sorted(_in_folder(source))
        return
    try:
        archive = open_zip(source, MOST_IMAGES)
    except OSError as e:
        raise SpecError("dataset", f"{e.filename or source}: {e.strerror}", "Check it") from e
    with archive:
        yield _sorted(_in_zip(archive))


def _sorted(files: Iterator[File]) -> list[File]:
    found, total = [], 0
    for file in files:
        if SYSTEM_FILES.search(file.name):
            continue
        found.append(file)
        total += file.size
        if len(found) > MOST_IMAGES:
            raise SpecError("dataset", f"there are more than {MOST_IMAGES:,} files", "Take fewer")
        if file.size > MOST_BYTES:
            problem = f"{file.name!r:.120} has {file.size:,} bytes"
            raise SpecError("dataset", problem, f"Use images of at most {MOST_BYTES:,}")
        if total > MOST_BYTES_IN_ALL:
            problem = f"the images have more than {MOST_BYTES_IN_ALL / 1e9:.0f} GB in all"
            raise SpecError("dataset", problem, "Take fewer, or smaller ones")
    return sorted(found, key=lambda file: (file.label, file.name))


def _in_folder(folder: Path) -> Iterator[File]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():  # it could lead to any file of the machine
            raise SpecError("dataset", f"{name!r:.120} is a link", "Put the image itself there")
        if path.is_file():
            yield File(name, path.stat().st_size, lambda path=path: _contents(path))


def _contents(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES)  # it may have grown
    except OSError as e:
        raise SpecError("dataset", f"{path} cannot be read: {e.strerror}", "Check it") from e


def _in_zip(archive: zipfile.ZipFile) -> Iterator[File]:
    for entry in archive.infolist():
        name, kind = entry.filename, stat.S_IFMT(entry.external_attr >> 16)
        if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or ":" in name[:2]:
            raise SpecError("dataset", f"{name!r:.120} leads out of the zip", "Pack it anew")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise SpecError("dataset", f"{name!r:.120} is a link", "Put the image itself there")
        if entry.flag_bits & 1:
            raise SpecError("dataset", f"{name!r:.120} has a password", "Pack it without")
        if entry.compress_type not in METHODS:
            raise SpecError("dataset", f"{name!r:.120} is packed in a rare way", "Use plain zip")
        if not entry.is_dir():
            yield File(name, entry.file_size, lambda entry=entry: unpacked(archive, entry))


def _classes(files: list[File]) -> tuple[str, ...]:
    """The names of the folders that hold the images, in order."""
    if outside := [file.name for file in files if not file.label]:
        problem = f"{outside[0]!r:.120} lies in no folder"
        raise SpecError("dataset", problem, "Put the images of each class into a folder")
    counts = Counter(file.label for file in files)
    if not 2 <= len(counts) <= MOST_CLASSES:
        found = "is 1 folder" if len(counts) == 1 else f"are {len(counts)} folders"
        problem = f"there {found} with images"
        raise SpecError("dataset", problem, f"Use 2 to {MOST_CLASSES}: a folder is a class")
    for name, count in counts.items():
        if len(name) > 60 or not name.isprintable():
            raise SpecError("dataset", f"a folder is called {name!r:.80}", "Use a plain name")
        if count < FEWEST:
            problem = f"{name} has {count} image{'s' if count > 1 else ''}"
            raise SpecError("dataset", problem, f"Use at least {FEWEST} of each class")
    return tuple(sorted(counts))
