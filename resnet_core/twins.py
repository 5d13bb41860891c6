"""The matched twin of a net: the same layers without (or with) shortcuts, and the proof of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from .net import blocks_of, build
from .spec import NetSpec, SpecError

if TYPE_CHECKING:
    from .train import RunConfig


def twin_of(net: NetSpec) -> NetSpec:
    """The net without shortcuts; for a plain net, the same net with them.

    Shortcut A is the default, since it adds no parameters; B where A cannot be built (a stage
    that narrows).
    """
    if not net.is_plain:
        return with_shortcut(net, "none", f"{net.name:.60} without shortcuts")
    name = f"{net.name:.60} with shortcuts"
    try:
        twin = with_shortcut(net, "A", name)
        blocks_of(twin)
    except SpecError:
        twin = with_shortcut(net, "B", name)
    return twin


def with_shortcut(net: NetSpec, shortcut: str, name: str) -> NetSpec:
    """The same net with one shortcut in all stages."""
    stages = tuple(replace(stage, shortcut=shortcut) for stage in net.stages)
    return replace(net, name=name, stages=stages)


def build_pair_member(config: RunConfig, model: int) -> nn.Module:
    """The net (model 0) or its twin (1) with the weights of step 0, on the CPU.

    Both come from one seeded build of the residual net; the plain one takes every tensor it
    shares from there. So two processes that never meet hold bit-identical weights.
    """
    pair = config.net, twin_of(config.net)
    residual = pair[0] if pair[1].is_plain else pair[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        module = build(residual)
        if pair[model] != residual:
            weights = module.state_dict()
            module = build(pair[model])
            module.load_state_dict({name: weights[name] for name in module.state_dict()})
    return module


def fingerprints(module: nn.Module) -> dict[str, str]:
    """state_dict name -> SHA-256 of the tensor's bytes, hexadecimal."""
    return {
        name: hashlib.sha256(tensor.cpu().contiguous().numpy().tobytes()).hexdigest()
        for name, tensor in module.state_dict().items()
    }


@dataclass(frozen=True)
class Proof:
    """What two nets share at step 0, by the hashes of their tensors."""

    shared: int  # tensors with the same name in both
    identical: int  # of these, tensors with the same bytes
    only_0: tuple[str, ...]  # names in the net alone
    only_1: tuple[str, ...]  # names in its twin alone

    @property
    def sentence(self) -> str:
        start = f"{self.identical} of {self.shared} shared tensors identical at step 0"
        extra = self.only_0 + self.only_1
        if not extra:
            return f"{start}; the shortcuts add no parameters."
        if self.only_0 and self.only_1:
            return (
                f"{start}; {len(self.only_0)} are only in the net, {len(self.only_1)} in its twin."
            )
        more = (
            "the residual net has" if all("shortcut" in n.split(".") for n in extra) else "one has"
        )
        return f"{start}; {more} {len(extra)} more: {_parts(extra)}."


def _parts(names: tuple[str, ...]) -> str:
    return "projections" if all("shortcut" in n.split(".") for n in names) else ", ".join(names)


def compare(prints_0: dict[str, str], prints_1: dict[str, str]) -> Proof:
    """The fingerprints of a net and of its twin -> what is shared and what is not."""
    shared = [name for name in prints_0 if name in prints_1]
    return Proof(
        shared=len(shared),
        identical=sum(prints_0[name] == prints_1[name] for name in shared),
        only_0=tuple(name for name in prints_0 if name not in prints_1),
        only_1=tuple(name for name in prints_1 if name not in prints_0),
    )
