"""Right: what happens. Run controls, what is said about the run, and its live charts."""

from __future__ import annotations

import streamlit as st

from explorer import cached, curves_panel, runs_menu, settings_panel, state, theme
from explorer.link import Experiment
from resnet_core.data import DATASETS, adaptations
from resnet_core.estimate import Estimate, check_fits, estimate
from resnet_core.inits import INITS, nothing_more
from resnet_core.probes import PROBES
from resnet_core.runs.engine import Engine, EngineError, Run
from resnet_core.spec import NetSpec, SpecError

TICK = 0.4  # seconds between looks at a run in progress


def show() -> None:
    engine = cached.engine()
    if not state.presenting():
        with st.container(horizontal=True, vertical_alignment="center", key="settings"):
            settings_panel.show()
    going = is_going(engine)
    before = state.on_screen(), going

    @st.fragment(run_every=TICK if going else None, key="live")
    def live() -> None:
        engine.start()  # a supervisor that was killed is replaced while somebody looks
        goes_on = panel(engine)
        if (state.on_screen(), goes_on) != before:
            st.rerun()  # the whole page: other panels follow, the clock starts or stops

    live()


def is_going(engine: Engine) -> bool:
    """Whether there is a run to look at again; a run that cannot be read now is one."""
    try:
        run = watched(engine)
    except EngineError:
        return True
    return run is not None and not run.is_over


def watched(engine: Engine) -> Run | None:
    """Raises EngineError if it cannot be read now."""
    return engine.run(state.run_id()) if state.run_id() is not None else None


def panel(engine: Engine) -> bool:
    """All that changes while a run goes on. Gives whether to look again."""
    try:
        run, unreadable = watched(engine), None
    except EngineError as e:
        run, unreadable = None, e
    controls(engine, run, disabled=unreadable is not None)
    messages(engine, found=run is not None or unreadable is not None)
    if run is not None:
        st.progress(run.progress, text=status(run))
    if run is None or run.is_over:
        next_run(engine, run)
    if run is not None:
        edited_since(run)
        curves_panel.show(engine, run)
    return unreadable is not None or (run is not None and not run.is_over)


def controls(engine: Engine, run: Run | None, disabled: bool) -> None:
    going = run is not None and not run.is_over
    with st.container(horizontal=True, vertical_alignment="center", key="controls"):
        st.button(
            "Run",
            icon=":material/play_arrow:",
            type="primary",
            key="start",
            on_click=start,
            args=(engine,),
            disabled=going or disabled,
            help="Train this net and its twin without shortcuts, side by side",
        )
        paused = going and run.want == "pause"
        st.button(
            "Resume" if paused else "Pause",
            icon=":material/resume:" if paused else ":material/pause:",
            key="pause",
            on_click=attempt,
            args=(engine.resume if paused else engine.pause, run and run.id),
            disabled=not going,
        )
        st.button(
            "Stop",
            icon=":material/stop:",
            key="stop",
            on_click=attempt,
            args=(engine.stop, run and run.id),
            disabled=not going,
            help="End it; the curves are kept",
        )
        runs_menu.show(engine)
    st.selectbox(
        "Quantity",
        list(PROBES),
        format_func=lambda key: f"{PROBES[key].symbol} · {PROBES[key].name}",
        key=state.PROBE,
        label_visibility="collapsed",
    )


def start(engine: Engine) -> None:
    """Callback of Run. Pressed twice, it starts one run."""
    try:
        current = watched(engine)
        if current is not None and not current.is_over:
            return
        config = state.experiment().config(state.device())
        check_fits(config, estimate(config, engine.speed(config.device)))
        state.watch(engine.submit(config, state.request_id()))
    except (SpecError, EngineError) as e:
        state.refuse(e)


def attempt(action, run_id: int) -> None:
    """Callback of Pause and Stop."""
    try:
        action(run_id)
    except EngineError as e:
        state.refuse(e)


def messages(engine: Engine, found: bool) -> None:
    if refused := state.refused():
        st.error(theme.literal(str(refused)), icon=":material/block:")
    if problem := engine.problem():
        st.warning(theme.literal(problem), icon=":material/hard_drive:")
    if notice := engine.notice():
        st.info(theme.literal(notice), icon=":material/inventory_2:")
    if missing := state.missing_run(found):
        st.info(f"There is no run {theme.literal(missing)} here.", icon=":material/search_off:")


def next_run(engine: Engine, last: Run | None) -> None:
    """What Run will do, how the data are adapted, and what it will take."""
    experiment = state.experiment()
    config = experiment.config(state.device())
    if last is not None and config == last.config:
        return  # it would be the same run again
    needed = estimate(config, engine.speed(config.device))
    name, data = theme.literal(config.net.name), DATASETS[config.dataset].title
    twin = "with shortcuts" if config.net.is_plain else "without shortcuts"
    if last is None:
        st.markdown("#### Does a deep net train without its shortcuts?")
    said = [
        f"**Run** trains **{name}** and its twin {twin} on {data}: "
        f"{same_start(config.net)}, same batches."
    ]
    if state.problem():
        said.append("The form has a mistake, so this is the last good net.")
    if changes := adaptations(config.net, config.dataset):
        said.append(f"Adapted for it: {'; '.join(changes)}.")
    try:
        check_fits(config, needed)
        said.append(expected(needed))
    except SpecError as e:
        if not state.refused():
            st.warning(theme.literal(str(e)), icon=":material/block:")
    st.markdown(" ".join(said)) if last is None else st.caption(" ".join(said))


def same_start(net: NetSpec) -> str:
    """What the twins share at step 0; a plain net that began at F = 0 could never begin."""
    if INITS[net.init].finish is nothing_more:
        return "same weights at step 0"
    return "same draw of weights, of which the residual net alone sets F to zero"


def expected(needed: Estimate) -> str:
    memory = f"about {theme.memory(needed.bytes_needed)} for both nets and their processes"
    if not needed.is_measured:
        return f"It will take {memory}; its time is still being measured."
    return f"It will take about {theme.duration(needed.seconds)}, and {memory}."


def status(run: Run) -> str:
    """One line for the progress bar."""
    if run.is_over:
        return theme.literal(f"{run.sentence} {theme.duration(run.elapsed_s)} of training.")
    if run.state == "queued":
        return f"Queued, position {run.position}."
    done = min((m.steps_done for m in run.models if m.end is None), default=0)
    total = run.total_steps or run.config.steps
    left = f", about {theme.duration(run.eta_s)} left" if run.eta_s is not None else ""
    word = {"starting": "Starting", "paused": "Paused"}.get(run.state, "Training")
    return f"{word}: {done} of {total} steps done{left}"


def edited_since(run: Run) -> None:
    if state.net() == run.config.net:
        return
    message, way_back = st.columns([3, 2], vertical_alignment="center", gap="small")
    name = theme.literal(run.config.net.name)
    message.caption(f"Curves of **{name}** as it was run. The net on screen has been edited since.")
    way_back.button(
        "Back to the net of this run",
        icon=":material/settings_backup_restore:",
        key="back",
        width="stretch",
        on_click=state.commit,
        args=(Experiment.of_run(run.config),),
    )
