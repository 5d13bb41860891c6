"""Archives from where they are published. Only when somebody asks for them."""

from __future__ import annotations

import http.client
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from resnet_core.folder import datasets_folder
from resnet_core.spec import SpecError

from .originals import ORIGINALS, Archive, check, install, own_file

TIMEOUT_S = 30.0  # of silence
PART = 1 << 18  # bytes


def download(key: str, report: Callable[[int, int], None] = lambda done, size: None) -> None:
    """Gets what is lacking of the archives of ORIGINALS[key], checks it and keeps the images.

    `report(bytes so far, bytes in all)` is called as it goes on; what it raises ends the download.
    Raises SpecError, and leaves nothing behind but whole archives.
    """
    folder, row = datasets_folder(), ORIGINALS[key]
    if own_file(key).exists():
        return
    lacking = [archive for archive in row.archives if not (folder / archive.name).exists()]
    size = sum(archive.size for archive in lacking)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _check_room(folder, size + row.num_bytes)
        done = 0
        for archive in lacking:
            for part in _get(archive, folder):
                done += part
                report(done, size)
        install(key, folder)
        for archive in lacking:  # what the user put there stays
            (folder / archive.name).unlink(missing_ok=True)
    except OSError as e:
        problem = f"{e.filename or folder}: {e.strerror or e}"
        raise SpecError("dataset", problem, "Check its rights and the room on the disk") from e


def _check_room(folder: Path, needed: int) -> None:
    if (free := shutil.disk_usage(folder).free) < needed:
        problem = f"{folder} has {free / 1e6:.0f} MB free, and {needed / 1e6:.0f} MB are needed"
        raise SpecError("dataset", problem, "Free some space")


def _get(archive: Archive, folder: Path) -> Iterator[int]:
    """Bytes of each part. The file gets its name when it is whole and the one published."""
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
        part = Path(file.name)
        try:
            for data in _parts(archive):
                file.write(data)
                yield len(data)
            file.close()
            _check_what_came(part, archive)
            part.replace(folder / archive.name)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise


def _check_what_came(part: Path, archive: Archive) -> None:
    try:
        check(part, archive)
    except SpecError as e:  # which speaks of a file that is about to go
        size = part.stat().st_size
        problem = f"{_host(archive)} sent {size:,} bytes that are not {archive.name}"
        raise SpecError("dataset", problem, _remedy(archive)) from e


def _host(archive: Archive) -> str:
    return urlsplit(archive.url).hostname


def _remedy(archive: Archive) -> str:
    return f"Check the network, or put {archive.name} into {datasets_folder()} yourself"


def _parts(archive: Archive) -> Iterator[bytes]:
    host, remedy, done = _host(archive), _remedy(archive), 0
    asked = Request(archive.url, headers={"User-Agent": "residual-explorer"})
    try:
        with urlopen(asked, timeout=TIMEOUT_S) as answer:
            while data := answer.read(PART):
                done += len(data)
                if done > archive.size:
                    raise SpecError("dataset", f"{host} sends more than {archive.name}", remedy)
                yield data
    except (OSError, http.client.HTTPException) as e:  # URLError and HTTPError are OSErrors
        problem = f"{archive.name} did not come from {host}: {getattr(e, 'reason', None) or e}"
        raise SpecError("dataset", problem, remedy) from e
