"""Validation of 10,000 random and hostile specs from JSON, by arithmetic alone: milliseconds.

What a link, a file or an edit costs before anything is built. The aim is 50 ms for the slowest.
The time is that of the process, so that other load hardly counts. Objects that exist before
(torch's modules, mostly) are frozen for Python's garbage collector, as a full collection over them
takes 100 ms and would fall on whichever spec is next; what validation itself keeps is collected.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from hostile import any_json

from resnet_core.resolve import blocks_of
from resnet_core.spec import LIMITS, NetSpec, SpecError, StageSpec

SPECS = 10_000
AIM_MS = 50


def longest() -> str:
    """The most blocks that the limits allow, of the kind with the most to check."""
    most = LIMITS["num_blocks"][1]
    row = StageSpec(num_blocks=most, width=64, block="bottleneck", shortcut="gated", attention="se")
    return NetSpec(name="longest", stages=(row, row), stochastic_depth=50).to_json()


def milliseconds(text: str) -> tuple[float, int]:
    """How long one spec takes, and its number of blocks (0 if it is refused)."""
    start = time.process_time()
    try:
        number = len(blocks_of(NetSpec.from_json(text)))
    except SpecError:
        number = 0
    return 1000 * (time.process_time() - start), number


def measure(seed: int) -> dict:
    rng = random.Random(seed)
    texts = [any_json(rng) for _ in range(SPECS - 1)] + [longest()]
    gc.collect()
    gc.freeze()
    results = [milliseconds(text) for text in texts]
    times = sorted(ms for ms, _ in results)
    slowest, blocks = max(results)
    return {
        "bench": "validate",
        "specs": len(texts),
        "accepted": sum(number > 0 for _, number in results),
        "median_ms": statistics.median(times),
        "p99_ms": times[int(0.99 * len(times))],
        "slowest_ms": slowest,
        "slowest_blocks": blocks,
        "longest_ms": results[-1][0],
        "aim_ms": AIM_MS,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    row = measure(arguments.seed)
    if arguments.json:
        print(json.dumps(row))
        return
    print(f"{row['specs']:,} specs, of which {row['accepted']:,} can be built")
    print(f"median  {row['median_ms']:8.3f} ms")
    print(f"p99     {row['p99_ms']:8.3f} ms")
    print(f"slowest {row['slowest_ms']:8.3f} ms ({row['slowest_blocks']:,} blocks; 0 is refused)")
    print(f"longest {row['longest_ms']:8.3f} ms (2,000 blocks)")
    print(f"aim     {AIM_MS:8.3f} ms for the slowest: {verdict(row)}")


def verdict(row: dict) -> str:
    return "met" if row["slowest_ms"] <= AIM_MS else "missed"


if __name__ == "__main__":
    main()
