"""Rules about how training starts: norms, inits and shortcuts that do not go together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from resnet_core.blocks import ORDERS
from resnet_core.graph import LayerGraph, Op
from resnet_core.repairs import Change
from resnet_core.shortcuts import SHORTCUTS
from resnet_core.spec import NetSpec

from .finding import Found, place_of, stage_of

LOUD_ADDS = 6  # additions from which a signal that doubles in each is too loud
DEEP = 20  # layers from which PyTorch's default init without a norm lets the signal fade

FIXUP = "Fixup: norm and init", {"norm": "fixup", "init": "fixup"}
BATCH_NORM = "Batch norm", {"norm": "batch"}
KAIMING = "Kaiming init", {"init": "kaiming"}
ZERO_INIT = "Zero-init", {"init": "zero"}


def loud_forward(net: NetSpec, graph: LayerGraph) -> Iterator[Found]:
    adds = sum(op.kind == "add" and not averages(net, op) for op in graph.ops)
    if net.norm != "none" or net.init != "kaiming" or adds < LOUD_ADDS:
        return
    yield Found(
        "init",
        f"{adds} additions without a norm: the signal's variance may grow up to 2^{adds} times",
        "Kaiming's init keeps the size of F(x), and adding x to it doubles the variance each "
        "time. The loss starts far above chance, or is not a number.",
        [FIXUP, BATCH_NORM, ZERO_INIT],
    )


def averages(net: NetSpec, add: Op) -> bool:
    """Whether an addition takes a mean of its arms, which is no larger than they are."""
    stage = net.stages[stage_of(place_of(add)) - 1]
    return SHORTCUTS[stage.shortcut].averages


def fading_forward(net: NetSpec, graph: LayerGraph) -> Iterator[Found]:
    if net.norm != "none" or net.init != "pytorch" or not net.is_plain or graph.depth < DEEP:
        return
    yield Found(
        "init",
        f"{graph.depth} layers without norm and without shortcuts: the gradients vanish",
        "PyTorch's default init shrinks the signal to about 0.4 of its size in every layer, and "
        "the gradients with it. Good for showing just that.",
        [KAIMING, BATCH_NORM, shortcuts(net)],
    )


def half_fixup(net: NetSpec, graph: LayerGraph) -> Iterator[Found]:
    if net.norm == "fixup" and net.init != "fixup":
        yield Found(
            "norm",
            f"Fixup's scalars with {net.init} init",
            "The scalars keep nothing in size: that is done by the init, which starts F small.",
            [FIXUP, BATCH_NORM],
        )
    if net.init == "fixup" and net.norm in ("batch", "group"):
        yield Found(
            "init",
            f"Fixup's init with {net.norm} norm",
            "The norm undoes the scaling of the weights before it: what is left of Fixup is a "
            "last layer of zeros. Fixup stands in for a norm (Zhang et al. 2019).",
            [FIXUP, ZERO_INIT],
        )


def without_shortcuts(net: NetSpec, graph: LayerGraph) -> Iterator[Found]:
    idle = {"init": ("kaiming", net.init in ("zero", "fixup"))}
    idle["stochastic_depth"] = 0, net.stochastic_depth > 0
    for name, (usual, is_set) in idle.items():
        if net.is_plain and is_set:
            title = name.replace("_", " ").capitalize()
            yield Found(
                name,
                f"{title} {getattr(net, name)} in a net without shortcuts",
                "It sets F to zero, or drops it, where x goes past it. Without a shortcut that "
                "would cut the net in two, so it is left out here.",
                [(f"{title} {usual}", {name: usual}), shortcuts(net)],
            )


def dead_blocks(net: NetSpec, graph: LayerGraph) -> Iterator[Found]:
    starts_at_zero = net.init in ("zero", "fixup") and not net.is_plain
    if net.order != "act-before-add" or net.activation != "relu" or not starts_at_zero:
        return
    yield Found(
        "init",
        f"Init {net.init} with a ReLU behind F: F is 0 and stays 0",
        "F starts at zero, and the ReLU that ends it passes no gradient there: its weights never "
        "change.",
        [
            KAIMING,
            (f"Order {ORDERS['original'].title}", {"order": "original"}),
            ("SiLU", {"activation": "silu"}),
        ],
    )


def shortcuts(net: NetSpec) -> Change:
    return "Shortcuts (B)", {"stages": tuple(replace(s, shortcut="B") for s in net.stages)}
