"""How well a time budget is kept, and what each run of a series costs in warm processes.

`python bench/time_budget.py [--seconds 5 10 30] [--depths 20 56] [--device cpu] [--json]`.
For each run: its budget, the time from its start to its end (calibration, both nets and their
test included), the ratio of the two, which has to lie within 0.8 and 1.2, and the part of the
budget that went by before step 0. Then runs of one step in a series: seconds for each, against
the same run in processes that are parked, and in fresh ones.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from resnet_core.presets import digits
from resnet_core.run_config import RunConfig
from resnet_core.runs.embedded import Embedded
from resnet_core.runs.engine import Run
from resnet_core.runs.limits import Limits
from resnet_core.series import Series

LIMITS = Limits(grace_s=0.5, measure=False, cpu_slots=1, max_queued_per_owner=100)
REST_S = 4.0  # for the next trainers to be warm


@contextmanager
def engine_with(limits: Limits) -> Iterator[Embedded]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        engine = Embedded(Path(folder), limits)
        engine.start()
        try:
            yield engine
        finally:
            engine.close()
            while any(folder in " ".join(p.info["cmdline"] or ()) for p in ours()):
                time.sleep(0.05)


def ours() -> Iterator[psutil.Process]:
    return (p for p in psutil.process_iter(["cmdline"]) if p.pid != os.getpid())


def end_of(engine: Embedded, run_id: int) -> Run:
    while not (run := engine.run(run_id)).is_over:
        engine.start()
        time.sleep(0.02)
    return run


def budgets(depths: list[int], seconds: list[int], device: str) -> Iterator[dict]:
    with engine_with(LIMITS) as engine:
        for depth in depths:
            for budget in seconds:
                time.sleep(REST_S)
                config = RunConfig(net=digits(depth), seconds=budget, device=device)
                run = end_of(engine, engine.submit(config, uuid.uuid4().hex))
                took = run.ended_at - run.started_at
                yield {
                    "depth": depth,
                    "budget_s": budget,
                    "took_s": took,
                    "ratio": took / budget,
                    "before_step_0": (run.first_record_at - run.started_at) / budget,
                    "steps": run.total_steps,
                    "done": min(m.steps_done for m in run.models),
                    "load": os.getloadavg()[0],
                }


def one_step_runs(count: int, device: str) -> dict[str, float]:
    """Seconds from one end to the next in a series; from submit to end elsewhere."""
    config = RunConfig(net=digits(20), steps=1, device=device)
    with engine_with(LIMITS) as engine:
        time.sleep(REST_S)
        runs = tuple((str(n), replace(config, seed=n)) for n in range(count))
        ids = engine.submit_series(Series("seeds", "series", runs), uuid.uuid4().hex)
        ends = [end_of(engine, run_id).ended_at for run_id in ids]
        laps = [b - a for a, b in pairwise(ends)]
        parked = []
        for _ in range(3):
            time.sleep(REST_S)
            run = end_of(engine, engine.submit(config, uuid.uuid4().hex))
            parked.append(run.ended_at - run.queued_at)
    with engine_with(replace(LIMITS, park=False)) as engine:
        runs = [end_of(engine, engine.submit(config, uuid.uuid4().hex)) for _ in range(3)]
    return {
        "series": statistics.median(laps),
        "parked": statistics.median(parked),
        "fresh": statistics.median(run.ended_at - run.queued_at for run in runs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, nargs="+", default=[5, 10, 30])
    parser.add_argument("--depths", type=int, nargs="+", default=[20, 56])
    parser.add_argument("--series", type=int, default=10, help="runs in the series; 0: none")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = []
    for row in budgets(given.depths, given.seconds, given.device):
        rows.append(row)
        if not given.json:
            print(
                "ResNet-{depth} {budget_s:3} s: took {took_s:5.2f} s, ratio {ratio:.2f}, "
                "{before_step_0:.0%} before step 0, {done} of {steps} steps, "
                "load {load:.1f}".format(**row),
                flush=True,
            )
    found = {"budgets": rows}
    if given.series:
        found["one step of ResNet-20, s"] = times = one_step_runs(given.series, given.device)
        if not given.json:
            print(
                f"a run of one step: {times['series']:.2f} s in a series, {times['parked']:.2f} s "
                f"in parked processes, {times['fresh']:.2f} s in fresh ones; "
                f"ratio {times['series'] / times['fresh']:.2f}"
            )
    if given.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
