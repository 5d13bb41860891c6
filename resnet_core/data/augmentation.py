"""How training images are varied from step to step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import torch


@dataclass(frozen=True)
class Augmentation:
    """A row of AUGMENTATIONS."""

    title: str
    #: (stored images [B, C, H, W], generator on the CPU) -> as many of the same shape
    vary: Callable[[torch.Tensor, torch.Generator], torch.Tensor]


def augment(images: torch.Tensor, key: str, seed: int, indices: torch.Tensor) -> torch.Tensor:
    """The images of one training batch as this row of AUGMENTATIONS varies them, on their device.

    What is drawn depends on the seed and on the batch's indices alone: both twins see the same
    images on any device, and a batch of the next epoch, which is another one, is varied anew.
    """
    if key == "none":
        return images
    # of a seed torch's generator on the CPU takes the lower 32 bits: both have to be in them
    generator = torch.Generator().manual_seed(crc32(indices.cpu().numpy().tobytes(), seed))
    return AUGMENTATIONS[key].vary(images, generator)


def shift(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Moved by up to 4 of 32 pixels along each axis; what comes in from outside is 0.

    He et al. 2015, sec. 4.2: 4 pixels are padded on each side, and a 32×32 crop is taken.
    """
    return _moved(images, generator, flips=False)


def flip_and_shift(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Left and right swapped in half of the images, and then as `shift` does."""
    return _moved(images, generator, flips=True)


def _moved(images: torch.Tensor, generator: torch.Generator, flips: bool) -> torch.Tensor:
    """One gather: where each row and column of the new image is found in the padded old one."""
    count, channels, height, width = images.shape
    most = [max(1, round(side / 8)) for side in (height, width)]
    down, across = (torch.randint(2 * m + 1, (count, 1), generator=generator) for m in most)
    flipped = torch.rand(count, 1, generator=generator) < (0.5 if flips else 0)
    rows = torch.arange(height) + down
    columns = torch.arange(width) + across
    # the padding is as wide on the right: the mirror image of a column of the padded image
    columns = torch.where(flipped, width + 2 * most[1] - 1 - columns, columns)
    padded = torch.nn.functional.pad(images, (most[1], most[1], most[0], most[0]))
    places = rows[:, :, None] * padded.shape[3] + columns[:, None, :]  # [B, H, W]
    places = places.reshape(count, 1, -1)
    places = places.pin_memory() if images.is_cuda else places  # else the host would wait
    places = places.to(images.device, non_blocking=True)
    found = padded.flatten(2).gather(2, places.expand(-1, channels, -1))
    return found.reshape(images.shape)


#: key of RunConfig.augment -> row
AUGMENTATIONS = {
    "none": Augmentation("as they are", lambda images, generator: images),
    "shift": Augmentation("shifted at random", shift),
    "flip + shift": Augmentation("flipped and shifted at random", flip_and_shift),
}
