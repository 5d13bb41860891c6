"""PROBES: what is measured in a net while it trains, one number per place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from resnet_core.fast_paths import bare
from resnet_core.optimizers import SGD, AdamW

from . import places
from .block_gradients import BlockGradients
from .signal import Dead, Signal
from .watch import Watch
from .weights import UpdateRatio, WeightGradient


@dataclass(frozen=True)
class Probe:
    """A row of PROBES. The dear ones, not in record.AT_EVERY_STEP, keep to rhythm.is_dear."""

    symbol: str  # with its norm bars
    name: str  # what it is and where, for menus and axes
    source: str
    what: str  # what the number says, for help
    paths: Callable  # (module) -> the places it measures; those on the main path in its order
    #: (watch, {key: paths}) -> an instrument with readings(), a vector on the device, and
    #: values(numbers), {key: array}; rows with the same `make` share one instrument
    make: Callable
    needs: str = "layer"  # what a net must have for this to be measured
    unit: str = ""  # "" for numbers without one
    is_log: bool = True  # the axis on which it spreads out; else it is linear around 0..1


def watched(module: nn.Module, optimizer: SGD | AdamW, labels: dict[str, list[str]]) -> Watch:
    """The net with the hooks of these probes alone; the given one stays without.

    One for each rhythm: a hook costs time at every pass, whether anybody looks or not.
    """
    watch, by_make = Watch(bare(module), optimizer), {}
    for key, paths in labels.items():
        by_make.setdefault(PROBES[key].make, {})[key] = paths
    watch.instruments = [make(watch, rows) for make, rows in by_make.items()]
    return watch


def all_paths(module: nn.Module) -> dict[str, list[str]]:
    return {key: probe.paths(module) for key, probe in PROBES.items()}


#: Activation gradients first: without a norm layer <W, dL/dW> is equal in all layers (Euler), so
#: weight gradients chart flat while the signal dies by 20 decades.
PROBES = {
    "input_grad": Probe(
        symbol="‖∂L/∂x‖",
        name="gradient at block inputs",
        unit="nats",
        source="He et al. 2016, eq. 5; He et al. 2015, sec. 4.1",
        what="How much of the loss's signal reaches this depth.",
        paths=places.block_paths,
        make=BlockGradients,
    ),
    "weight_grad": Probe(
        symbol="‖∂L/∂W‖",
        name="gradient of layer weights",
        unit="nats",
        source="Glorot and Bengio 2010, sec. 4.2",
        what="How far a step moves this layer. Can be flat while the signal vanishes.",
        paths=places.weight_paths,
        make=WeightGradient,
    ),
    "grad_skip": Probe(
        symbol="‖∂L/∂x‖ by x",
        name="gradient by the shortcut",
        unit="nats",
        source="He et al. 2016, eq. 5: the 1",
        what="The part of ∂L/∂x that has not been through F. Behind the activation of an original "
        "block it is what its zeros let pass; a gate's own gradient counts here. Where a "
        "pre-activation block projects, at the point where the two ways part.",
        paths=places.sum_paths,
        needs="(+) around a whole F",
        make=BlockGradients,
    ),
    "grad_residual": Probe(
        symbol="‖∂L/∂x‖ by F",
        name="gradient through F",
        unit="nats",
        source="He et al. 2016, eq. 5: ∂F/∂x",
        what="The other part of ∂L/∂x. As vectors the two parts add up to it, as norms they "
        "do not.",
        paths=places.sum_paths,
        needs="(+) around a whole F",
        make=BlockGradients,
    ),
    "share_skip": Probe(
        symbol="skip share",
        name="of ∂L/∂x, by projection",
        source="He et al. 2016, eq. 5; by projection, <part, whole> / ‖whole‖²",
        what="1 is all by the shortcut, 0 all through F. Beyond 0 and 1 the two parts work "
        "against each other.",
        paths=places.sum_paths,
        needs="(+) around a whole F",
        make=BlockGradients,
        is_log=False,
    ),
    "act_rms": Probe(
        symbol="root mean square",
        name="of layer outputs",
        source="Brock et al. 2021, sec. 3.1; He et al. 2015b, sec. 2.2",
        what="How large the signal is on its way forward, before any norm: of conv and linear "
        "layers, and of each block behind its last activation.",
        paths=places.output_paths,
        make=Signal,
    ),
    "x_norm": Probe(
        symbol="‖x‖",
        name="block input",
        source="He et al. 2016, eq. 1",
        what="What goes into the block, and so into its shortcut: the L2 norm of the whole batch.",
        paths=places.block_paths,
        make=Signal,
    ),
    "f_norm": Probe(
        symbol="‖F(x)‖",
        name="F(x) as it enters the (+)",
        source="He et al. 2016, eq. 1; De and Smith 2020, sec. 3",
        what="What F adds: the L2 norm of the whole batch, weighed where the (+) scales or gates. "
        "In a plain block all there is.",
        paths=places.single_paths,
        needs="F as a whole",
        make=Signal,
    ),
    "f_ratio": Probe(
        symbol="‖F(x)‖/‖x‖",
        name="F(x) against block input",
        source="De and Smith 2020, sec. 3",
        what="How much of what leaves the block is new: where F(x) is small against x, the block "
        "is close to the identity. In a plain block, how much larger y is than x.",
        paths=places.single_paths,
        needs="F as a whole",
        make=Signal,
    ),
    "y_norm": Probe(
        symbol="‖y‖",
        name="sum as it leaves the (+)",
        source="He et al. 2016, eq. 1",
        what="F(x) plus the shortcut's x, before any norm or activation behind it: the L2 norm of "
        "the whole batch. In a plain block y = F(x); around every layer, the last (+).",
        paths=places.block_paths,
        make=Signal,
    ),
    "update_ratio": Probe(
        symbol="‖ΔW‖/‖W‖",
        name="update of layer weights",
        source="CS231n, Neural Networks 3: about 10⁻³ is usual",
        what="How much the step changes this layer, with momentum, weight decay and learning rate.",
        paths=places.weight_paths,
        make=UpdateRatio,
    ),
    "dead": Probe(
        symbol="dead channels",
        name="share behind each ReLU",
        source="Lu et al. 2020 (dying ReLU), sec. 1, for channels of the batch",
        what="Channels that are 0 at every position of every image of the batch: no gradient "
        "passes them.",
        paths=places.relu_paths,
        needs="ReLU",
        make=Dead,
        is_log=False,
    ),
}
