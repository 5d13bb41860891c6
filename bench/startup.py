"""Run pressed -> first record readable: with a parked trainer, and with none.

`python bench/startup.py [--repeat 5] [--json]`. Times depend on the machine and on who else uses
it, so the ratios count: all ways are tried in turns, in one go.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from resnet_core.presets import DEFAULT, preset
from resnet_core.run_config import RunConfig
from resnet_core.runs.embedded import Embedded
from resnet_core.runs.limits import Limits
from resnet_core.runs.processes import ROOT

#: without the measurement of the machine's speed, which the first parked trainers would do
LIMITS = Limits(grace_s=0.5, measure=False)


def first_record_s(engine: Embedded) -> float:
    """From submit to the first record that a page could draw; the run is stopped then."""
    config = RunConfig(net=preset(DEFAULT), steps=5000)
    began = time.perf_counter()
    run_id = engine.submit(config, uuid.uuid4().hex)
    while not engine.records(run_id):
        time.sleep(0.002)
    taken = time.perf_counter() - began
    engine.stop(run_id)
    while not engine.run(run_id).is_over:
        time.sleep(0.02)
    return taken


def warm_s() -> float:
    return in_new_folder(LIMITS, wait_until_parked)


def cold_s() -> float:
    """The supervisor lives, but nothing is parked: as right after another run."""
    return in_new_folder(replace(LIMITS, park=False), wait_for_supervisor)


def from_nothing_s() -> float:
    """Not even a supervisor: the first second after the app's start."""
    return in_new_folder(LIMITS, lambda engine: None)


def import_s() -> float:
    """What cannot be avoided without parking: a fresh interpreter that imports the trainer."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "import resnet_core.train"],
        cwd=ROOT,
        check=True,
    )
    return time.perf_counter() - began


def in_new_folder(limits: Limits, prepare: Callable[[Embedded], None]) -> float:
    with tempfile.TemporaryDirectory(prefix="startup-") as folder:
        engine = Embedded(Path(folder), limits)
        prepare(engine)
        taken = first_record_s(engine)
        engine.close()
        lock = Path(folder) / "supervisor.lock"
        while engine._supervision.child.poll() is None and lock.exists():
            time.sleep(0.05)
    return taken


def wait_for_supervisor(engine: Embedded) -> None:
    engine.start()
    time.sleep(1)


def wait_until_parked(engine: Embedded) -> None:
    """Both trainers of the parked owner sleep: they have done their warm-up step."""
    engine.start()
    quiet, before = 0, -1.0
    while quiet < 5:
        time.sleep(0.2)
        used = warm_up_s(engine)
        quiet = quiet + 1 if used == before else 0
        before = used


def warm_up_s(engine: Embedded) -> float:
    """CPU time of both parked trainers; NaN, equal to nothing, until there are two."""
    used = []
    for process in psutil.Process(engine._supervision.child.pid).children(recursive=True):
        with suppress(psutil.Error):  # it may just have ended
            if "resnet_core.runs.trainer" in process.cmdline():
                used.append(sum(process.cpu_times()[:2]))
    return sum(used) if len(used) == 2 else math.nan


WAYS = {"warm": warm_s, "cold": cold_s, "from nothing": from_nothing_s, "import alone": import_s}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(options.repeat):
        for way, measure in WAYS.items():  # in turns: a busy minute hits all of them
            times[way].append(measure())
    medians = {way: statistics.median(values) for way, values in times.items()}
    if options.json:
        print(json.dumps({"bench": "startup", "net": DEFAULT, "seconds": times, "median": medians}))
        return
    print(f"Run -> first record, {DEFAULT}, median of {options.repeat}")
    for way, seconds in medians.items():
        spread = f"{min(times[way]):.2f}-{max(times[way]):.2f}"
        print(f"{way:13} {seconds:6.2f} s ({spread}) {seconds / medians['warm']:6.1f} x warm")


if __name__ == "__main__":
    main()
