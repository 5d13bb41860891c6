"""Makes the recordings that come with the app, anew from real runs: a few minutes.

    python -m explorer.recordings.record [key ...]

Each run is trained by the engine of this machine in a folder of its own, and watched while it
trains, so that it is replayed at its own pace. On a busy machine that is a slow one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from resnet_core.experiments import EXPERIMENTS
from resnet_core.presets import digits
from resnet_core.run_config import RunConfig
from resnet_core.runs.embedded import Embedded
from resnet_core.runs.recording_file import ENDING, record
from resnet_core.runs.run import ModelRecords, Run
from resnet_core.series import SERIES, Series
from resnet_core.twins import pair_of
from resnet_core.verdict import outcome_of, verdict_of

LOOK_S = 0.05  # between two looks at a run that trains
PATIENCE_S = 1200.0


@dataclass(frozen=True)
class Take:
    """A row of TAKES."""

    title: str
    about: str  # one sentence: what to look at
    config: RunConfig
    series: str | None = None  # key of SERIES


def of_experiment(key: str, title: str = "") -> Take:
    row = EXPERIMENTS[key]
    return Take(title or row.title, row.look, row.config, row.series)


def make(key: str, take: Take, engine: Embedded, folder: Path) -> None:
    """Writes a file for each run of the take."""
    series = SERIES[take.series].make(take.config) if take.series else None
    for place, run_id in enumerate(begin(engine, key, take.config, series)):
        run, seen = watched(engine, run_id)
        if run.ended in ("failed", "interrupted"):
            raise SystemExit(f"{key}: {run.sentence}")
        records = engine.records(run_id)
        title = f"{take.title}, {series.runs[place][0]}" if series else take.title
        content = record(
            run, records, seen, title=title, about=take.about, said=statements(run, records)
        )
        path = folder / f"{key}{f'-{place + 1}' if series else ''}{ENDING}"
        path.write_bytes(content)
        size, word = len(content) / 1000, run.sentence
        print(f"{path.name:24} {size:6.0f} kB  {run.elapsed_s:6.1f} s  {word}", flush=True)


def begin(engine: Embedded, key: str, config: RunConfig, series: Series | None) -> list[int]:
    engine.start()
    if series is None:
        return [engine.submit(config, f"recorded {key}")]
    return engine.submit_series(series, f"recorded {key}")


def watched(engine: Embedded, run_id: int) -> tuple[Run, dict[int, list[tuple[float, int]]]]:
    """The run at its end, and for each net pairs of (seconds of training, steps known then)."""
    seen: dict[int, list[tuple[float, int]]] = {}
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        engine.start()
        run = engine.run(run_id)
        for model in run.models if run.is_active else ():
            pairs = seen.setdefault(model.model, [])
            if model.steps_done and (not pairs or pairs[-1][1] < model.steps_done):
                pairs.append((run.elapsed_s, model.steps_done))
        if run.is_over:
            for model in run.models:
                seen.setdefault(model.model, []).append((run.elapsed_s, model.steps_done))
            return run, seen
        time.sleep(LOOK_S)
    raise SystemExit(f"run {run_id} did not end within {PATIENCE_S:.0f} s")


def statements(run: Run, records: Sequence[ModelRecords]) -> list[str]:
    """What is to be seen in it, for who reads the file without this program."""
    progress = {model.model: model for model in run.models}
    outcomes = [outcome_of(model, progress[model.model]) for model in records]
    found = verdict_of(pair_of(run.config), outcomes, run.config)
    return [found.headline, *(note.text for note in found.notes)]


def main(keys: Sequence[str]) -> None:
    here = Path(__file__).parent
    for key in keys or TAKES:
        with TemporaryDirectory(prefix="recording-") as folder:
            engine = Embedded(Path(folder))
            try:
                make(key, TAKES[key], engine, here)
            finally:
                engine.close()  # its supervisor ends by itself, with nothing left to do


#: name of the file -> what is recorded
TAKES = {
    "degradation": of_experiment("degradation", "Degradation: 56 layers"),
    "vanishing": of_experiment("vanishing"),
    "exploding": of_experiment("exploding"),
    "blow-up": of_experiment("blow-up"),
    "deep": Take(
        "110 layers",
        "The plain net's gradients explode at the start, then collapse; with shortcuts the same "
        "110 layers train.",
        RunConfig(net=digits(110), lr=0.01, steps=180),
    ),
    "seeds": Take(
        "Three seeds: 20 layers",
        "At 20 layers the plain net trains, too, and lags behind with each of three seeds.",
        RunConfig(net=digits(20), lr=0.02, steps=60),
        "seeds",
    ),
}

if __name__ == "__main__":
    main(sys.argv[1:])
