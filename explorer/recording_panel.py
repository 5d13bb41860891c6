"""What says that a run is a recording, and at what pace it is played."""

from __future__ import annotations

import streamlit as st

from explorer import replay, state, theme, visitor
from explorer.link import Experiment
from resnet_core.runs.engine import EngineError, Run
from resnet_core.runs.recordings import PACES
from resnet_core.runs.with_recordings import WithRecordings
from resnet_core.spec import SpecError


def show(engine: WithRecordings, run: Run, with_about: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="recorded"):
        st.badge("Recorded", icon=":material/movie:", color="orange")
        st.markdown(f"**{theme.literal(run.recorded)}**", width="stretch")
        st.menu_button(
            "Play",
            list(PACES),
            icon=":material/replay:",
            key=state.PACE_MENU,
            format_func=str.capitalize,
            on_click=play_chosen,
            args=(engine, run.id),
            help="From its beginning. Nothing is trained: it is shown as it was recorded",
        )
    found = engine.recordings.tape(run.id)
    if with_about and found is not None and found.about:
        st.caption(theme.literal(found.about))


def play_chosen(engine: WithRecordings, run_id: int) -> None:
    if (pace := state.chosen_pace()) in PACES:
        play(engine, run_id, pace)


def play(engine: WithRecordings, run_id: int, pace: str) -> None:
    """Callback: a recording is played from its beginning, beside its own net and settings."""
    try:
        now = replay.play(engine, run_id, pace, visitor.user())
        run = engine.run(now)
    except (SpecError, EngineError) as e:
        state.refuse(e)
    else:
        tape = engine.recordings.tape(now)
        state.pick(now, replay.name_of(tape) if tape else None)
        if run is not None:
            state.commit(Experiment.of_run(run.config))
