"""The live charts of a run or of its series, what was seen, and the proof that its twins match."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer import (
    cached,
    chart_panel,
    drawn,
    rate_line,
    series_panel,
    state,
    theme,
    verdict_panel,
)
from explorer.curve import Curve, have_begun
from resnet_core.data import adaptations
from resnet_core.precisions import PRECISIONS
from resnet_core.runs.engine import Engine, Run


def show(engine: Engine, run: Run) -> None:
    probe, how = state.probe(), chart_panel.drawing(run)
    if run.series and series_panel.show(engine, run, probe, how):
        return
    curves = cached.curves(run.config, engine.records(run.id))
    if not have_begun(curves):
        return
    config, total = verdict_panel.config_of(run), chart_panel.last_step(run)
    lengths = tuple(len(curve.records.steps) for curve in curves)
    done = max(int(curve.records.steps[-1]) + 1 for curve in curves if len(curve.records.steps))
    charts = cached.figures(
        (run.id, lengths, probe, total, how, config.lr_changes),
        lambda: drawn.one_run(curves, probe, total, how, rate_line.rate_of(config, done)),
    )
    found = verdict_panel.of_run(run, curves)
    chart_panel.depth_figure(charts, probe, "both nets")
    verdict_panel.show(run, curves, found)
    if total > 0:  # one step is no curve
        chart_panel.learning_figure(charts)
        st.caption("Thin: of each batch. Bold: smoothed.")
    verdict_panel.show_notes(found)
    chart_panel.about(probe)
    st.caption(theme.literal(matched(run, curves)))


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
    config = verdict_panel.config_of(run)
    said.append(f"Seed {config.seed}, {PRECISIONS[config.precision].title}, {config.device}.")
    return " ".join(said)
