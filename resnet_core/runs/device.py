"""A GPU as a training process takes it: is it there, and has its last user let go of it?"""

from __future__ import annotations

import time
from pathlib import Path

from .locks import Lock

#: locks that this process has taken; it keeps them, as it keeps memory of the device, to its end
_taken: dict[str, Lock] = {}


def is_ready(train, order: dict, orders, send) -> bool:
    """Waits for the device of the order. False if that will not do; the owner knows then."""
    names = [key for key, _ in train.available_devices()]
    device = train.RunConfig.from_json(order["config"]).device
    problem = None
    if device not in names and f"{device}:0" not in names:
        problem = f"there is no {device} on this machine, only {' and '.join(names)}."
    elif order["lock"] and not _take(order["lock"], order["patience_s"], orders, send):
        problem = "it is still held by another program."
    if problem:
        send({"kind": "failed", "reason": "device", "detail": problem})
    return problem is None


def _take(path: str, patience_s: float, orders, send) -> bool:
    """The lock is free again when all its holders are gone, however they end."""
    lock, began = Lock(Path(path)), time.monotonic()
    while path not in _taken:
        if lock.take(patience_s=0.2):
            _taken[path] = lock
        elif time.monotonic() - began > patience_s:
            return False
        else:
            orders.checkpoint({})
            send({"kind": "waiting", "holder": lock.holder()})
    return True
