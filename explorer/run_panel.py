"""Right: what happens. Run controls, what is said about the run, and its live charts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import streamlit as st

from explorer import (
    cached,
    curves_panel,
    experiments_menu,
    key,
    next_run,
    recording_panel,
    replay,
    run_controls,
    run_words,
    settings_panel,
    state,
    theme,
    visitor,
)
from explorer.link import Experiment
from explorer.viewers import VIEWERS
from explorer.watched import Watched, watched
from resnet_core.runs.engine import Engine, EngineError, Run
from resnet_core.series import SERIES
from resnet_core.spec import NetSpec, SpecError


def show() -> None:
    engine = cached.engine()
    if not state.presenting():
        with st.container(horizontal=True, vertical_alignment="center", key="settings"):
            settings_panel.show()
    tick = next_look() if is_going(engine) else None
    before = state.on_screen(), tick

    @st.fragment(run_every=tick, key="live")
    def live() -> None:
        engine.start()  # a supervisor that was killed is replaced while somebody looks
        again = next_look() if panel(engine) else None
        if (state.on_screen(), again) != before:
            st.rerun()  # the whole page: other panels follow, the clock starts, stops or changes

    live()


def next_look() -> float:
    """Seconds until then; this look is counted."""
    state.keep_tick(VIEWERS.tick(state.run_id() or 0, state.session_id(), state.tick()))
    return state.tick()


def is_going(engine: Engine) -> bool:
    """Whether there is a run to look at again; a run that cannot be read now is one."""
    try:
        found = watched(engine)
    except EngineError:
        return True
    return found is not None and bool(found.going)


def panel(engine: Engine) -> bool:
    """All that changes while a run goes on. Gives whether to look again."""
    try:
        found, unreadable = watched(engine), False
    except EngineError:
        found, unreadable = None, True
    run_controls.show(engine, found, unreadable)
    messages(engine, found=found is not None or unreadable)
    if found is None:
        experiments_menu.about_next()
        next_run.show(engine, None)
        return unreadable
    chosen_since(engine, found)
    about(found)
    edited_since(found.run)
    experiments_menu.about_run(engine, found)
    curves_panel.show(engine, found.run)
    return bool(found.going)


def chosen_since(engine: Engine, found: Watched) -> None:
    """What Run would do now, set apart from the run that is shown below it."""
    with st.container(key="next"):
        experiments_menu.about_chosen(found.run)
        if not found.going or found.run.recorded:
            next_run.show(engine, found.run)


def about(found: Watched) -> None:
    """Where the run is and whose; a recorded one says so in so many words."""
    if found.run.recorded:
        is_named = experiments_menu.name_of(found.run) is not None  # which says what to look at
        recording_panel.show(cached.engine(), found.run, with_about=not is_named)
    st.progress(run_words.progress(found), text=run_words.status(found))
    if said := run_words.whose(found.now, visitor.user(), key.has_key()):
        st.caption(f":material/person: {said}")


def messages(engine: Engine, found: bool) -> None:
    if refused := state.refused():
        st.error(theme.literal(str(refused)), icon=":material/block:")
    if problem := engine.problem():
        st.warning(theme.literal(problem), icon=":material/hard_drive:")
    if notice := engine.notice():
        st.info(theme.literal(notice), icon=":material/inventory_2:")
    if (name := state.missing_recording()) is not None:
        said = replay.missing(engine, name)
        st.info(theme.literal(said), icon=":material/search_off:")
    elif missing := state.missing_run(found):
        said = f"There is no run {missing[:60]!r} here."
        st.info(theme.literal(said), icon=":material/search_off:")


def edited_since(run: Run) -> None:
    on_screen = [state.net(), *nets_of(run.series.kind if run.series else None)]
    if any(replace(net, name=run.config.net.name) == run.config.net for net in on_screen):
        return  # by whatever name: a sweep's has the depth in it
    message, way_back = st.columns([3, 2], vertical_alignment="center", gap="small")
    name = theme.literal(run.config.net.name)
    since = "has been edited since" if state.named() is None else "is that of the experiment"
    message.caption(f"Curves of **{name}** as it was run. The net on screen {since}.")
    way_back.button(
        "Back to the net of this run",
        icon=":material/settings_backup_restore:",
        key="back",
        width="stretch",
        on_click=state.commit,
        args=(Experiment.of_run(run.config),),
    )


def nets_of(kind: str | None) -> list[NetSpec]:
    """The nets that a series of this kind would make of the one on screen, if it can be one."""
    if kind in SERIES:
        with suppress(SpecError):
            series = SERIES[kind].make(state.experiment().config(state.device()))
            return [config.net for _, config in series.runs]
    return []
