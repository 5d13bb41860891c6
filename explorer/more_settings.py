"""The settings of a run that are usually left alone, folded away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from explorer import state
from explorer.link import Experiment, can_do, unusual
from resnet_core.data import AUGMENTATIONS
from resnet_core.fast_paths import FAST_PATHS
from resnet_core.optimizers import OPTIMIZERS
from resnet_core.precisions import PRECISIONS
from resnet_core.run_config import RunConfig
from resnet_core.schedules import SCHEDULES


def show() -> None:
    now = state.experiment()
    changed = len(unusual(now))
    # another label would be another fold, which is shut
    with st.expander("More", key="more", on_change="rerun") as fold:
        if not fold.open:
            if changed:
                st.caption(f"{changed} changed")
            return
        for pair in PAIRS:
            for column, name in zip(st.columns(2, gap="medium"), pair):
                with column:
                    menu(name) if name in MENUS else steps(name)
        if changed:
            st.button(
                "Back to the usual ones",
                icon=":material/settings_backup_restore:",
                key="usual",
                width="stretch",
                on_click=state.commit,
                args=(as_usual(now),),
            )


def as_usual(now: Experiment) -> Experiment:
    """The same net, data, budget, rate, batch and seed; all that stands here is as at first."""
    return replace(now, **{name: getattr(RunConfig, name) for name in unusual(now)})


def menu(name: str) -> None:
    """The rows of a table; what they say of themselves is the help."""
    row, value = MENUS[name], getattr(state.experiment(), name)
    keys = [key for key in row.table if key == value or row.offered(key)]
    words = {row.table[key].title: getattr(row.table[key], row.help, "") for key in keys}
    st.selectbox(
        row.title,
        keys,
        key=state.setting(name),
        on_change=state.edit_setting,
        args=(name,),
        format_func=lambda key: row.table[key].title,
        help="  \n".join(f"**{title}**: {said}" for title, said in words.items() if said) or None,
        disabled=len(keys) < 2,
    )


def steps(name: str) -> None:
    row, value = STEPS[name], getattr(state.experiment(), name)
    st.select_slider(
        row.title,
        sorted({*row.values, value}, key=lambda v: (v is not None, v)),
        key=state.setting(name),
        on_change=state.edit_setting,
        args=(name,),
        format_func=lambda v: "off" if not v else f"{v:g}",
        help=row.help,
        disabled=name == "warmup" and state.experiment().schedule == "one-cycle",
    )


def can_compute_in(precision: str) -> bool:
    return can_do(state.device(), "precision", precision)


def can_be_taken(fast_path: str) -> bool:
    here = can_do(state.device(), "fast_path", fast_path)
    return here and FAST_PATHS[fast_path].needs(state.device()) is None


@dataclass(frozen=True)
class Menu:
    """A row of MENUS."""

    title: str
    table: Mapping
    help: str  # the field of its rows that explains them
    offered: Callable[[str], bool] = lambda key: True


@dataclass(frozen=True)
class Steps:
    """A row of STEPS."""

    title: str
    values: Sequence[float | None]
    help: str


#: field of Experiment -> the table whose keys it may have
MENUS = {
    "optimizer": Menu("Optimizer", OPTIMIZERS, "help"),
    "schedule": Menu("Schedule", SCHEDULES, "help"),
    "augment": Menu("Augmentation", AUGMENTATIONS, "help"),
    "precision": Menu("Precision", PRECISIONS, "what", can_compute_in),
    "fast_path": Menu("Steps between probes", FAST_PATHS, "help", can_be_taken),
}
#: field of Experiment -> the steps that it is set in
STEPS = {
    "warmup": Steps(
        "Warm-up [steps]",
        (0, 5, 10, 20, 50, 100, 200, 500),
        "Steps in which the learning rate rises to its peak (Goyal et al. 2017). One-cycle "
        "warms up by itself",
    ),
    "momentum": Steps("Momentum", (0.0, 0.5, 0.8, 0.9, 0.95, 0.99), "Of SGD; for AdamW it is β₁"),
    "weight_decay": Steps(
        "Weight decay",
        (0.0, 1e-5, 1e-4, 5e-4, 1e-3, 1e-2, 0.05, 0.1),
        "Added to the gradient, times the weight, by SGD; AdamW shrinks the weights by it",
    ),
    "label_smoothing": Steps(
        "Label smoothing",
        (0.0, 0.05, 0.1, 0.2),
        "The share of the target that is spread over all classes (Szegedy et al. 2016, sec. 7)",
    ),
    "clip": Steps(
        "Clip the gradient at",
        (None, 0.1, 0.5, 1.0, 5.0, 10.0),
        "The largest norm of the whole gradient that is let through (Pascanu et al. 2013)",
    ),
}
#: as they stand side by side
PAIRS = (
    ("optimizer", "schedule"),
    ("momentum", "warmup"),
    ("weight_decay", "clip"),
    ("label_smoothing", "augment"),
    ("precision", "fast_path"),
)
