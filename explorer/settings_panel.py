"""How the next run is trained, on what device, and the runs there are."""

from __future__ import annotations

import streamlit as st

from explorer import cached, state, theme
from explorer.link import Experiment
from resnet_core.data import DATASETS
from resnet_core.runs.engine import Engine, EngineError, Run

RATES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
BATCHES = [16, 32, 64, 128, 256]
STEPS = [30, 60, 120, 240, 500, 1000, 2000]
SECONDS = [5, 10, 15, 30, 60, 120, 300]


def show() -> None:
    now = state.experiment()
    with st.popover(in_short(now), icon=":material/tune:", help="How to train: for the next run"):
        st.segmented_control(
            "Budget",
            ["steps", "seconds"],
            key=state.budget(),
            required=True,
            on_change=state.edit_budget,
            help="Seconds are turned into steps early in the run, so that it can be repeated",
        )
        if now.seconds is None:
            slider("steps", "Steps", STEPS, "Each step is one batch, the same for both nets")
        else:
            slider("seconds", "Seconds", SECONDS, "Of training, for both nets side by side")
        slider("lr", "Learning rate", RATES, "SGD with momentum 0.9; 0.01 to 0.02 suits deep nets")
        slider("batch_size", "Batch size", BATCHES, "Images of one step")
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
        key=state.device_menu(),
        on_change=state.choose_device,
        format_func=devices.get,
        label_visibility="collapsed",
        width=150,
    )


def slider(name: str, label: str, options: list, help: str) -> None:
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


def recent_runs(engine: Engine) -> None:
    """A menu of the newest runs; the list is read only when it is opened."""
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
    """What tells runs apart: net, norm, init, rate, seed, and how it ended."""
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
