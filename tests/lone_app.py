"""An app without pages, in a process of its own: it keeps runs queued, and reads all the time.

`python lone_app.py FOLDER LIMITS CONFIG` submits variants of CONFIG (JSON) and prints a line for
each thing that it was told and that must hold from then on, whoever is killed:
"run ID", or "read ID MODEL STEPS". A line that begins with "bad" is a law that was broken.
It imports no torch, so that it starts quickly.
"""

from __future__ import annotations

import json
import random
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

from resnet_core.runs import embedded, supervision
from resnet_core.runs.engine import StoreError
from resnet_core.runs.limits import Limits
from resnet_core.runs.store import Request


def tell(*words: object) -> None:
    print(*words, flush=True)


def submit(engine: embedded.Embedded, config: dict, steps: int) -> None:
    text = json.dumps(config | {"steps": steps})
    request = Request(config=text, request_id=uuid.uuid4().hex, total=steps)
    tell("run", *engine._open().submit_all([request]))


def read(engine: embedded.Embedded, run_id: int, seen: dict[tuple[int, int], int]) -> None:
    for m in engine.records(run_id):
        steps, before = m.steps.tolist(), seen.get((run_id, m.model), 0)
        if steps != list(range(len(steps))):
            tell("bad hole", run_id, m.model, steps)
        if len(steps) < before:
            tell("bad step back", run_id, m.model, len(steps), before)
        if len(steps) > before:
            seen[run_id, m.model] = len(steps)
            tell("read", run_id, m.model, len(steps))


def main(folder: str, limits: str, config: str) -> None:
    embedded.LOOK_S, supervision.START_S = 0.05, 0.3  # this one expects murder
    engine = embedded.Embedded(Path(folder), Limits.from_json(limits))
    chance, seen = random.Random(), {}
    while True:
        engine.start()
        with suppress(StoreError):
            store = engine._open()
            if store.num_queued() < 2:
                submit(engine, json.loads(config), chance.choice([20, 60, 150]))
            for row in store.newest(6):
                read(engine, row["id"], seen)
        time.sleep(0.02)


if __name__ == "__main__":
    main(*sys.argv[1:])
