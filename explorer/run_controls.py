"""The buttons of a run: start it, or several; pause and stop it; its learning rate; other runs."""

from __future__ import annotations

import streamlit as st

from explorer import next_run, runs_menu, state, visitor
from explorer.settings_panel import SLIDERS
from explorer.watched import Watched
from resnet_core.probes import PROBES
from resnet_core.runs.engine import Engine, Run
from resnet_core.series import SERIES


def show(engine: Engine, watched: Watched | None, unreadable: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="controls"):
        start(engine, disabled=unreadable or next_run.is_busy(engine))
        if watched is None or watched.may_change(visitor.user()) or not watched.going:
            pause_and_stop(engine, watched)
        runs_menu.show(engine)
    if watched and watched.going and watched.may_change(visitor.user()):
        learning_rate(engine, watched.now)
    quantity()


def start(engine: Engine, disabled: bool) -> None:
    with st.container(horizontal=True, key="run_split", width="content", gap=None):
        st.button(
            "Run",
            icon=":material/play_arrow:",
            type="primary",
            key="start",
            on_click=next_run.start,
            args=(engine,),
            disabled=disabled,
            help="Train this net and its twin without shortcuts, side by side",
        )
        st.menu_button(
            "",
            list(SERIES),
            key=state.SERIES_MENU,
            type="primary",
            format_func=lambda kind: SERIES[kind].title,
            on_click=start_chosen,
            args=(engine,),
            disabled=disabled,
            help="Several runs, one after the other, shown on one scale",
        )


def start_chosen(engine: Engine) -> None:
    if (kind := state.chosen_series()) in SERIES:
        next_run.start_series(engine, kind)


def pause_and_stop(engine: Engine, watched: Watched | None) -> None:
    going = watched.going if watched else ()
    paused = bool(going) and watched.now.want == "pause"
    recorded = bool(going) and watched.run.recorded
    st.button(
        "Resume" if paused else "Pause",
        icon=":material/resume:" if paused else ":material/pause:",
        key="pause",
        on_click=next_run.attempt,
        args=(engine.resume if paused else engine.pause, (watched.now,) if going else ()),
        disabled=not going,
    )
    st.button(
        "To the end" if recorded else "Stop",
        icon=":material/skip_next:" if recorded else ":material/stop:",
        key="stop",
        on_click=next_run.attempt,
        args=(engine.stop, going),
        disabled=not going,
        help="Show all of it" if recorded else "End it; the curves are kept",
    )


def learning_rate(engine: Engine, run: Run) -> None:
    """Of a run that goes on: both nets take it from the same step on."""
    if run.recorded or run.state == "queued":
        return
    now = run.lr or run.config.lr
    is_peak = run.config.schedule != "constant" or run.config.warmup
    with st.container(horizontal=True, vertical_alignment="center", key="live_lr"):
        st.select_slider(
            "Peak learning rate now" if is_peak else "Learning rate now",
            sorted({*SLIDERS["lr"].values, run.config.lr, now}),
            key=state.live_lr(run.id, now),
            on_change=change_rate,
            args=(engine, run),
            disabled=run.want == "stop",
            help="Changes the run that goes on, from its next step; the change is recorded",
        )


def change_rate(engine: Engine, run: Run) -> None:
    next_run.attempt(engine.set_lr, (run,), state.chosen_lr(run.id))


def quantity() -> None:
    st.selectbox(
        "Quantity",
        list(PROBES),
        format_func=lambda key: f"{PROBES[key].symbol} · {PROBES[key].name}",
        key=state.PROBE,
        label_visibility="collapsed",
    )
