"""What is known of runs on the command line: the engine, the curves' ends, the verdict."""

from __future__ import annotations

import getpass
import math
from typing import TYPE_CHECKING

from .show import Table, number

if TYPE_CHECKING:  # they import torch
    from resnet_core.run_config import RunConfig
    from resnet_core.runs.engine import Engine
    from resnet_core.runs.run import ModelRecords, Run

ROLES = ("net", "twin")  # in JSON: the one that was asked for, and the other


def roles_of(config: RunConfig) -> tuple[str, str]:
    """What both nets are to a reader, in the words of the verdict."""
    return ("plain", "residual") if config.net.is_plain else ("residual", "plain")


def open_engine() -> Engine:
    """The engine that the app uses, too: of the same folder, with the same runs."""
    from resnet_core.folder import data_folder
    from resnet_core.runs.embedded import Embedded

    return Embedded(data_folder())


def user():
    """Who starts runs here: they are that person's in the app's list, too."""
    from resnet_core.runs.run import User

    try:
        return User(f"shell:{getpass.getuser()}")
    except (OSError, KeyError):  # an account without a name, as in some containers
        return User("shell:")


def last(values) -> float | None:
    """The last number of a curve; None before there is one, or if it is not finite."""
    found = float(values[-1]) if values is not None and len(values) else math.nan
    return found if math.isfinite(found) else None


def reading(records: ModelRecords | None) -> dict[str, float | None]:
    """Loss, accuracy of the batch, and the gradient's norm at the first and the last block."""
    if records is None:
        return dict.fromkeys(("loss", "accuracy", "first_gradient", "last_gradient"))
    rows = records.per_op.get("input_grad")
    ends = (rows[:, 0], rows[:, -1]) if rows is not None and rows.ndim == 2 else (None, None)
    return {
        "loss": last(records.scalars.get("loss")),
        "accuracy": last(records.scalars.get("accuracy")),
        "first_gradient": last(ends[0]),
        "last_gradient": last(ends[1]),
    }


def model_values(run: Run, records: list[ModelRecords]) -> list[dict]:
    """JSON values of both nets: how far they came, how they ended, the last readings."""
    curves = {found.model: found for found in records}
    return [
        {
            "role": ROLES[model.model],
            "steps": model.steps_done,
            "ended": model.end.how if model.end else None,
            "diverged_at": model.end.path if model.end else None,
            "cause": model.end.cause if model.end else None,
            "held_out_accuracy": last([model.accuracy]) if model.accuracy is not None else None,
            **reading(curves.get(model.model)),
        }
        for model in run.models
    ]


def sentences(run: Run, records: list[ModelRecords]) -> list[str]:
    """What the run shows; [] if nothing was recorded that could be judged."""
    from resnet_core.twins import pair_of
    from resnet_core.verdict import outcome_of, verdict_of
    from resnet_core.verdict.pair import gradients_in_words

    curves = {found.model: found for found in records}
    if not all(model in curves and len(curves[model].steps) for model in (0, 1)):
        return []
    config = run.resolved.config if run.resolved else run.config
    progress = {model.model: model for model in run.models}
    outcomes = [outcome_of(curves[model], progress.get(model)) for model in (0, 1)]
    found = verdict_of(pair_of(config), outcomes, config)
    ends = (f"{n.role}: {n.training.sentence}" for n in found.nets if n.training.key == "diverged")
    notes = (note.sentence for note in found.notes)
    said = (found.headline, *ends, *gradients_in_words(found), *notes)
    return [sentence for sentence in said if sentence]


def result_table(run: Run, records: list[ModelRecords]) -> Table:
    roles = roles_of(run.config)
    rows = [
        (
            roles[ROLES.index(value["role"])],
            number(value["steps"]),
            shown(value["loss"], ".3f"),
            shown(value["accuracy"], ".1%"),
            shown(value["held_out_accuracy"], ".1%"),
            shown(value["first_gradient"], ".1e"),
            shown(value["last_gradient"], ".1e"),
            value["ended"] or "",
        )
        for value in model_values(run, records)
    ]
    headings = ("net ", "steps", *LAST_BATCH, "held out", *GRADIENTS, "ended ")
    return Table(f"Run {run.id}: {run.sentence}", headings, rows)


def shown(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


LAST_BATCH = ("last batch's loss", "its accuracy")  # the verdict has means of the last steps
GRADIENTS = ("first gradient", "last gradient")
