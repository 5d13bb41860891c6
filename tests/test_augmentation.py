"""Varied batches, against a loop over images and pixels that is written from the definition."""

import pytest
import torch

from resnet_core.data import AUGMENTATIONS, augment


def by_hand(image, down: int, across: int, flipped: bool):
    """The image on a black ground, moved; a flipped one is turned first. [C, H, W]."""
    moved = torch.zeros_like(image)
    _, height, width = image.shape
    for y in range(height):
        for x in range(width):
            from_y, from_x = y + down, x + across
            if flipped:
                from_x = width - 1 - from_x
            if 0 <= from_y < height and 0 <= from_x < width:
                moved[:, y, x] = image[:, from_y, from_x]
    return moved


def moves(side: tuple[int, int]):
    """Every (down, across) that is allowed."""
    most = [max(1, round(s / 8)) for s in side]
    return [(d, a) for d in range(-most[0], most[0] + 1) for a in range(-most[1], most[1] + 1)]


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 16), (2, 5, 11)])
def test_every_varied_image_is_the_image_moved_and_perhaps_flipped(shape):
    image = torch.randint(1, 256, shape, dtype=torch.uint8)
    images = image.expand(20, -1, -1, -1)
    for key, flips in (("shift", (False,)), ("flip + shift", (False, True))):
        varied = augment(images, key, 7, torch.arange(20))
        assert varied.dtype == torch.uint8 and varied.shape == images.shape
        ways = torch.stack([by_hand(image, *m, f) for m in moves(shape[1:]) for f in flips])
        assert (varied[:, None] == ways[None]).flatten(2).all(2).any(1).all()


def test_all_shifts_and_both_flips_happen_equally_often():
    image = torch.arange(1, 65, dtype=torch.uint8).reshape(1, 1, 8, 8)
    count = 18 * 400
    varied = augment(image.expand(count, -1, -1, -1), "flip + shift", 3, torch.arange(count))
    found, counts = varied.flatten(1).unique(dim=0, return_counts=True)
    assert len(found) == 18  # -1, 0, 1 in two directions, flipped or not
    assert (counts - 400).abs().max() < 100  # 5 standard deviations


def test_four_of_32_pixels_are_the_most():
    image = torch.zeros(1, 1, 32, 32, dtype=torch.uint8)
    image[..., 16, 16] = 1
    varied = augment(image.expand(2000, -1, -1, -1), "shift", 0, torch.arange(2000))
    down, across = varied[:, 0].amax(2).argmax(1) - 16, varied[:, 0].amax(1).argmax(1) - 16
    for axis in (down, across):
        assert axis.unique().tolist() == list(range(-4, 5))


@pytest.mark.parametrize("key", AUGMENTATIONS)
def test_what_is_drawn_depends_on_the_seed_and_the_batch_alone(key):
    images, batch = torch.randint(0, 256, (16, 3, 8, 8), dtype=torch.uint8), torch.arange(16)
    first = augment(images, key, 1, batch)
    torch.manual_seed(5)
    assert torch.equal(augment(images, key, 1, batch), first)
    others = augment(images, key, 2, batch), augment(images, key, 1, batch + 1)
    assert all(torch.equal(other, first) == (key == "none") for other in others)


@pytest.mark.gpu
def test_the_device_changes_nothing():
    images, batch = torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8), torch.arange(16)
    there = augment(images.cuda(), "flip + shift", 1, batch)
    assert there.is_cuda and torch.equal(there.cpu(), augment(images, "flip + shift", 1, batch))
