"""Images that a user brings: what is kept of good ones, and what is said of bad ones."""

import io
import os
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_core import zips
from resnet_core.data import (
    adaptations,
    add_images,
    dataset_row,
    datasets,
    images,
    remove_images,
    table,
)
from resnet_core.estimate import check_fits, estimate
from resnet_core.presets import preset
from resnet_core.run_config import RunConfig
from resnet_core.spec import SpecError
from resnet_core.train import Trainer
from resnet_core.twins import pair_of


def png(colour=(10, 20, 30), size=(12, 12), kind="PNG", mode="RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, kind)
    return buffer.getvalue()


def good(count: int = 6) -> dict[str, bytes]:
    """Two classes in a folder, of plain colours."""
    return {
        f"pets/{c}/{i}.png": png((i, v, 0))
        for c, v in (("cat", 50), ("dog", 90))
        for i in range(count)
    }


def zipped(members: dict[str, bytes], change=lambda info: None) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            change(info)
            archive.writestr(info, data)
    buffer.seek(0)
    return buffer


def unzipped(members: dict[str, bytes], folder: Path) -> Path:
    for name, data in members.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RESIDUAL_EXPLORER_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_images_are_kept_with_their_classes_and_every_fifth_held_out(form, tmp_path):
    members = {**good(), "pets/.DS_Store": b"x", "__MACOSX/pets/cat/._0.png": b"x"}
    source = zipped(members) if form == "zip" else unzipped(members, tmp_path / "my")
    told = []
    key = add_images(source, "pets", 8, lambda done, all: told.append((done, all)))
    assert key == "images:pets" and told == [(n, 12) for n in range(1, 13)]
    row = dataset_row(key)
    assert (row.shape, row.classes, row.num_train, row.num_test) == (
        (3, 8, 8),
        ("cat", "dog"),
        9,
        3,
    )
    known = row.load()
    assert known.train_labels.bincount().tolist() == [4, 5]
    held_out = [tuple(image[:, 4, 4].tolist()) for image in known.test_images]
    assert held_out == [(0, 50, 0), (5, 50, 0), (4, 90, 0)]
    assert row.load() is known  # it is read once
    assert list(datasets())[-1] == key and "6" not in row.title
    assert RunConfig(net=preset("digits20"), dataset=key, batch_size=8).dataset == key


def test_they_are_found_by_their_name_and_others_of_the_same_name_are_others(data_folder):
    add_images(zipped(good()), "pets", 8)
    known = dataset_row("images:pets").load()
    table._stored.cache_clear()  # as it is in another process
    assert torch.equal(dataset_row("images:pets").load().test_images, known.test_images)
    before = dataset_row("images:pets").load()
    with pytest.raises(SpecError, match=r"images called pets already\. Use .* data remove pets"):
        add_images(zipped(good()), "pets", 8)
    digest = dataset_row("images:pets").digest
    remove_images("pets")
    assert "images:pets" not in datasets()
    add_images(zipped(good()), "pets", 8)
    assert dataset_row("images:pets").digest == digest != ""
    remove_images("pets")
    add_images(zipped(good(7)), "pets", 8)
    assert dataset_row("images:pets").digest != digest
    assert len(dataset_row("images:pets").load().train_images) > len(before.train_images)
    assert [p.name for p in data_folder.rglob("*") if p.is_file()] == ["pets.npz"]


def test_an_image_is_cropped_to_its_middle_turned_upright_and_made_rgb():
    wide = Image.new("RGB", (30, 10), (200, 0, 0))
    wide.paste((0, 200, 0), (10, 0, 20, 10))
    assert (images.decode(saved(wide), "a.png", 8)[1] > 190).all()
    tall = Image.new("RGB", (10, 20))
    tall.paste((255, 255, 255), (0, 0, 10, 10))  # bright above
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned = images.decode(saved(tall, exif=exif), "a.png", 8)
    assert turned[:, 0].mean() < 20 and turned[:, -1].mean() > 235
    for mode, colour in (("L", 77), ("P", 0), ("RGBA", (77, 77, 77, 255)), ("1", 1)):
        assert images.decode(png(colour, mode=mode), "a.png", 8).shape == (3, 8, 8)
    for kind in ("JPEG", "WEBP", "BMP", "GIF"):
        pixel = images.decode(png((120, 120, 120), kind=kind), "a", 8)[:, 4, 4]
        assert np.abs(pixel.astype(int) - 120).max() < 4


def saved(image: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def large_png(width: int, height: int) -> bytes:
    """A head that promises more pixels than memory holds, and no pixels."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


WHOLE = png(size=(200, 200), colour=(1, 2, 3), kind="JPEG")
BAD = {  # what is wrong -> one more member, words of the sentence
    "text": ({"pets/cat/notes.txt": b"hello"}, r"notes.txt' is no image of PNG, JPEG"),
    "svg": ({"pets/cat/a.svg": b"<svg/>"}, "is no image"),
    "empty": ({"pets/cat/a.png": b""}, "is no image"),
    "nested zip": ({"pets/cat/more.zip": zipped(good()).getvalue()}, "more.zip' is no image"),
    "truncated": ({"pets/cat/a.jpg": WHOLE[: len(WHOLE) // 2]}, "a.jpg' is damaged"),
    "truncated png": ({"pets/cat/a.png": png()[:-30]}, "a.png' is damaged"),
    "postscript": ({"pets/cat/a.png": b"%!PS-Adobe-3.0 EPSF-3.0\n"}, "is no image"),
    "too many pixels": (
        {"pets/cat/a.png": large_png(90_000, 90_000)},
        "has more than 50 megapixels",
    ),
    "many pixels": ({"pets/cat/a.png": large_png(9000, 9000)}, "has more than 50 megapixels"),
    "no pixels": ({"pets/cat/a.png": large_png(9, 9)}, "is damaged"),
    "16 bits": ({"pets/cat/a.png": png(5, mode="I;16")}, "more than 8 bits a channel"),
    "no folder": ({"a.png": png()}, "a.png' lies in no folder"),
    "few": ({"pets/emu/a.png": png()}, "emu has 1 image. Use at least 5"),
    "a name that steers": (
        {f"pets/\x1b[2J/{i}.png": png() for i in range(5)},
        r"a folder is called",
    ),
}


@pytest.mark.parametrize(("more", "words"), BAD.values(), ids=BAD)
def test_a_bad_image_is_refused_with_one_sentence_and_nothing_is_kept(more, words, data_folder):
    with pytest.raises(SpecError, match=words) as refused:
        add_images(zipped({**good(), **more}), "pets", 8)
    text = str(refused.value)
    assert text.startswith("Dataset: ") and "\n" not in text and "\x1b" not in text
    assert len(text) < 300
    assert not list(data_folder.rglob("*.npz"))


@pytest.mark.parametrize(
    "name", ["../../evil.png", "/etc/evil.png", "..\\evil.png", "C:\\evil.png"]
)
def test_a_member_that_leads_out_of_the_zip_is_refused(name, tmp_path):
    with pytest.raises(SpecError, match="leads out of the zip"):
        add_images(zipped({**good(), name: png()}), "pets", 8)
    assert not list(tmp_path.rglob("evil*"))


def test_links_are_refused(tmp_path):
    def link(info):
        if info.filename.endswith("0.png"):
            info.external_attr = (stat.S_IFLNK | 0o777) << 16

    with pytest.raises(SpecError, match=r"cat/0.png' is a link"):
        add_images(zipped(good(), link), "pets", 8)
    folder = unzipped(good(), tmp_path / "my")
    (folder / "pets" / "cat" / "passwd.png").symlink_to("/etc/passwd")
    with pytest.raises(SpecError, match=r"passwd.png' is a link"):
        add_images(folder, "pets", 8)
    (folder / "pets" / "cat" / "passwd.png").unlink()
    (folder / "pets" / "etc").symlink_to("/etc")
    with pytest.raises(SpecError, match=r"pets/etc' is a link"):
        add_images(folder, "pets", 8)


def test_a_bomb_is_never_unpacked(monkeypatch):
    bomb = zipped({**good(), "pets/cat/bomb.png": bytes(30_000_000)})
    assert len(bomb.getvalue()) < 100_000
    with pytest.raises(
        SpecError, match=r"bomb.png' has 30,000,000 bytes. Use images of at most 20"
    ):
        add_images(bomb, "pets", 8)
    monkeypatch.setattr(images, "MOST_BYTES_IN_ALL", 500)
    with pytest.raises(SpecError, match="in all"):
        add_images(zipped(good()), "pets", 8)


def test_a_bomb_that_lies_about_its_size_gives_no_more_than_it_says():
    members = {**good(), "pets/cat/bomb.png": bytes(1_000_000)}
    data = bytearray(zipped(members).getvalue())
    told = struct.pack("<I", 1_000_000)
    while (at := data.find(told)) >= 0:  # in the member's head and in the table of contents
        data[at : at + 4] = struct.pack("<I", 100)
    with pytest.raises(SpecError, match=r"bomb.png' cannot be unpacked|bomb.png' is no image"):
        add_images(io.BytesIO(bytes(data)), "pets", 8)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_zipfile_unpacks_without_a_limit_is_never_unpacked(method, monkeypatch):
    def pack(info):
        info.compress_type = method

    bomb = zipped({**good(), "pets/cat/bomb.png": bytes(1_000_000)}, pack)
    monkeypatch.setattr(images, "unpacked", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(SpecError, match=r"png' is packed in a rare way. Use plain zip"):
        add_images(bomb, "pets", 8)


COUNTLESS = zipped(good(20))


def test_a_zip_of_countless_members_is_refused_before_its_contents_are_read(monkeypatch):
    monkeypatch.setattr(images, "MOST_IMAGES", 10)
    monkeypatch.setattr(zips.zipfile, "ZipFile", None)  # it would make an object of each
    with pytest.raises(SpecError, match="the zip has more than 10 files, or more than 4 GB"):
        add_images(COUNTLESS, "pets", 8)
    liar = bytearray(COUNTLESS.getvalue())
    at = liar.rfind(zips.END)
    liar[at + 8 : at + 12] = struct.pack("<HH", 1, 1)  # zipfile goes by the bytes, not by this
    monkeypatch.setattr(zips, "ENTRY", 1)
    with pytest.raises(SpecError, match="the zip has more than 10 files"):
        add_images(io.BytesIO(bytes(liar)), "pets", 8)


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"no zip at all" * 10, zipped(good()).getvalue()[:-40]]
)
def test_what_is_no_zip_is_said(data, tmp_path):
    path = tmp_path / "my.zip"
    path.write_bytes(data)
    with pytest.raises(SpecError, match=r"my.zip is neither a folder nor a whole zip"):
        add_images(path, "pets", 8)
    with pytest.raises(SpecError, match=r"no\.zip: No such file"):
        add_images(tmp_path / "no.zip", "pets", 8)


def test_a_zip_with_a_password_is_refused():
    data = bytearray(zipped(good()).getvalue())
    at = data.find(b"PK\1\2")
    data[at + 8] |= 1
    with pytest.raises(SpecError, match="has a password"):
        add_images(io.BytesIO(bytes(data)), "pets", 8)


def test_classes_and_sizes_have_limits(monkeypatch):
    one = {name: data for name, data in good().items() if "cat" in name}
    with pytest.raises(SpecError, match=r"there is 1 folder with images. Use 2 to 100"):
        add_images(zipped(one), "pets", 8)
    many = {f"{c}/{i}.png": png() for c in range(101) for i in range(5)}
    with pytest.raises(SpecError, match="there are 101 folders"):
        add_images(zipped(many), "pets", 8)
    with pytest.raises(SpecError, match="Use 8, 16, 28"):
        add_images(zipped(good()), "pets", 5000)
    monkeypatch.setattr(images, "MOST_STORED", 1000)
    with pytest.raises(SpecError, match=r"12 images of 8×8 would fill 0.0 GB"):
        add_images(zipped(good()), "pets", 8)


def test_a_file_that_is_not_ours_hides_no_images(data_folder):
    add_images(zipped(good()), "pets", 8)
    for name in ("my pets.npz", "-.npz", ".npz"):
        (data_folder / "datasets" / "images" / name).write_bytes(b"")
    assert images.names() == ["pets"] and "images:pets" in datasets()


@pytest.mark.parametrize("name", ["", "../up", "a/b", "con.x", "x" * 300, "-x", "naïve", "a\n"])
def test_a_name_that_is_no_plain_word_is_refused(name):
    with pytest.raises(SpecError, match="images cannot be called"):
        add_images(zipped(good()), name, 8)
    with pytest.raises(SpecError, match="images cannot be called"):
        dataset_row(f"images:{name}")


def test_a_damaged_file_of_kept_images_is_a_sentence_and_hides_nothing_else(data_folder):
    add_images(zipped(good()), "pets", 8)
    add_images(zipped(good()), "more", 8)
    path = data_folder / "datasets" / "images" / "pets.npz"
    whole = path.read_bytes()
    entry = whole.rindex(b"PK\1\2")
    method, version = bytearray(whole), bytearray(whole)
    method[entry + 10], version[entry + 6] = 99, 255  # ones that zipfile does not know
    spoilt = (b"", whole[:-200], b"\x80\x04]q\x00.", np.random.bytes(500), method, version)
    for spoiled in spoilt:
        path.write_bytes(spoiled)
        os.utime(path)
        with pytest.raises(SpecError, match=r"pets\.npz cannot be read"):
            dataset_row("images:pets").load()
        rows = datasets()
        assert rows["images:more"].available() is None
        assert "pets.npz cannot be read. Delete" in rows["images:pets"].available()


def test_a_run_on_images_that_are_gone_can_still_be_looked_at():
    add_images(zipped(good()), "pets", 8)
    config = RunConfig(net=preset("digits20"), dataset="images:pets", batch_size=8)
    remove_images("pets")
    assert RunConfig.from_json(config.to_json()) == config
    row = dataset_row("images:pets")
    assert "no images called pets on this machine, only none. Add them again" in row.available()
    with pytest.raises(SpecError, match="no images called pets"):
        row.load()
    net, twin = pair_of(config)
    assert net.num_classes == twin.num_classes == 10
    assert adaptations(net, "images:pets") == []


def test_a_run_stays_visible_when_its_images_have_become_fewer_than_its_batch():
    add_images(zipped(good(20)), "pets", 8)
    config = RunConfig(net=preset("digits20"), dataset="images:pets", batch_size=30)
    remove_images("pets")
    add_images(zipped(good()), "pets", 8)
    assert RunConfig.from_json(config.to_json()) == config
    words = "Batch size: 30 is more than the 9 training images. Use at most 9"
    with pytest.raises(SpecError, match=words):
        check_fits(config, estimate(config, None))
    with pytest.raises(SpecError, match=words):
        Trainer(config, 0)


def test_the_values_of_a_kept_set_are_normalised_as_any_other():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (12, 8, 8, 3), np.uint8)
    members = {f"{'ab'[i % 2]}/{i:02}.png": saved(Image.fromarray(p)) for i, p in enumerate(pixels)}
    add_images(zipped(members), "noise", 8)
    known = dataset_row("images:noise").load()
    seen = known.normalised(known.train_images)
    assert seen.mean(dim=(0, 2, 3)).abs().max() < 1e-5
    stored = torch.cat([known.train_images, known.test_images]).permute(0, 2, 3, 1).numpy()
    assert {p.tobytes() for p in stored} == {p.tobytes() for p in pixels}  # 8×8 stay as they are


def test_whatever_a_zip_holds_is_answered_in_sentences():
    noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    kinds = {"PNG": saved, "JPEG": lambda image: png(kind="JPEG", size=(20, 20))}
    members = {f"pets/cat/{k}": save(Image.fromarray(noise)) for k, save in kinds.items()}
    whole = zipped({**good(), **members}).getvalue()
    rng = np.random.default_rng(1)
    answers = 0
    for _ in range(80):  # with 1,000, zlib and zipfile have shown all their errors
        data = bytearray(whole)
        for at in rng.integers(0, len(data), 3):
            data[at] ^= rng.integers(1, 256)
        try:
            add_images(io.BytesIO(bytes(data)), "pets", 8)
            remove_images("pets")
        except SpecError:
            answers += 1
    assert answers > 40
