"""Numbers on their way from the device that computes them to the program that reads them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import numpy as np
import torch

#: float64 numbers that arrive when it is called
Arriving = Callable[[], np.ndarray]


def at_once(numbers: torch.Tensor) -> Arriving:
    """What lies in the machine's own memory is there already."""
    arrived = numbers.cpu().numpy().astype(np.float64)
    return lambda: arrived


class Ring:
    """Buffers that a GPU writes into while the program goes on: whoever reads late never waits.

    A buffer is written again after SIZE - 1 others: by then it has to be read.
    """

    SIZE = 3

    def __init__(self):
        self._slots = cycle([Slot() for _ in range(self.SIZE)])

    def send(self, numbers: torch.Tensor) -> Arriving:
        """Queues the copy behind what the device has to do; the program does not wait."""
        slot = next(self._slots)
        slot.write(numbers)
        return slot.read


class Slot:
    """One pinned buffer, and the event that says that the device has written it."""

    def __init__(self):
        self._buffer = torch.empty(0)
        self._size = 0
        self._written = torch.cuda.Event(blocking=True)  # whoever waits leaves the core to others

    def write(self, numbers: torch.Tensor) -> None:
        self._size = len(numbers)
        if self._size > len(self._buffer):
            self._buffer = torch.empty(self._size, dtype=torch.float64, pin_memory=True)
        self._buffer[: self._size].copy_(numbers, non_blocking=True)
        # torch copies on this stream; the event would be of the first GPU's, whoever computes
        self._written.record(torch.cuda.current_stream(numbers.device))

    def read(self) -> np.ndarray:
        self._written.synchronize()
        return self._buffer[: self._size].numpy().copy()


def sender(device: str) -> Callable[[torch.Tensor], Arriving]:
    """How the numbers of a step leave this device."""
    return Ring().send if device.startswith("cuda") else at_once


def lag(device: str) -> int:
    """How many steps a record is read after its own: a GPU has the next one to do meanwhile."""
    return 1 if device.startswith("cuda") else 0
