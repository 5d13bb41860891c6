"""How images are brought to the input of a net."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.nn import functional as F

from resnet_core.spec import NetSpec

from .table import dataset_row


def adapt_spec(net: NetSpec, dataset: str) -> NetSpec:
    """The net that trains: its head has one output per class. Images adapt to its input."""
    classes = dataset_row(dataset).classes  # none of images that are gone
    return replace(net, num_classes=len(classes)) if classes else net


def adaptations(net: NetSpec, dataset: str) -> list[str]:
    """What must change before `net` can train on the data, in plain words; [] if nothing."""
    row = dataset_row(dataset)
    if not row.classes:  # images that are gone
        return []
    (from_channels, *from_size), (channels, *size) = row.shape, net.input_shape
    changes = []
    if size != from_size:
        shown = ["×".join(map(str, hw)) for hw in (from_size, size)]
        changes.append(f"images resized from {shown[0]} to {shown[1]} (bilinear)")
    if channels != from_channels:
        plural = "" if from_channels == 1 else "s"
        changes.append(f"{from_channels} channel{plural} repeated to {channels}")
    if net.num_classes != len(row.classes):
        changes.append(f"head has {len(row.classes)} outputs instead of {net.num_classes}")
    return changes


def fit(images: torch.Tensor, input_shape: tuple[int, int, int]) -> torch.Tensor:
    """One batch as the net takes it: resized, channels repeated in turn, channels_last.

    Batch by batch: the whole set at 224×224 would fill 0.9 GB.
    """
    channels, *size = input_shape
    if list(images.shape[2:]) != size:
        images = F.interpolate(images, size, mode="bilinear", align_corners=False)
    if images.shape[1] != channels:
        turns = torch.arange(channels, device=images.device) % images.shape[1]
        images = images[:, turns]
    return images.contiguous(memory_format=torch.channels_last)
