"""Our trace against torchinfo on the meta device, in one process: milliseconds and ratios.

cold: nothing is known of the net. warm: its blocks were traced before (an edit of another part).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from resnet_core import graph, net
from resnet_core.presets import preset
from resnet_core.second_opinion import summary

NETS = ("resnet18", "resnet50", "resnet152", "resnet110")
REPEATS = 5


def milliseconds(call: Callable[[], object], before: Callable[[], object]) -> float:
    """Median of REPEATS calls, each after `before`."""
    times = []
    for _ in range(REPEATS):
        before()
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def forget_nets() -> None:
    graph.trace.cache_clear()
    net.blocks_of.cache_clear()


def forget_all() -> None:
    forget_nets()
    graph._trace_module.cache_clear()


def measure(key: str) -> dict:
    spec = preset(key)
    theirs = milliseconds(lambda: summary(spec), summary.cache_clear)
    cold = milliseconds(lambda: graph.trace(spec), forget_all)
    warm = milliseconds(lambda: graph.trace(spec), forget_nets)
    return {
        "net": spec.name,
        "torchinfo_ms": theirs,
        "cold_ms": cold,
        "warm_ms": warm,
        "torchinfo_over_cold": theirs / cold,
        "torchinfo_over_warm": theirs / warm,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    for key in NETS:  # both sides start with their modules imported and torch warm
        graph.trace(preset(key)), summary(preset(key))
    rows = [measure(key) for key in NETS]
    if arguments.json:
        print(json.dumps({"bench": "trace", "rows": rows}))
        return
    print(f"{'net':<12}{'torchinfo':>11}{'cold':>9}{'warm':>9}{'/cold':>8}{'/warm':>8}")
    for row in rows:
        print(
            f"{row['net']:<12}{row['torchinfo_ms']:>8.1f} ms{row['cold_ms']:>6.1f} ms"
            f"{row['warm_ms']:>6.2f} ms{row['torchinfo_over_cold']:>7.1f}x"
            f"{row['torchinfo_over_warm']:>7.0f}x"
        )


if __name__ == "__main__":
    main()
