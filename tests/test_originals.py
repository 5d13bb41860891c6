"""Data sets as their authors publish them: made up here in their formats, served on loopback."""

import gzip
import io
import tarfile
import threading
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from resnet_core.data import dataset_row, download, formats, originals
from resnet_core.data.names import CIFAR100
from resnet_core.data.originals import ORIGINALS, Archive, install, load_original
from resnet_core.spec import SpecError

RNG = np.random.default_rng(0)


def cifar_bytes(count: int, label_bytes: int) -> tuple[bytes, np.ndarray, np.ndarray]:
    """The format as the authors' page describes it: label(s), 1024 red, 1024 green, 1024 blue."""
    labels = np.arange(count) % 10
    images = RNG.integers(0, 256, (count, 3, 32, 32), np.uint8)
    rows = [
        bytes([7] * (label_bytes - 1) + [label]) + b"".join(channel.tobytes() for channel in image)
        for label, image in zip(labels.tolist(), images)
    ]
    return b"".join(rows), images, labels


def tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def idx(path: Path, values: np.ndarray) -> Path:
    head = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(head + values.tobytes(), 1))
    return path


def read_small(paths):
    """As read_cifar10, of 50 + 10 images."""
    names = [f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)]
    test = "cifar-10-batches-bin/test_batch.bin"
    found = formats.members(paths[0], dict.fromkeys([*names, test], 10 * 3073))
    parts = b"".join(found[name] for name in names), found[test]
    return tuple(formats._records(part, 1) for part in parts)


def published(path: Path, url: str = "http://127.0.0.1:1/") -> Archive:
    data = path.read_bytes()
    return Archive(path.name, url, len(data), sha256(data).hexdigest())


@pytest.fixture
def small(tmp_path, monkeypatch):
    """An archive like that of CIFAR-10, with a tenth of a percent of its images, as the row."""
    monkeypatch.setenv("RESIDUAL_EXPLORER_DATA", str(tmp_path / "data"))
    parts = [cifar_bytes(10, 1) for _ in range(6)]
    names = [f"cifar-10-batches-bin/{n}.bin" for n in [*(f"data_batch_{i}" for i in range(1, 6))]]
    names.append("cifar-10-batches-bin/test_batch.bin")
    members = {"../../evil.txt": b"no", **{n: p[0] for n, p in zip(names, parts)}}
    path = tar(tmp_path / "cifar-10-binary.tar.gz", members)
    row = replace(ORIGINALS["cifar10"], archives=(published(path),), read=read_small)
    monkeypatch.setitem(originals.ORIGINALS, "cifar10", row)
    return path, parts


def test_the_members_of_cifar_10_are_read_by_name_and_nothing_is_unpacked(small, tmp_path):
    path, parts = small
    install("cifar10", path.parent)
    examples = load_original("cifar10")
    train = np.concatenate([images for _, images, _ in parts[:5]])
    assert torch.equal(examples.train_images, torch.from_numpy(train))
    assert torch.equal(examples.test_labels, torch.from_numpy(parts[5][2]))
    assert examples.mean.flatten().numpy() == pytest.approx(train.mean(axis=(0, 2, 3)))
    assert examples.std.flatten().numpy() == pytest.approx(train.std(axis=(0, 2, 3)))
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == [path.name, "cifar10.npz"]


def test_archives_in_the_data_folder_are_read_at_the_first_run(small, tmp_path):
    row = dataset_row("cifar10")
    words = row.available()
    assert "CIFAR-10, 32×32 is not on this machine. Put cifar-10-binary.tar.gz into" in words
    assert f"{tmp_path / 'data' / 'datasets'}, or download" in words
    with pytest.raises(SpecError, match=r"Put cifar-10-binary\.tar\.gz into"):
        load_original("cifar10")
    folder = tmp_path / "data" / "datasets"
    folder.mkdir(parents=True)
    small[0].rename(folder / small[0].name)
    assert row.available() is None
    first = load_original("cifar10")
    (folder / small[0].name).unlink()  # from now on it has a file of its own
    assert torch.equal(load_original("cifar10").train_images, first.train_images)
    (folder / "cifar10.npz").write_bytes(b"\x80\x04]q.")  # a pickle, for example
    with pytest.raises(SpecError, match=r"cifar10\.npz cannot be read"):
        load_original("cifar10")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda data: data[:-1], "bytes instead of"),
        (
            lambda data: data[:-1] + bytes([data[-1] ^ 1]),
            r"the SHA-256 of .*gz is not that of",
        ),
    ],
)
def test_an_archive_that_is_not_the_published_one_is_refused(small, spoil, words):
    path, _ = small
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(SpecError, match=words):
        install("cifar10", path.parent)
    assert not originals.own_file("cifar10").exists()


def test_the_fine_labels_of_cifar_100_are_the_second_bytes():
    data, images, labels = cifar_bytes(20, 2)
    found, found_labels = formats._records(data, 2)
    assert (found == images).all() and (found_labels == labels).all()
    assert len(CIFAR100) == 100 and list(CIFAR100) == sorted(CIFAR100)


def test_fashion_mnist_is_read_from_its_four_files(tmp_path):
    images = [RNG.integers(0, 256, (n, 28, 28), np.uint8) for n in (30, 10)]
    labels = [np.arange(n, dtype=np.uint8) % 10 for n in (30, 10)]
    values = [images[0], labels[0], images[1], labels[1]]
    paths = [idx(tmp_path / f"{i}.gz", v) for i, v in enumerate(values)]
    (train, train_labels), (test, _) = formats.read_fashion(paths)
    assert (train[:, 0] == images[0]).all() and test.shape == (10, 1, 28, 28)
    assert train_labels.dtype == np.int64 and (train_labels == labels[0]).all()
    paths[0].write_bytes(gzip.compress(b"\0\0\x0d\x03" + bytes(12)))
    with pytest.raises(ValueError, match="no idx file of bytes"):
        formats.read_fashion(paths)


@pytest.fixture
def server():
    """serve(answer bytes) -> URL; it forgets to send the end if told to."""

    class Handler(BaseHTTPRequestHandler):
        data, code, lacking = b"", 200, 0

        def do_GET(self):
            self.send_response(self.code)
            self.send_header("Content-Length", str(len(self.data)))
            self.end_headers()
            self.wfile.write(self.data[: len(self.data) - self.lacking])

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.handler = Handler
        yield running
        running.shutdown()
        thread.join()


def served(server, path: Path, monkeypatch, **changes) -> None:
    """The row of CIFAR-10 points to the server, which has that file."""
    server.handler.data = path.read_bytes()
    for name, value in changes.items():
        setattr(server.handler, name, value)
    url = f"http://127.0.0.1:{server.server_port}/{path.name}"
    archive = replace(originals.ORIGINALS["cifar10"].archives[0], url=url)
    row = replace(originals.ORIGINALS["cifar10"], archives=(archive,))
    monkeypatch.setitem(originals.ORIGINALS, "cifar10", row)
    path.unlink()


def test_a_download_is_checked_and_read_and_told(small, server, monkeypatch):
    path, parts = small
    size = path.stat().st_size
    monkeypatch.setattr("resnet_core.data.downloading.PART", 1 << 14)
    served(server, path, monkeypatch)
    told = []
    download("cifar10", lambda done, total: told.append((done, total)))
    assert told == sorted(told) and len(told) > 3 and told[-1] == (size, size)
    assert torch.equal(load_original("cifar10").test_images, torch.from_numpy(parts[5][1]))
    assert [p.name for p in originals.datasets_folder().iterdir()] == ["cifar10.npz"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code": 404}, "did not come from 127.0.0.1: .*Not Found"),
        ({"lacking": 100}, "bytes that are not cifar-10"),
        ({"data": bytes(2_000_000)}, "sends more than cifar-10-binary"),
        ({"data": b"a page of the provider"}, "sent 22 bytes that are not cifar-10"),
    ],
)
def test_a_download_that_fails_leaves_nothing(small, server, monkeypatch, changes, words):
    served(server, small[0], monkeypatch, **changes)
    with pytest.raises(SpecError, match=words):
        download("cifar10")
    assert list(originals.datasets_folder().iterdir()) == []


def test_a_download_without_a_network_says_what_would_do(small, monkeypatch):
    with pytest.raises(SpecError, match=r"refused.*put cifar-10-binary.tar.gz into .* yourself"):
        download("cifar10")


def test_a_download_can_be_ended_and_needs_room(small, server, monkeypatch):
    served(server, small[0], monkeypatch)

    def enough(done, size):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download("cifar10", enough)
    assert list(originals.datasets_folder().iterdir()) == []
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10**6})())
    with pytest.raises(SpecError, match=r"1 MB free, and 18\d MB are needed"):
        download("cifar10")
