"""Right: what happens. Settings, run controls, and the live charts of the run that is watched."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer import cached, charts, state, theme
from explorer.charts import Curve
from explorer.components.figure import figure
from explorer.link import Experiment
from resnet_core.data import DATASETS, adaptations
from resnet_core.estimate import Estimate, check_fits, estimate
from resnet_core.graph import trace
from resnet_core.probes import PROBES
from resnet_core.run_config import RunConfig
from resnet_core.runs.engine import Engine, EngineError, Run
from resnet_core.spec import SpecError
from resnet_core.twins import Proof, twin_of
from resnet_core.verdict import Outcome, verdict

TICK = 0.4  # seconds between looks at a run in progress

RATES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
BATCHES = [16, 32, 64, 128, 256]
STEPS = [30, 60, 120, 240, 500, 1000, 2000]
SECONDS = [5, 10, 15, 30, 60, 120, 300]


def show() -> None:
    engine = cached.engine()
    engine.start()
    if not state.presenting():
        with st.container(horizontal=True, vertical_alignment="center", key="settings"):
            settings()
    run = watched(engine)
    going = run is not None and not run.is_over

    @st.fragment(run_every=TICK if going else None, key="live")
    def live() -> None:
        now = watched(engine)
        panel(engine, now)
        if (now and now.id, now is None or now.is_over) != (run and run.id, not going):
            st.rerun()  # one whole run: the clock starts or stops, other panels follow

    live()


def watched(engine: Engine) -> Run | None:
    return engine.run(state.run_id()) if state.run_id() is not None else None


def settings() -> None:
    now = state.experiment()
    with st.popover(in_short(now), icon=":material/tune:", help="How to train: for the next run"):
        by_time = now.seconds is not None
        st.segmented_control(
            "Budget",
            ["steps", "seconds"],
            default="seconds" if by_time else "steps",
            key="budget",
            on_change=state.edit_budget,
            help="Seconds are turned into steps before the first one: a run can be repeated",
        )
        if by_time:
            setting("seconds", "Seconds", SECONDS, "Of training, for both nets side by side")
        else:
            setting("steps", "Steps", STEPS, "Each step is one batch, the same for both nets")
        setting("lr", "Learning rate", RATES, "SGD with momentum 0.9; 0.01 to 0.02 suits deep nets")
        setting("batch_size", "Batch size", BATCHES, "Images of one step")
        st.number_input(
            "Seed",
            min_value=0,
            max_value=2**31 - 1,
            key=state.setting("seed"),
            on_change=state.edit_setting,
            args=("seed",),
            help="Of weights and batches. One seed proves little: try three",
        )
        st.caption(f"Data: {DATASETS[now.dataset].title}, {DATASETS[now.dataset].source}")
    devices = cached.devices()
    st.selectbox(
        "Device",
        list(devices),
        key=state.DEVICE,
        format_func=devices.get,
        label_visibility="collapsed",
        width=150,
    )


def setting(name: str, label: str, options: list, help: str) -> None:
    value = getattr(state.experiment(), name)
    st.select_slider(
        label,
        sorted({*options, value}),
        key=state.setting(name),
        on_change=state.edit_setting,
        args=(name,),
        help=help,
    )


def in_short(now: Experiment) -> str:
    budget = f"{now.steps} steps" if now.seconds is None else f"{now.seconds} s"
    return f"{budget} · lr {now.lr:g} · batch {now.batch_size} · seed {now.seed}"


def recent_runs() -> None:
    runs = cached.engine().recent()
    with st.popover("Runs", icon=":material/history:", disabled=not runs):
        for run in runs:
            title = f"{run.id} · {run.config.net.name} · {run.ended or run.state}"
            st.button(
                theme.literal(title), key=f"run{run.id}", on_click=state.watch, args=(run.id,)
            )


def panel(engine: Engine, run: Run | None) -> None:
    """All that changes while a run goes on."""
    controls(engine, run)
    messages(engine, run)
    if run is None:
        before_run()
        return
    st.progress(run.progress, text=status(run))
    edited_since(run)
    curves = curves_of(engine, run)
    if len(curves) == 2 and any(len(curve.records.steps) for curve in curves):
        show_curves(run, curves)


def controls(engine: Engine, run: Run | None) -> None:
    going = run is not None and not run.is_over
    with st.container(horizontal=True, vertical_alignment="center", key="controls"):
        st.button(
            "Run",
            icon=":material/play_arrow:",
            type="primary",
            key="start",
            on_click=start,
            args=(engine,),
            disabled=going,
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
        recent_runs()
        st.space("stretch")
        st.segmented_control(
            "Quantity",
            list(PROBES),
            format_func=lambda key: PROBES[key].symbol,
            default=next(iter(PROBES)),
            required=True,
            key=state.PROBE,
            label_visibility="collapsed",
        )


def start(engine: Engine) -> None:
    """Callback of Run. Pressed twice, it starts one run."""
    current = watched(engine)
    if current is not None and not current.is_over:
        return
    try:
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


def messages(engine: Engine, run: Run | None) -> None:
    if refused := state.refused():
        st.error(theme.literal(str(refused)), icon=":material/block:")
    if problem := engine.problem():
        st.warning(theme.literal(problem), icon=":material/hard_drive:")
    if notice := engine.notice():
        st.info(theme.literal(notice), icon=":material/inventory_2:")
    if missing := state.missing_run(run is not None):
        st.info(f"There is no run {theme.literal(missing)} here.", icon=":material/search_off:")


def before_run() -> None:
    """What Run will do, and what it will take."""
    experiment = state.experiment()
    config = experiment.config(state.device())
    needed = estimate(config, cached.engine().speed(config.device))
    twin = twin_of(config.net)
    st.markdown(
        f"**Run** trains **{theme.literal(config.net.name)}** and its twin "
        f"**{theme.literal(twin.name)}** on {DATASETS[config.dataset].title}: "
        "same weights at step 0, same batches."
    )
    st.markdown(expected(config, needed))
    if changes := adaptations(experiment.net, config.dataset):
        st.caption("Adapted for the run: " + "; ".join(changes) + ".")


def expected(config: RunConfig, needed: Estimate) -> str:
    took = "" if needed.seconds is None else f"about {theme.duration(needed.seconds)}, "
    return f"It will take {took}about {theme.memory(needed.bytes_needed)} of memory."


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
    return f"{word}: step {done} of {total}{left}"


def edited_since(run: Run) -> None:
    config = state.experiment().config(run.config.device)
    if config.net == run.config.net:
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


def curves_of(engine: Engine, run: Run) -> list[Curve]:
    graphs = [trace(run.config.net), trace(twin_of(run.config.net))]
    records = engine.records(run.id)
    return [Curve(charts.role_of(g), g, r) for g, r in zip(graphs, records)]


def show_curves(run: Run, curves: list[Curve]) -> None:
    probe = state.SS[state.PROBE]
    scale = 1.35 if state.presenting() else 1.0
    total = (run.total_steps or run.config.steps) - 1
    view = charts.depth_view(
        curves, probe, total, state.selected(), scale=scale, maps=not state.presenting()
    )
    what = f"norm of {PROBES[probe].symbol} {PROBES[probe].where}"
    label = f"{what} against depth, for both nets, with a step slider"
    figure(
        view.figure,
        scrub=view.scrub,
        key=state.DEPTH,
        label=label,
        on_point=state.select_in_chart,
    )
    for curve, end in zip(curves, (m.end for m in run.models)):
        if end is not None and end.how == "diverged":
            what = f"The {theme.NAMES[curve.role]} net diverged at {end.path}, step {end.step}"
            st.warning(theme.literal(f"{what}: its {end.what} is not finite. Its curves are kept."))
    headline, *rest = seen(run, curves)
    with st.container(key="verdict"):
        st.markdown(theme.literal(headline))
    learning = charts.learning_figure(curves, run.config.net.num_classes, scale)
    figure(learning, key="learning", label="loss and accuracy of both nets against steps")
    for statement in rest:
        st.markdown(theme.literal(statement))
    st.caption(matched(run))


def seen(run: Run, curves: list[Curve]) -> Sequence[str]:
    """What was seen in this run, computed from its records."""
    outcomes = []
    for curve, progress in zip(curves, run.models):
        end = progress.end
        outcomes.append(
            Outcome(
                loss=curve.records.scalars["loss"],
                accuracy=curve.records.scalars["accuracy"],
                input_grad=curve.records.per_op["input_grad"],
                held_out=progress.accuracy,
                diverged_at=end.path if end and end.how == "diverged" else None,
            )
        )
    return verdict([c.graph.net for c in curves], outcomes)


def matched(run: Run) -> str:
    """What the twins share, counted."""
    proof = run.proof
    same = Proof(proof.tensors_shared, proof.tensors_identical, proof.only_0, proof.only_1)
    batches = f"{proof.batches_identical} of {proof.batches_compared} batches identical"
    settings = f"Seed {run.config.seed}, float32, {run.config.device}."
    return f"Matched twins: {same.sentence} {batches}. {settings}"
