"""The memory that training a graph takes: weights, gradients, optimizer, and what autograd keeps.

What each layer keeps is said in its row of costs.LAYERS; here it is added up, each tensor once.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from .graph import LayerGraph, Op

FLOAT32, BFLOAT16 = 4, 2  # bytes of a value


@dataclass(frozen=True)
class Memory:
    """Bytes that training holds on its device; scratch space of kernels is not in it."""

    weights: int
    gradients: int
    optimizer: int
    activations: int  # what the forward pass keeps for the backward pass

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.optimizer + self.activations


@dataclass(frozen=True)
class Precision:
    """A row of PRECISIONS."""

    title: str
    weight: int  # bytes of a weight, of its gradient and of each state of the optimizer
    value: int  # bytes of a value of the input and, without autocast, of every other one
    is_autocast: bool = False


@dataclass(frozen=True)
class Optimizer:
    """A row of OPTIMIZERS."""

    title: str
    states: int  # values that it holds for each weight


def training_memory(
    graph: LayerGraph, batch_size: int, precision: str = "float32", optimizer: str = "sgd"
) -> Memory:
    """Bytes for one batch; `precision` and `optimizer` are keys of the tables below."""
    row = PRECISIONS[precision]
    weights = graph.params * row.weight
    states = OPTIMIZERS[optimizer].states * weights
    return Memory(weights, weights, states, sum(kept_by_autograd(graph, batch_size, row).values()))


def memory_by_layer(
    graph: LayerGraph, batch_size: int, precision: str = "float32", optimizer: str = "sgd"
) -> dict[str, int]:
    """Path -> bytes that stand there; their sum is `training_memory(...).total`.

    A tensor stands where it is written, whichever layers keep it for the backward pass.
    """
    row = PRECISIONS[precision]
    weight = row.weight * (2 + OPTIMIZERS[optimizer].states)  # with its gradient
    kept = kept_by_autograd(graph, batch_size, row)
    return {op.path: op.params * weight + kept[op.path] for op in graph.ops}


def kept_by_autograd(graph: LayerGraph, batch_size: int, precision: Precision) -> dict[str, int]:
    """Path -> bytes of what stands there of the tensors that the forward pass saves.

    Parameters are not among them.
    """
    size: dict[str, int] = {}  # path -> bytes of one value that the op puts out
    shared: dict[str, int] = {}  # path of the op that wrote a tensor -> its bytes, one example
    own: dict[str, int] = {}  # path -> bytes of tensors that no other op keeps, the whole batch
    for op in graph.ops:
        computes = size[op.path] = value_bytes(op, [size[i] for i in op.inputs], precision)
        keeps = op.keeps
        each = keeps.values * computes + keeps.bytes  # of one example
        for path in op.inputs if keeps.inputs else ():
            values = prod(graph.by_path[path].shape)
            if computes < size[path]:  # autocast makes a smaller copy of its own for this op
                each += values * computes
            else:
                shared[storage(graph, path)] = values * size[path]
        if keeps.output:
            shared[op.path] = prod(op.shape) * computes
        own[op.path] = each * batch_size + keeps.bytes_once
        if precision.is_autocast and multiplies(op):
            own[op.path] += op.params * BFLOAT16  # the copy of the weights
    return {path: shared.get(path, 0) * batch_size + own[path] for path in own}


def value_bytes(op: Op, inputs: list[int], precision: Precision) -> int:
    """Bytes of one value of the op's output, given those of its inputs.

    Autocast as torch does it on a CPU: convolutions and linear layers put out bfloat16, float32
    parameters beside them (Fixup's) make float32 of it, the rest goes along with what comes in.
    """
    if not precision.is_autocast or not inputs:
        return precision.value
    if multiplies(op):
        return BFLOAT16
    return FLOAT32 if op.params and op.kind in ("bias", "scale") else max(inputs)


def multiplies(op: Op) -> bool:
    """Whether the op is one of those that autocast runs in bfloat16."""
    return op.macs > 0


def storage(graph: LayerGraph, path: str) -> str:
    """The op that wrote the tensor: identity and flatten only pass theirs on."""
    op = graph.by_path[path]
    return storage(graph, op.inputs[0]) if op.kind in ("identity", "flatten") else path


PRECISIONS = {
    "float32": Precision("float32", FLOAT32, FLOAT32),
    "bfloat16": Precision("bfloat16 throughout", BFLOAT16, BFLOAT16),
    "mixed": Precision("bfloat16 autocast", FLOAT32, FLOAT32, is_autocast=True),
}
OPTIMIZERS = {
    "sgd": Optimizer("SGD with momentum", 1),
    "adamw": Optimizer("AdamW", 2),
}
