"""How fast this machine trains, so that a run's time can be told before it starts."""

from __future__ import annotations

import time

from resnet_core.graph import trace
from resnet_core.presets import digits


def measure(train, device: str) -> dict:
    """The fields of a Speed, from one net at two batch sizes: what grows is work, the rest ops."""
    net = digits(20)
    graph = trace(net)
    small, large = (2, 64) if device == "cpu" else (2, 1024)
    few, many = (step_s(train, net, device, size) for size in (small, large))
    # a GPU may do the large batch in the time of the small one: then it is at least so fast
    growth = max(many - few, 0.02 * few)
    macs_per_s = 3 * graph.macs * (large - small) / growth
    overhead = max(few - 3 * graph.macs * small / macs_per_s, 0.0) / len(graph.ops)
    return {"device": device, "op_overhead_s": overhead, "macs_per_s": macs_per_s}


def step_s(train, net, device: str, batch_size: int) -> float:
    """Seconds per recorded step: the middle one of five."""
    config = train.RunConfig(net=net, steps=7, batch_size=batch_size, device=device)
    laps = []
    began = time.perf_counter()
    for _ in train.Trainer(config, 0).records():
        laps.append(time.perf_counter() - began)
        began = time.perf_counter()
    return sorted(laps[2:])[2]
