"""How the next run is trained, and on what device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from explorer import cached, data_panel, more_settings, state, theme
from explorer.link import Experiment, unusual
from resnet_core.data import AUGMENTATIONS, dataset_row
from resnet_core.fast_paths import FAST_PATHS
from resnet_core.optimizers import OPTIMIZERS
from resnet_core.precisions import PRECISIONS
from resnet_core.run_config import RunConfig
from resnet_core.schedules import SCHEDULES


def show() -> None:
    now = state.experiment()
    help = "How to train: for the next run"
    with (
        st.popover(theme.literal(in_short(now)), icon=":material/tune:", key="how", help=help),
        st.container(key="how_body"),
    ):
        side_by_side(budget, budget_size)
        side_by_side(partial(slider, "lr"), partial(slider, "batch_size"))
        side_by_side(seed, data_panel.menu, widths=(2, 3))
        data_panel.note()
        more_settings.show()
        data_panel.own_images()
    device()


def side_by_side(*parts: Callable[[], None], widths: tuple[int, int] = (1, 1)) -> None:
    for column, part in zip(st.columns(widths, gap="medium"), parts):
        with column:
            part()


def budget() -> None:
    st.segmented_control(
        "Budget",
        ["steps", "seconds"],
        key=state.budget(),
        required=True,
        on_change=state.edit_budget,
        help="Seconds are turned into steps early in the run, so that it can be repeated",
    )


def budget_size() -> None:
    slider("steps" if state.experiment().seconds is None else "seconds")


def slider(name: str) -> None:
    row, value = SLIDERS[name], getattr(state.experiment(), name)
    st.select_slider(
        row.title,
        sorted({*row.values, value}),
        key=state.setting(name),
        on_change=state.edit_setting,
        args=(name,),
        help=row.help,
    )


def seed() -> None:
    st.number_input(
        "Seed",
        min_value=0,
        max_value=2**31 - 1,
        key=state.setting("seed"),
        on_change=state.edit_setting,
        args=("seed",),
        help="Of weights and batches. One seed proves little: try three",
    )


def device() -> None:
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


def in_short(now: Experiment) -> str:
    """Budget, rate, batch and seed, and whatever is not as usual."""
    steps = "1 step" if now.steps == 1 else f"{now.steps} steps"
    said = [steps if now.seconds is None else f"{now.seconds} s"]
    said += [f"lr {now.lr:g}", f"batch {now.batch_size}", f"seed {now.seed}"]
    if now.dataset != RunConfig.dataset:
        said.append(dataset_row(now.dataset).title)
    return " · ".join([*said, *(SHORT[name](getattr(now, name)) for name in unusual(now))])


@dataclass(frozen=True)
class Slider:
    """A row of SLIDERS."""

    title: str
    values: Sequence[float]
    help: str


#: field of Experiment -> the steps that it is set in
SLIDERS = {
    "steps": Slider(
        "Steps",
        (30, 60, 120, 240, 500, 1000, 2000, 5000),
        "Each step is one batch, the same for both nets",
    ),
    "seconds": Slider(
        "Seconds", (5, 10, 15, 30, 60, 120, 300), "Of training, for both nets side by side"
    ),
    "lr": Slider(
        "Learning rate",
        (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
        "Its peak, if it has a schedule. 0.01 to 0.02 suits deep nets with SGD, 0.001 with AdamW",
    ),
    "batch_size": Slider("Batch size", (16, 32, 64, 128, 256, 512), "Images of one step"),
}
#: field of link.OTHERS -> what is said of it where it is not as usual
SHORT = {
    "augment": lambda key: AUGMENTATIONS[key].title,
    "optimizer": lambda key: OPTIMIZERS[key].title,
    "schedule": lambda key: SCHEDULES[key].title,
    "warmup": "warm-up {}".format,
    "momentum": "momentum {:g}".format,
    "weight_decay": "weight decay {:g}".format,
    "label_smoothing": "smoothing {:g}".format,
    "clip": "clip {:g}".format,
    "precision": lambda key: PRECISIONS[key].title,
    "fast_path": lambda key: FAST_PATHS[key].title,
}
