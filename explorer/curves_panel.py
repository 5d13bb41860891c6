"""The live charts of a run, what was seen in it, and the proof that its twins match."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer import cached, state, theme
from explorer.components.figure import figure
from explorer.curve import Curve
from resnet_core.data import adaptations
from resnet_core.probes import PROBES
from resnet_core.runs.engine import Engine, Run
from resnet_core.runs.run import ModelProgress
from resnet_core.spec import in_words
from resnet_core.verdict import Outcome, verdict

PRESENTING = 1.35  # times the size of type and lines, for the back row


def show(engine: Engine, run: Run) -> None:
    curves = cached.curves(run.config, engine.records(run.id))
    if len(curves) < 2 or not any(len(curve.records.steps) for curve in curves):
        return
    progress = {model.model: model for model in run.models}
    probe = state.SS[state.PROBE]
    scale = PRESENTING if state.presenting() else 1.0
    total = (run.total_steps or run.config.steps) - 1
    drawn = cached.figures(
        run.id, curves, probe, total, state.selected(), scale, maps=not state.presenting()
    )
    row = PROBES[probe]
    figure(
        drawn.depth,
        scrub=drawn.scrub,
        key=state.DEPTH,
        label=f"{row.name} against depth, for both nets, with a step slider",
        on_point=state.select_in_chart,
        on_step=state.choose_step,
    )
    for curve in curves:
        diverged(curve, progress.get(curve.records.model))
    headline, *rest = seen(curves, progress)
    with st.container(key="verdict"):
        st.markdown(theme.literal(headline))
    figure(drawn.learning, key="learning", label="loss and accuracy of both nets against steps")
    for statement in rest:
        st.markdown(theme.literal(statement))
    st.caption(theme.literal(f"{row.symbol}, {row.name}: {row.what} ({row.source})"))
    st.caption(theme.literal(matched(run, curves)))


def diverged(curve: Curve, progress: ModelProgress | None) -> None:
    end = progress and progress.end
    if end and end.how == "diverged":
        where = f"{in_words(end.path)} ({end.path})"
        what = f"The {curve.role} net diverged at {where}, step {end.step}"
        st.warning(theme.literal(f"{what}: its {end.what} is not finite. Its curves are kept."))


def seen(curves: Sequence[Curve], progress: dict[int, ModelProgress]) -> Sequence[str]:
    """What was seen in this run, computed from its records."""
    outcomes = []
    for curve in curves:
        model = progress.get(curve.records.model)
        end = model and model.end
        outcomes.append(
            Outcome(
                loss=curve.records.scalars["loss"],
                accuracy=curve.records.scalars["accuracy"],
                input_grad=curve.records.per_op["input_grad"],
                held_out=model and model.accuracy,
                diverged_at=end.path if end and end.how == "diverged" else None,
            )
        )
    return verdict([curve.graph.net for curve in curves], outcomes)


def matched(run: Run, curves: Sequence[Curve]) -> str:
    """What the twins share, counted, and what was trained."""
    proof, trained = run.proof, curves[0].graph
    said = [
        f"Matched twins: {proof.sentence}",
        f"{proof.batches_identical} of {proof.batches_compared} batches identical.",
        f"Trained: {trained.params:,} parameters, {trained.macs:,} MACs per "
        f"{theme.shape(trained.net.input_shape)} image.",
    ]
    if changes := adaptations(run.config.net, run.config.dataset):
        said.append(f"Adapted: {'; '.join(changes)}.")
    said.append(f"Seed {run.config.seed}, float32, {run.config.device}.")
    return " ".join(said)
