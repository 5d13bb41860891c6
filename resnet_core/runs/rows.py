"""A row of the store -> the run that a page shows."""

from __future__ import annotations

import json
import sqlite3
from functools import lru_cache
from typing import TYPE_CHECKING

from resnet_core.proof import Proof
from resnet_core.spec import SpecError

from .run import ModelEnd, ModelProgress, Resolved, Run, SeriesPlace
from .store import Store

if TYPE_CHECKING:
    from .places import Places


@lru_cache(maxsize=256)
def config_from(text: str):
    from resnet_core.train import RunConfig  # here: it imports torch

    return RunConfig.from_json(text)


def run_from(row: sqlite3.Row, store: Store, places: Places) -> Run | None:
    """None for a run whose config this version of the program cannot read."""
    try:
        config, resolved = config_from(row["config"]), resolved_from(row["resolved"])
    except SpecError:
        return None
    models = tuple(progress_from(m) for m in store.models(row["id"]))
    place = places.of(row) if row["state"] == "queued" else None
    return Run(
        config=config,
        resolved=resolved,
        position=place and place.position,
        wait_s=place and place.wait_s,
        total_steps=row["total"],
        models=models,
        proof=proof_from(row["proof"]),
        sentence=places.sentence(row, place) if place else row["sentence"] or "Starting.",
        started_at=row["started_at"],
        first_record_at=row["first_at"],
        first_record_s=row["first_s"],
        eta_s=eta_s(row, models),
        series=series_place(row),
        lr=row["lr_wish"],
        **{name: row[name] for name in SAME},
    )


#: columns that a page sees as they are
SAME = (
    "id",
    "request_id",
    "state",
    "ended",
    "reason",
    "want",
    "queued_at",
    "ended_at",
    "elapsed_s",
    "owner",
    "slot",
)


def resolved_from(text: str | None) -> Resolved | None:
    if text is None:
        return None
    data = json.loads(text)
    return Resolved(**{**data, "config": config_from(json.dumps(data["config"]))})


def proof_from(text: str) -> Proof:
    data = json.loads(text)
    names = {name: tuple(data[name]) for name in ("only_0", "only_1") if name in data}
    return Proof(**{**data, **names})


def progress_from(row: sqlite3.Row) -> ModelProgress:
    end = row["how"] and ModelEnd(
        how=row["how"],
        step=row["end_step"],
        path=row["path"],
        what=row["what"],
        cause=row["cause"],
    )
    return ModelProgress(
        model=row["model"], steps_done=row["steps"], end=end, accuracy=row["accuracy"]
    )


def series_place(row: sqlite3.Row) -> SeriesPlace | None:
    if row["series"] is None:
        return None
    names = ("kind", "title", "index", "size", "label")
    return SeriesPlace(row["series"], *(row[f"series_{name}"] for name in names))


def eta_s(row: sqlite3.Row, models: tuple[ModelProgress, ...]) -> float | None:
    """Seconds of training that are left, by the pace so far; the slowest net decides.

    None while too little has been done to tell a pace by.
    """
    todo = [m.steps_done for m in models if m.end is None]
    if row["state"] not in ("running", "paused") or not todo or not row["total"]:
        return None
    done, elapsed_s = min(todo), row["elapsed_s"]
    paced = done - 1  # the time counts from the first record on
    if paced < 1 or not elapsed_s or (paced < PACED_STEPS and elapsed_s < PACED_S):
        return None
    return elapsed_s / paced * (row["total"] - done)


#: a pace is known after so many steps or, if they are slow, after so many seconds
PACED_STEPS, PACED_S = 5, 1.0
