"""What a file of numbers says of the run that they come from."""

from __future__ import annotations

import json
from collections.abc import Sequence

from resnet_core.probes import PROBES
from resnet_core.runs.recording_head import one_line
from resnet_core.runs.run import ModelRecords, Run

#: scalar -> its unit or what it is; of the batch, before the update
SCALARS = {
    "loss": "nats, of the batch",
    "accuracy": "share of the batch, 0..1",
    "lr": "learning rate of the update that follows",
    "grad_norm": "nats, L2 norm of the whole gradient before it is clipped",
}


def facts(run: Run, records: Sequence[ModelRecords]) -> dict[str, str]:
    """Name -> one line of text. Who owned the run is not in it."""
    told = {"program": "Residual Explorer", "net": run.config.net.name}
    if run.recorded:
        told["recorded"] = f"{run.recorded} (these numbers were replayed, not trained here)"
    told["state"] = run.sentence if run.is_over else f"{run.state}: the run goes on"
    told["matched twins"] = run.proof.sentence
    if run.resolved:
        told["torch"] = f"{run.resolved.torch}, {run.resolved.device}"
        told["threads"] = str(run.resolved.threads)
        if run.resolved.images:
            told["images"] = f"digest {run.resolved.images}"
    for model in run.models:
        end = model.end
        if end and end.how == "diverged":
            told[f"{role_of(run, model.model)} net diverged"] = (
                f"at step {end.step}, first at {end.path} ({end.what}). {end.cause or ''}".strip()
            )
        if model.accuracy is not None:
            told[f"{role_of(run, model.model)} net, held-out accuracy"] = f"{model.accuracy:.4f}"
    for quantity in quantities(records):
        told[quantity] = meaning(quantity)
    settled = run.resolved.config if run.resolved else run.config
    told["config"] = json.dumps(json.loads(settled.to_json()))
    return {name: one_line(text)[:LONGEST] for name, text in told.items()}


def role_of(run: Run, model: int) -> str:
    """ "residual" or "plain": model 0 is the net, 1 its twin."""
    return "plain" if run.config.net.is_plain == (model == 0) else "residual"


def quantities(records: Sequence[ModelRecords]) -> list[str]:
    found = [name for model in records for name in [*model.scalars, *model.per_op]]
    return list(dict.fromkeys(found))


def meaning(quantity: str) -> str:
    if quantity not in PROBES:
        return SCALARS.get(quantity, "")
    row = PROBES[quantity]
    return f"{row.symbol}, {row.name}" + (f" [{row.unit}]" if row.unit else "")


LONGEST = 20_000  # characters of a fact: the config of a net with many stages
