"""Weights of a file -> a net, and what did not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch

from resnet_core.graph import MODULES
from resnet_core.net import ResNet, assemble, build
from resnet_core.spec import NetSpec

from .names import Named, named
from .reading import tensors_of
from .stages import Shape, shown


class WrongShape(NamedTuple):
    """A tensor that the net has in another shape."""

    path: str
    in_file: Shape
    in_net: Shape

    def __str__(self) -> str:
        return f"{self.path} is {shown(self.in_file)} in the file, {shown(self.in_net)} in the net"


@dataclass(frozen=True)
class Fit:
    """Which tensors of a file a net takes; paths are the module's."""

    taken: tuple[str, ...]
    missing: tuple[str, ...]  # in the net, not in the file: drawn by the net's init
    unexpected: tuple[str, ...]  # in the file, not in the net; as the file calls what is unknown
    wrong_shape: tuple[WrongShape, ...]

    @property
    def is_whole(self) -> bool:
        """Whether the net is the file's: nothing missing, nothing left over."""
        return not (self.missing or self.unexpected or self.wrong_shape)


class Loaded(NamedTuple):
    """A net with a file's weights, in eval mode, and what did not fit."""

    module: ResNet
    fit: Fit


def load_into(net: NetSpec, tensors: Mapping[str, torch.Tensor]) -> Loaded:
    """`build(net)` with the tensors that fit it. Raises SpecError as `build` and `infer` do."""
    fit, given = fit_of(net, tensors), shaped(tensors)
    with MODULES:  # another thread may be drawing weights of a seed
        module = build(net)
    own = module.state_dict()
    for path in fit.taken:
        own[path].copy_(given.tensors[path])
    return Loaded(module.eval(), fit)


def fit_of(net: NetSpec, tensors: Mapping[str, torch.Tensor]) -> Fit:
    """What `load_into` would take, by shapes alone: no weight of the net is made."""
    own, given = shapes_of(net), shaped(tensors)
    shapes = {path: tuple(tensor.shape) for path, tensor in given.tensors.items()}
    both = [path for path in own if path in shapes]
    # files from before 2018 do not count batches, and nothing reads that count
    needed = [path for path in own if not path.endswith("num_batches_tracked")]
    wrong = [path for path in both if shapes[path] != own[path]]
    return Fit(
        taken=tuple(path for path in both if shapes[path] == own[path]),
        missing=tuple(path for path in needed if path not in shapes),
        unexpected=(*(path for path in shapes if path not in own), *given.unknown),
        wrong_shape=tuple(sorted(WrongShape(path, shapes[path], own[path]) for path in wrong)),
    )


@lru_cache(maxsize=8)
def shapes_of(net: NetSpec) -> dict[str, Shape]:
    """Path -> shape of each tensor in the net's state_dict."""
    with torch.device("meta"):
        return {path: tuple(t.shape) for path, t in assemble(net).state_dict().items()}


def shaped(tensors: Mapping[str, torch.Tensor]) -> Named:
    """The tensors by our paths and in our shapes."""
    given = named(tensors_of(tensors))
    weight = given.tensors.get("head.fc.weight")
    if weight is not None and weight.shape[2:] == (1, 1):
        given.tensors["head.fc.weight"] = weight.flatten(1)  # timm's ResNetV2: a 1x1 convolution
    return given
