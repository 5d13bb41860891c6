"""The matched twin of a net: the same layers without (or with) shortcuts, and its weights."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from .data import adapt_spec
from .inits import INITS, nothing_more
from .net import build, drawn
from .proof import SET_BY_INIT
from .resolve import blocks_of
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


def pair_of(config: RunConfig) -> tuple[NetSpec, NetSpec]:
    """The net and its twin as they are trained: the head has the classes of the data set."""
    net = adapt_spec(config.net, config.dataset)
    return net, twin_of(net)


def build_pair_member(config: RunConfig, model: int, *, drawn_only: bool = False) -> nn.Module:
    """The net (model 0) or its twin (1) with the weights of step 0, on the CPU.

    Both come from one seeded draw of the residual net; the plain one takes every tensor it
    shares from there. So two processes that never meet hold bit-identical weights. What an init
    then sets because there are shortcuts (inits.py) is the residual net's alone; with
    `drawn_only` it is left out.
    """
    pair = pair_of(config)
    residual = pair[0] if pair[1].is_plain else pair[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        if pair[model] == residual:
            return drawn(residual) if drawn_only else build(residual)
        weights = drawn(residual).state_dict()
        module = build(pair[model])
        module.load_state_dict({name: weights[name] for name in module.state_dict()})
    return module


def pair_fingerprints(config: RunConfig, model: int, module: nn.Module) -> dict[str, str]:
    """The fingerprints of a pair's member, for proof.compare.

    A tensor that the init has set has two: what was drawn, SET_BY_INIT, and what it is now.
    """
    prints = fingerprints(module)
    if INITS[config.net.init].finish is nothing_more:
        return prints
    before = fingerprints(build_pair_member(config, model, drawn_only=True))
    return {
        name: print if print == before[name] else f"{before[name]}{SET_BY_INIT}{print}"
        for name, print in prints.items()
    }


def fingerprints(module: nn.Module) -> dict[str, str]:
    """state_dict name -> SHA-256 of the tensor's bytes, hexadecimal."""
    return {
        name: hashlib.sha256(tensor.cpu().contiguous().numpy().tobytes()).hexdigest()
        for name, tensor in module.state_dict().items()
    }
