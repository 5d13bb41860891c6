"""What a graph implies beyond its counts: the memory that training takes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from .graph import LayerGraph, Op

FLOAT, INDEX = 4, 8  # bytes of a float32 and of a max-pool's int64 index


@dataclass(frozen=True)
class Memory:
    """Bytes that training in float32 holds on its device; scratch space of kernels is not in it."""

    weights: int
    gradients: int
    optimizer: int  # SGD's momentum
    activations: int  # what the forward pass keeps for the backward pass

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.optimizer + self.activations


def training_memory(graph: LayerGraph, batch_size: int) -> Memory:
    """SGD with momentum, one batch. Activations are the tensors that autograd saves, each once."""
    weights = graph.params * FLOAT
    kept: dict[str, int] = {}  # path of the op whose output is kept -> bytes of one example
    extra = 0  # bytes beside outputs, whole batch
    for op in graph.ops:
        for path in keeps(graph, op):
            kept[path] = prod(graph.by_path[path].shape) * FLOAT
        if op.kind == "norm":
            extra += 2 * op.shape[0] * FLOAT  # the batch's mean and deviation
        if is_max_pool(op):
            extra += prod(op.shape) * INDEX * batch_size
    return Memory(weights, weights, weights, sum(kept.values()) * batch_size + extra)


def keeps(graph: LayerGraph, op: Op) -> list[str]:
    """Paths of the ops whose outputs this op's backward pass needs.

    ReLU keeps what it put out; additions, zero-padding and average pools keep nothing.
    """
    if op.kind == "relu":
        return [op.path]
    if op.kind in ("conv", "norm", "linear") or is_max_pool(op):
        return [storage(graph, op.inputs[0])]
    return []


def storage(graph: LayerGraph, path: str) -> str:
    """The op that wrote the tensor: identity and flatten only pass theirs on."""
    op = graph.by_path[path]
    return storage(graph, op.inputs[0]) if op.kind in ("identity", "flatten") else path


def is_max_pool(op: Op) -> bool:
    return op.kind == "pool" and op.detail.startswith("max")
