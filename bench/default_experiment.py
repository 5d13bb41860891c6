"""The first screen's experiment, from Run pressed to its end: seconds, and what the nets learned.

`python bench/default_experiment.py [--seeds 3] [--json]`. The ratio is that of the final losses.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from resnet_core.presets import DEFAULT, preset
from resnet_core.run_config import RunConfig
from resnet_core.runs.embedded import Embedded
from resnet_core.runs.limits import Limits

LAST = 20  # steps that a final loss is the mean of
WARM_S = 8.0  # given to the trainers to get warm, as the reader of a first screen does


def measure(engine: Embedded, seed: int) -> dict:
    engine.start()
    time.sleep(WARM_S)
    began = time.perf_counter()
    run_id = engine.submit(RunConfig(net=preset(DEFAULT), seed=seed), uuid.uuid4().hex)
    while not engine.run(run_id).is_over:
        time.sleep(0.05)
    taken = time.perf_counter() - began
    run, records = engine.run(run_id), engine.records(run_id)
    losses = [float(model.scalars["loss"][-LAST:].mean()) for model in records]
    return {
        "seed": seed,
        "seconds": taken,
        "loss": losses,
        "held_out": [model.accuracy for model in run.models],
        "plain_over_residual": losses[1] / losses[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="default-") as folder:
        engine = Embedded(Path(folder), Limits(grace_s=0.5))
        rows = [measure(engine, seed) for seed in range(options.seeds)]
        engine.close()
        time.sleep(3)  # the supervisor leaves the folder before it goes
    if options.json:
        print(json.dumps({"bench": "default_experiment", "net": DEFAULT, "rows": rows}))
        return
    print(f"{DEFAULT:10}{'seed':>5}{'Run to end':>12}{'loss':>16}{'held out':>15}{'ratio':>16}")
    for row in rows:
        loss = " | ".join(f"{value:.3f}" for value in row["loss"])
        accuracy = " | ".join(f"{value:.0%}" for value in row["held_out"])
        print(
            f"{'':10}{row['seed']:>5}{row['seconds']:>10.1f} s{loss:>16}{accuracy:>15}"
            f"{row['plain_over_residual']:>15.0f}x"
        )


if __name__ == "__main__":
    main()
