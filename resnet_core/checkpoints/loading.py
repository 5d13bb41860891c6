"""Weights of a file -> a net, and what did not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch

from resnet_core.net import ResNet, build
from resnet_core.spec import NetSpec

from .names import named
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
class Loaded:
    """A net with a file's weights, in eval mode; paths are the module's."""

    module: ResNet
    loaded: int  # tensors
    missing: tuple[str, ...]  # in the net, not in the file: drawn by the net's init
    unexpected: tuple[str, ...]  # in the file, not in the net; as the file calls what is unknown
    wrong_shape: tuple[WrongShape, ...]

    @property
    def is_whole(self) -> bool:
        """Whether the net is the file's: nothing missing, nothing left over."""
        return not (self.missing or self.unexpected or self.wrong_shape)


def load_into(net: NetSpec, tensors: Mapping[str, torch.Tensor]) -> Loaded:
    """`build(net)` with the tensors that fit it. Raises SpecError as `build` and `infer` do."""
    names = named(tensors_of(tensors))
    module = build(net)
    own = module.state_dict()
    taken, wrong = set(), []
    for path in own.keys() & names.tensors.keys():
        tensor = names.tensors[path]
        if path == "head.fc.weight" and tensor.shape[2:] == (1, 1):
            tensor = tensor.flatten(1)  # timm's ResNetV2 classifies by a 1x1 convolution
        if tensor.shape == own[path].shape:
            own[path].copy_(tensor)
            taken.add(path)
        else:
            wrong.append(WrongShape(path, tuple(tensor.shape), tuple(own[path].shape)))
    # files from before 2018 do not count batches, and nothing reads that count
    needed = [path for path in own if not path.endswith("num_batches_tracked")]
    return Loaded(
        module=module.eval(),
        loaded=len(taken),
        missing=tuple(path for path in needed if path not in names.tensors),
        unexpected=(*(path for path in names.tensors if path not in own), *names.unknown),
        wrong_shape=tuple(sorted(wrong)),
    )
