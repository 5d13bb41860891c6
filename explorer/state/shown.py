"""The experiment on screen: its net, the draft of another in the form, and what was refused."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from explorer import stage_table
from explorer.link import Experiment
from resnet_core.experiments import EXPERIMENTS
from resnet_core.graph import LayerGraph, trace, trace_to_mismatch
from resnet_core.spec import NetSpec, ShapeMismatch, SpecError

SS = st.session_state
HISTORY = 100  # steps of undo
PROBE = "probe"  # key of the switch between quantities


def remember() -> None:
    """A step of undo. What was undone before cannot be redone after another change."""
    SS.undo.append(SS.experiment)
    del SS.undo[:-HISTORY]
    SS.redo.clear()


def show_experiment(experiment: Experiment) -> None:
    if "experiment" in SS and experiment.net != SS.experiment.net:
        before, after = trace(SS.experiment.net), trace(experiment.net)
        SS.look, SS.stamp = SS.look.carried(before, after), SS.stamp + 1
    SS.experiment, SS.problem, SS.draft_net = experiment, None, None
    SS.draft = stage_table.draft_of(experiment.net)


def experiment() -> Experiment:
    return SS.experiment


def named() -> str | None:
    """The key of the experiment that was chosen, while net and settings are as it has them."""
    if SS.named not in EXPERIMENTS:
        return None
    row, now = EXPERIMENTS[SS.named], SS.experiment
    wanted = (Experiment.of_run(config) for config in (row.config, row.gpu))
    return SS.named if any(replace(one, seed=now.seed) == now for one in wanted) else None


def net() -> NetSpec:
    """The last good net: what is drawn, counted and run."""
    return SS.experiment.net


def problem() -> SpecError | None:
    """What is wrong with the draft in the form, if it is not the net that is shown."""
    return SS.problem


def draft_net() -> NetSpec | None:
    """What the form describes while it cannot be built; None if a value is wrong in itself."""
    return SS.draft_net


def graph() -> LayerGraph:
    """What the picture shows: the last good net, or the draft up to a (+) that cannot add."""
    if isinstance(SS.problem, ShapeMismatch):
        return trace_to_mismatch(SS.draft_net)
    return trace(net())


def refuse(error: Exception) -> None:
    """Something asked for cannot be done: shown until the next change."""
    SS.refused = error


def refused() -> Exception | None:
    return SS.refused
