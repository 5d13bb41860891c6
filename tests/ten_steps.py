"""A run of ten steps that nobody trained: one net diverged, and a number is infinite."""

from __future__ import annotations

import numpy as np

from resnet_core.presets import digits
from resnet_core.proof import Proof
from resnet_core.run_config import RunConfig
from resnet_core.runs.run import ModelEnd, ModelProgress, ModelRecords, Resolved, Run

STEPS = 10
CONFIG = RunConfig(net=digits(8), steps=STEPS, lr_changes=((5, 0.01),))
PATHS = ("stage1.0", "stage2.0", "stage3.0")


def records_of(model: int, steps: int) -> ModelRecords:
    """Numbers as a net might show them, an infinite one among them; a dear probe every 4th step."""
    rng = np.random.default_rng(model)
    every, dear = np.arange(steps), np.arange(0, steps, 4)
    grads = rng.random((steps, 3), np.float32)
    grads[-1, 0] = np.inf
    return ModelRecords(
        model=model,
        labels={"input_grad": PATHS, "dead": PATHS[:2]},
        steps=every,
        scalars={name: rng.random(steps, np.float32) for name in ("loss", "accuracy")},
        per_op={"input_grad": grads, "dead": rng.random((len(dear), 2), np.float32)},
        probe_steps={"input_grad": every, "dead": dear},
    )


RECORDS = [records_of(0, STEPS), records_of(1, 7)]
RUN = Run(
    id=7,
    request_id="secret",
    owner="a browser's cookie",
    config=CONFIG,
    resolved=Resolved(config=CONFIG, threads=1, torch="2.13.0", device="CPU"),
    state="ended",
    ended="steps",
    reason=None,
    sentence="One net diverged; the other finished its 10 steps.",
    position=None,
    want="run",
    total_steps=STEPS,
    models=(
        ModelProgress(
            model=0, steps_done=STEPS, end=ModelEnd(how="steps", step=9), accuracy=float("nan")
        ),
        ModelProgress(
            model=1,
            steps_done=7,
            end=ModelEnd(how="diverged", step=6, path="stage1.0", what="output", cause="It grew."),
        ),
    ),
    proof=Proof(tensors_shared=8, tensors_identical=8, batches_compared=7, batches_identical=7),
    queued_at=1.0,
    elapsed_s=20.0,
)
