"""The buttons of a run: start it, or several; pause and stop it; its learning rate; other runs."""

from __future__ import annotations

import streamlit as st

from explorer import next_run, runs_menu, state, theme, visitor
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
    if watched and is_adjustable(watched):
        what, rate = st.columns([5, 2], gap="small")
        with what:
            quantity()
        with rate:
            learning_rate(engine, watched.now)
    else:
        quantity()


def start(engine: Engine, disabled: bool) -> None:
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
        "Series",
        list(SERIES),
        key=state.SERIES_MENU,
        format_func=lambda kind: SERIES[kind].title,
        on_click=start_chosen,
        args=(engine,),
        disabled=disabled,
        help=help_of_series(),
    )


def help_of_series() -> str:
    """As markdown: what a series is, and what each kind is for or from where."""
    rows = (f"**{theme.literal(row.title)}**: {theme.literal(row.help)}" for row in SERIES.values())
    return "  \n".join(("Several runs of this net, one after the other, on one scale", *rows))


def start_chosen(engine: Engine) -> None:
    if (kind := state.chosen_series()) in SERIES:
        next_run.start_series(engine, kind)


def pause_and_stop(engine: Engine, watched: Watched | None) -> None:
    going = watched.going if watched else ()
    paused = bool(going) and watched.now.want == "pause"
    recorded = bool(going) and watched.run.recorded
    several = len(going) > 1
    st.button(
        "Resume" if paused else "Pause",
        icon=":material/resume:" if paused else ":material/pause:",
        key="pause",
        on_click=next_run.attempt,
        args=(engine.resume if paused else engine.pause, (watched.now,) if going else ()),
        disabled=not going,
    )
    st.button(
        "To the end" if recorded else "Stop all" if several else "Stop",
        icon=":material/skip_next:" if recorded else ":material/stop:",
        key="stop",
        on_click=next_run.attempt,
        args=(engine.stop, going),
        disabled=not going,
        help="Show all of it" if recorded else ENDED[several],
    )


def is_adjustable(watched: Watched) -> bool:
    """Runs of a series are compared, so they keep their rate; a recording has no other."""
    run = watched.now
    is_alone = run.is_active and run.series is None and not run.recorded
    return is_alone and watched.may_change(visitor.user())


def learning_rate(engine: Engine, run: Run) -> None:
    """Of a run that goes on: both nets take it from the same step on."""
    now = run.lr or run.config.lr
    is_peak = run.config.schedule != "constant" or run.config.warmup
    rates = sorted({*SLIDERS["lr"].values, run.config.lr, now})
    st.selectbox(
        "Learning rate of this run",
        rates,
        index=rates.index(now),
        key=state.live_lr(run.id, now),
        on_change=change_rate,
        args=(engine, run, now),
        format_func=lambda lr: f"peak lr {lr:g}" if is_peak else f"lr {lr:g}",
        disabled=run.want == "stop",
        label_visibility="collapsed",
    )


def change_rate(engine: Engine, run: Run, before: float) -> None:
    next_run.attempt(engine.set_lr, (run,), state.chosen_lr(run.id, before))


def quantity() -> None:
    st.selectbox(
        "Quantity",
        list(PROBES),
        format_func=lambda key: f"{PROBES[key].symbol} · {PROBES[key].name}",
        key=state.PROBE,
        label_visibility="collapsed",
    )


#: whether several runs of a series go on -> what Stop does
ENDED = {
    False: "End it; the curves are kept",
    True: "End this run and those that wait; the curves are kept",
}
