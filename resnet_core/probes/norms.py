"""L2 norms that are true at any size: gradients of deep nets span more than float32's squares."""

from __future__ import annotations

from collections.abc import Sequence

import torch

#: Squares of float32 numbers underflow below 1e-19 and overflow above 1e19. A norm between these
#: bounds owes nothing to such elements (fewer than 1e9 of them); any other is taken in float64.
SAFE = 1e-10, 1e18
#: a float32 sum over so many squares is off by 2e-6 at most, over 40 times as many by 4e-5
FEW = 2**16
#: both have float32's range; sums over bfloat16 numbers in bfloat16 are off by 2e-3
NARROW = torch.float32, torch.bfloat16


def l2_norm(tensor: torch.Tensor) -> torch.Tensor:
    """L2 norm as a scalar on the tensor's device, exact to 1e-6; of a tensor without a history."""
    if tensor.device.type == "mps":
        return scaled_norm(tensor)
    if tensor.device.type == "cpu" and tensor.dim() == 4 and tensor.dtype in NARROW:
        # float64 sums are 7 x slower than float32 ones on CPUs, and one float32 sum over all is
        # off by 3e-5: so float32 over what lies together in memory (the pixels of a channel, or
        # a row of pixels in channels_last; any other order is 10 x slower), float64 over those
        together = (2, 3) if tensor.is_contiguous() else (1, 3)
        parts = torch.linalg.vector_norm(tensor, dim=together, dtype=torch.float32)
        norm = torch.linalg.vector_norm(parts, dtype=torch.float64)
        if SAFE[0] < norm.item() < SAFE[1]:
            return norm
    return torch.linalg.vector_norm(tensor, dtype=torch.float64)


def scaled_norm(tensor: torch.Tensor) -> torch.Tensor:
    """L2 norm without float64: the largest element becomes 1, so that no square underflows."""
    largest = torch.linalg.vector_norm(tensor, torch.inf).clamp(min=torch.finfo(tensor.dtype).tiny)
    return largest * torch.linalg.vector_norm(tensor / largest)


@torch.no_grad()
def grouped_norms(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """The L2 norms of many small tensors in one vector, exact to 1e-5."""
    if tensors[0].device.type == "mps":
        return torch.stack([scaled_norm(tensor) for tensor in tensors])
    if tensors[0].device.type != "cpu":
        return torch.stack(torch._foreach_norm(tensors, dtype=torch.float64))
    # as in l2_norm: float32 where it will do, which is nearly everywhere
    small = [t if t.numel() <= FEW else t.new_zeros(0) for t in tensors]
    norms = torch.stack(torch._foreach_norm(small)).double()
    for i in ((norms <= SAFE[0]) | ~(norms < SAFE[1])).nonzero().flatten().tolist():
        norms[i] = l2_norm(tensors[i])
    return norms


class Meter:
    """Norms of tensors as they pass; what is met twice in a row is measured once.

    A block's output is the next block's input, and the gradient at a pre-activation block's (+)
    is the next block's in all.
    """

    def __init__(self):
        self._last, self._key, self._norm = None, None, None

    def norm(self, tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.detach()
        key = (tensor.data_ptr(), tensor._version, tensor.shape, tensor.stride())
        if key != self._key:
            # held until the next: else its memory, and so its key, could be another tensor's
            self._last, self._key, self._norm = tensor, key, l2_norm(tensor)
        return self._norm

    def forget(self) -> None:
        self._last, self._key, self._norm = None, None, None
