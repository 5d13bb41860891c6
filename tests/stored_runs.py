"""Runs in a database, of real records, without the processes that train: for tests of pages."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import numpy as np

from resnet_core.graph import MODULES
from resnet_core.proof import Proof
from resnet_core.run_config import RunConfig
from resnet_core.runs.store import Batch, Store
from resnet_core.train import Diverged, Trainer


def stored_run(
    folder: Path, config: RunConfig, ended: str | None = None, reason: str = "", sentence: str = ""
) -> int:
    """Trains both nets of `config` here and stores what they showed; goes on if not `ended`."""
    store = Store(folder)
    try:
        run_id = store.submit(config.to_json(), uuid.uuid4().hex, config.steps)
        _, attempt = store.claim("1:2:3")
        batch = Batch(run={"state": "running", "elapsed_s": 1.0})
        with MODULES:  # a page that is being shown may trace at the same time
            for model in (0, 1):
                add_model(batch, config, model)
        shared = {"tensors_shared": 8, "tensors_identical": 8}
        batch.run["proof"] = json.dumps(vars(Proof(**shared, batches_compared=config.steps)))
        store.append(run_id, attempt, batch)
        if ended:
            store.end(run_id, attempt, ended=ended, reason=reason, sentence=sentence)
        return run_id
    finally:
        store.close()


def add_model(batch: Batch, config: RunConfig, model: int) -> None:
    trainer = Trainer(config, model)
    channels = {"scalars": ["loss", "accuracy"], **trainer.labels}
    place_of = {name: place for place, name in enumerate(channels)}
    for place, (name, labels) in enumerate(channels.items()):
        kind = "scalars" if name == "scalars" else "per_op"
        batch.channels.append((model, place, name, kind, json.dumps(list(labels))))
    steps, end = 0, {"how": "steps", "end_step": config.steps - 1}
    for event in trainer.records():
        if isinstance(event, Diverged):
            end = {"how": "diverged", "end_step": event.step}
            end |= {"path": event.path, "what": event.what}
            break
        scalars = np.float32([event.scalars["loss"], event.scalars["accuracy"]])
        for name, row in {"scalars": scalars, **event.per_op}.items():
            point = (model, place_of[name], event.step, row.astype("<f4").tobytes())
            batch.points.append(point)
        steps += 1
    batch.models[model] = {"steps": steps, **end}
