"""The runs there are: a menu that is read when it is opened."""

from __future__ import annotations

import streamlit as st

from explorer import state, theme
from explorer.link import Experiment
from explorer.settings_panel import in_short
from resnet_core.runs.engine import Engine, EngineError, Run


def show(engine: Engine) -> None:
    menu = st.popover("Runs", icon=":material/history:", key="runs", on_change="rerun")
    if not menu.open:
        return
    with menu:
        try:
            runs = engine.runs()
        except EngineError as e:
            st.caption(theme.literal(str(e)))
            return
        if not runs:
            st.caption("No run yet.")
        for run in runs:
            st.button(
                theme.literal(run_title(run)),
                key=f"run{run.id}",
                type="tertiary",
                on_click=state.watch,
                args=(run.id,),
            )


def run_title(run: Run) -> str:
    """What tells runs apart: net, norm, init, settings, and how it ended."""
    net = run.config.net
    how = [
        net.name,
        f"norm {net.norm}",
        f"init {net.init}",
        in_short(Experiment.of_run(run.config)),
    ]
    learned = [f"{m.accuracy:.0%}" for m in run.models if m.accuracy is not None]
    result = f"held out {' and '.join(learned)}" if learned else (run.ended or run.state)
    return f"{run.id} · {' · '.join(how)} · {result}"
