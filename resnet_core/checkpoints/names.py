"""Names of tensors, as others call them -> as they are called here (the module paths).

To read another program's names: a row in LAYOUTS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from .limits import CheckpointError, quoted

#: what wrapping a module for several GPUs, for torch.compile or for training puts before its names
PREFIX = re.compile(r"^(?:(?:module|_orig_mod|model)\.)+")
#: a pooled shortcut's modules are numbered pool, conv, norm; another's conv, norm
POOLED = re.compile(r"^(layer\d+\.\d+\.)(?:downsample|shortcut)\.2\.")


@dataclass(frozen=True)
class Layout:
    """A row of LAYOUTS: one program's names."""

    family: str
    signs: tuple[str, ...]  # names that a file of this layout has
    #: (pattern of a name without its last part, template of ours); "{}" keeps it as it is
    rules: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Named:
    """The tensors of a file under our names, and what else the names tell."""

    family: str
    tensors: dict[str, torch.Tensor]
    unknown: tuple[str, ...]  # names, as in the file, that no rule knows
    pooled: bool | None  # whether projections follow a pool; None where names do not tell


def named(tensors: Mapping[str, torch.Tensor]) -> Named:
    """Raises CheckpointError where these are not the names of a residual net."""
    keys = without_prefix(tensors)
    layout = next((row for row in LAYOUTS if set(row.signs) <= set(keys)), None)
    if layout is None:
        raise not_a_resnet(keys)
    pooled = {match[1] for match in map(POOLED.match, keys) if match}
    ours, unknown = {}, []
    for key, original in keys.items():
        name = translated(key, layout, pooled)
        if name is None or name in ours:
            unknown.append(original)
        else:
            ours[name] = tensors[original]
    if len(unknown) > len(ours):
        raise not_a_resnet(keys)
    is_timm = pooled or "conv1.0.weight" in keys or any(".se." in key for key in keys)
    is_timm = is_timm or not any(key.endswith("running_mean") for key in keys)
    family = "timm" if is_timm and layout.family == "torchvision" else layout.family
    tells = layout.family == "torchvision" and any(".shortcut." in name for name in ours)
    return Named(family, ours, tuple(unknown), bool(pooled) if tells else None)


def without_prefix(tensors: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """Name without the wrappers' prefixes -> name in the file."""
    keys = {PREFIX.sub("", key): key for key in tensors}
    if len(keys) < len(tensors):
        raise CheckpointError(
            "two nets are in this file under names that differ only in their prefix",
            "Save one of them alone",
        )
    return keys


def translated(key: str, layout: Layout, pooled: set[str]) -> str | None:
    """Our name of a tensor, None if no rule knows it."""
    module, _, last = key.rpartition(".")
    for pattern, ours in layout.rules:
        if match := re.fullmatch(pattern, module):
            numbers = {name: int(text) for name, text in match.groupdict().items()}
            words = {f"{name}_{word}": n + i for name, n in numbers.items() for word, i in BESIDE}
            if "part" in numbers:
                words["part"] = numbers.pop("part") - module.startswith(tuple(pooled))
                if words["part"] not in (0, 1):
                    return None
                words["part"] = ("conv", "norm")[words["part"]]
            return f"{ours.format(module, **numbers, **words)}.{last}"
    return None


def not_a_resnet(keys: Mapping[str, str]) -> CheckpointError:
    looked_for = ", ".join(dict.fromkeys(f"{row.signs[0]!r} ({row.family})" for row in LAYOUTS))
    found = ", ".join(quoted(key) for key in list(keys)[:3])
    return CheckpointError(
        f"these are not the names of a residual net: looked for {looked_for}, found {found}",
        "Choose a checkpoint of a ResNet with torchvision's, timm's or this program's names",
    )


#: what a template may add to a number
BESIDE = (("after", 1), ("before", -1))
BLOCK = r"layer(?P<stage>\d{1,4})\.(?P<block>\d{1,4})\."
BLOCK_V2 = r"stages\.(?P<stage>\d{1,4})\.blocks\.(?P<block>\d{1,4})\."
HERE, HERE_V2 = "stage{stage}.{block}.", "stage{stage_after}.{block}."
#: torchvision's ResNet. timm's has the same names and some more; kuangliu's and akamaster's nets
#: for CIFAR say `linear` and `shortcut`
RESNET = (
    (r"conv1", "stem.conv"),
    (r"bn1", "stem.norm"),
    (BLOCK + r"conv(?P<n>[1-4])", HERE + "residual.conv{n}"),
    (BLOCK + r"bn(?P<n>[1-4])", HERE + "residual.norm{n}"),
    (BLOCK + r"(?:downsample|shortcut)\.(?P<part>\d)", HERE + "shortcut.{part}"),
    (BLOCK + r"se\.fc1", HERE + "residual.attention.reduce"),
    (BLOCK + r"se\.fc2", HERE + "residual.attention.expand"),
    (BLOCK + r"se\.conv", HERE + "residual.attention.conv"),
    (r"fc|linear", "head.fc"),
)
DEEP = (
    (r"conv1\.0", "stem.conv1"),
    (r"conv1\.1", "stem.norm1"),
    (r"conv1\.3", "stem.conv2"),
    (r"conv1\.4", "stem.norm2"),
    (r"conv1\.6", "stem.conv3"),
    (r"bn1", "stem.norm3"),
)
#: timm's ResNetV2: each norm stands before its conv, the first one takes x
RESNET_V2 = (
    (r"stem\.conv", "stem.conv"),
    (r"stem\.conv(?P<n>[123])", "stem.conv{n}"),
    (r"stem\.norm(?P<n>[12])", "stem.norm{n}"),
    (BLOCK_V2 + r"norm1", HERE_V2 + "norm"),
    (BLOCK_V2 + r"norm(?P<n>[234])", HERE_V2 + "residual.norm{n_before}"),
    (BLOCK_V2 + r"conv(?P<n>[1-4])", HERE_V2 + "residual.conv{n}"),
    (BLOCK_V2 + r"downsample\.conv", HERE_V2 + "shortcut.conv"),
    (r"norm", "head.norm"),
    (r"head\.fc", "head.fc"),
)
OWN = ((r"(?:stem|head|stage\d{1,4}\.\d{1,4})\..*", "{}"),)
LAYOUTS = (
    Layout("torchvision", ("layer1.0.conv1.weight", "conv1.0.weight"), DEEP + RESNET),
    Layout("torchvision", ("layer1.0.conv1.weight", "conv1.weight"), RESNET),
    Layout("timm", ("stages.0.blocks.0.conv1.weight", "norm.weight"), RESNET_V2),
    Layout("this project", ("stage1.0.residual.conv1.weight",), OWN),
)
