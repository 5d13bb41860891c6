"""A figure of depth and one of learning on the page, whoever's curves they show."""

from __future__ import annotations

import streamlit as st

from explorer import state, theme, verdict_panel
from explorer.components.figure import figure
from explorer.depth_chart import Drawing
from explorer.drawn import Drawn
from resnet_core.probes import PROBES
from resnet_core.runs.engine import Run

PRESENTING = 1.5  # times the size of type and lines, for the back row


def drawing(run: Run) -> Drawing:
    presenting, config = state.presenting(), verdict_panel.config_of(run)
    return Drawing(
        selected=state.selected(),
        scale=PRESENTING if presenting else 1.0,
        maps=not presenting,
        precision=config.precision,
        device=config.device,
    )


def last_step(run: Run) -> int:
    """That it is to do or, once it is over, that it has done."""
    done = max((model.steps_done for model in run.models), default=0)
    return (done if run.is_over and done else run.total_steps or run.config.steps) - 1


def depth_figure(charts: Drawn, probe: str, whose: str) -> None:
    figure(
        charts.depth,
        scrub=charts.scrub,
        step=state.step(),
        key=state.DEPTH,
        label=f"{PROBES[probe].name} against depth, for {whose}, with a step slider",
        on_point=state.select_in_chart,
        on_step=state.choose_step,
    )


def learning_figure(charts: Drawn) -> None:
    figure(charts.learning, key="learning", label="loss and accuracy of both nets against steps")


def about(probe: str) -> None:
    row = PROBES[probe]
    st.caption(theme.literal(f"{row.symbol}, {row.name}: {row.what} ({row.source})"))
