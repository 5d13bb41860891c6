"""The runs there are, and recorded ones: a menu that is read when it is opened."""

from __future__ import annotations

import streamlit as st

from explorer import key, recording_panel, state, theme, visitor
from explorer.link import Experiment
from explorer.settings_panel import in_short
from resnet_core.runs.engine import EngineError, Run, User
from resnet_core.runs.recording_file import ENDING, MAX_FILE
from resnet_core.runs.with_recordings import WithRecordings
from resnet_core.spec import SpecError

PACE = "2 × as fast"  # of a recording that is picked here


def show(engine: WithRecordings) -> None:
    menu = st.popover("Runs", icon=":material/history:", key=state.RUNS, on_change="rerun")
    if not menu.open:
        return
    with menu, st.container(key="runs_body"):
        here, recorded = st.tabs(["On this machine", "Recordings"])
        with here:
            runs_here(engine)
        with recorded:
            shelf(engine)
            open_file(engine)
        if key.has_key():
            lecturer()


def runs_here(engine: WithRecordings) -> None:
    try:
        runs = engine.runs(MOST)
    except EngineError as e:
        st.caption(theme.literal(str(e)))
        return
    if not runs:
        st.caption("No run yet.")
    user = visitor.user()
    seen = next((row_of(run) for run in runs if run.id == state.run_id()), None)
    for run in one_of_each_series(runs):
        st.button(
            f"{title(run, row_of(run) == seen)} :gray[{who(run, user)}]",
            key=f"run{run.id}",
            type="tertiary",
            width="stretch",
            icon=icon(run),
            on_click=state.pick,
            args=(run.id,),
        )


MOST = 100  # runs, those of series too; more would be no menu


def one_of_each_series(runs: list[Run]) -> list[Run]:
    """The first run of each series where its last one stands, and all others."""
    rows: dict[object, Run] = {}
    for run in runs:  # the newest first
        rows[row_of(run)] = run
    return list(rows.values())


def row_of(run: Run) -> object:
    """The same for all runs of a series."""
    return run.series.id if run.series else run.id


def title(run: Run, on_screen: bool) -> str:
    """As markdown."""
    words = theme.literal(run_title(run))
    return f"**{words}**" if on_screen else words


def run_title(run: Run) -> str:
    """What tells runs apart: net, norm, init, settings, and how it ended."""
    net = run.config.net
    how = in_short(Experiment.of_run(run.config))
    if run.series:
        same = [f"norm {net.norm}"] * (run.series.kind in ("seeds", "depths"))
        return " · ".join([f"{run.id} · {run.series.title} ({run.series.size} runs)", *same, how])
    roles = ("plain", "residual") if net.is_plain else ("residual", "plain")
    known = [m for m in run.models if m.accuracy is not None]
    learned = [f"{m.accuracy:.0%} ({roles[m.model]})" for m in known]
    result = f"held out {' and '.join(learned)}" if learned else (run.ended or run.state)
    config = run.resolved.config if run.resolved else run.config
    changed = [f"lr changed to {lr:g}" for _, lr in config.lr_changes[-1:]]
    words = [net.name, f"norm {net.norm}", f"init {net.init}", how, *changed, result]
    return f"{run.id} · {' · '.join(words)}"


def who(run: Run, user: User) -> str:
    if not run.owner:
        return ""
    return "yours" if run.owner == user.id else "somebody else's"


def icon(run: Run) -> str:
    return f":material/{ICONS.get(run.ended or run.state, 'help')}:"


def shelf(engine: WithRecordings) -> None:
    """Recordings play at once, and nothing trains for them. Of a series all is shown."""
    tapes = engine.recordings.shelf(visitor.user())
    if not tapes:
        st.caption("No recording here yet. Open a file of one:")
    for run_id, tape in tapes.items():
        place = tape.head["series"]
        if place and place["index"]:
            continue
        st.button(
            theme.literal(tape.title + (f" ({place['size']} runs)" if place else "")),
            key=f"tape{-run_id}",
            type="tertiary",
            width="stretch",
            icon=":material/movie:",
            on_click=recording_panel.play,
            args=(engine, run_id, "at once" if place else PACE),
            help=theme.literal(tape.about) or None,
        )


def open_file(engine: WithRecordings) -> None:
    if state.opened_tape() is not None and (refused := state.refused()):
        st.error(theme.literal(str(refused)), icon=":material/block:")
    st.file_uploader(
        "A recording, from Take away",
        type=ENDING.removeprefix("."),
        max_upload_size=MAX_FILE // 1024**2,
        key=state.TAPE,
        on_change=open_tape,
        args=(engine,),
    )


def open_tape(engine: WithRecordings) -> None:
    """Callback of the uploader."""
    if (file := state.opened_tape()) is None:
        return
    try:
        run_id = engine.recordings.open(file.getvalue(), visitor.user())
    except SpecError as e:
        state.refuse(e)
    else:
        recording_panel.play(engine, run_id, PACE)


def lecturer() -> None:
    """With the key, one may stop everybody's runs."""
    if state.is_lecturer():
        st.caption(":material/key: You have the key: you may pause and stop every run.")
        return
    st.text_input(
        "Key",
        type="password",
        key=state.KEY,
        on_change=enter_key,
        placeholder="The lecturer's key",
        label_visibility="collapsed",
        autocomplete="off",
    )
    if refusal := state.key_refusal():
        st.caption(refusal)


def enter_key() -> None:
    """Callback of the field."""
    visitor.enter(state.typed_key())


#: how a run ended or, before that, its state -> its sign
ICONS = {
    "queued": "schedule",
    "starting": "hourglass_top",
    "running": "play_circle",
    "paused": "pause_circle",
    "steps": "check_circle",
    "time": "check_circle",
    "stopped": "stop_circle",
    "diverged": "trending_up",
    "failed": "error",
    "interrupted": "bolt",
}
