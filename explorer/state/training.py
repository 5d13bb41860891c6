"""How the next run is trained, and the run that is watched."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import BinaryIO

from explorer import cached
from explorer.link import Experiment
from explorer.state.session import commit
from explorer.state.shown import SS
from explorer.state.url import put_in_url
from resnet_core.data import dataset_row
from resnet_core.spec import SpecError

SECONDS = 15  # of a time budget, when it is chosen first
#: keys of the widgets that the page mounts
SETTING, BUDGET, DEVICE = "setting_", "budget", "device_menu"
SERIES_MENU, PACE_MENU, LIVE_LR = "series_menu", "pace_menu", "live_lr_"
KEY, TAPE, RUNS = "key", "tape", "runs"
SWITCH, SWEEP = "series_", "sweep"


def setting(name: str) -> str:
    """Key of the widget for a field of the experiment, set to what the experiment says."""
    key = SETTING + name
    SS[key] = getattr(SS.experiment, name)
    return key


def edit_setting(name: str) -> None:
    """Callback of such a widget."""
    changed = replace(SS.experiment, **{name: SS[SETTING + name]})
    if name == "dataset":
        changed = fitted(changed)
    try:
        changed.config()
    except SpecError as e:
        SS.refused = e
    else:
        commit(changed)


def budget() -> str:
    """Key of the switch between steps and seconds, set to what the experiment says."""
    SS[BUDGET] = "steps" if SS.experiment.seconds is None else "seconds"
    return BUDGET


def edit_budget() -> None:
    """Callback: a run is limited by steps or by seconds."""
    commit(replace(SS.experiment, seconds=SECONDS if SS[BUDGET] == "seconds" else None))


def choose_data(key: str) -> None:
    """After images were added."""
    commit(fitted(replace(SS.experiment, dataset=key)))


def fitted(experiment: Experiment) -> Experiment:
    """With a batch, halved as often as it takes, that its training images can fill."""
    size, most = experiment.batch_size, dataset_row(experiment.dataset).num_train
    while 1 < most < size:  # of images that are gone it is unknown
        size //= 2
    return replace(experiment, batch_size=size)


def device() -> str:
    """Where the next run takes place: the best device, unless another one was chosen."""
    return SS.device or next(iter(cached.devices()))


def device_menu() -> str:
    """Key of the menu, which a screen without it would forget."""
    SS[DEVICE] = device()
    return DEVICE


def on_gpu() -> bool:
    return not device().startswith("cpu")


def choose_device() -> None:
    SS.device = SS[DEVICE]


def watch(run_id: int, replay: str | None = None) -> None:
    """Show this run, and put it into the URL: a reload and a second browser find it there.

    `replay` is the name of the recording, if it is one that is played.
    """
    SS.run, SS.run_missing, SS.refused, SS.step = run_id, None, None, None
    SS.seen = SS.seen[0], str(run_id), replay, SS.seen[3]
    put_in_url(run=str(run_id), replay=replay)
    SS.request_id = uuid.uuid4().hex


def pick(run_id: int, replay: str | None = None) -> None:
    """Callback of the menu of runs, which closes."""
    SS[RUNS] = False
    watch(run_id, replay)


def run_id() -> int | None:
    return SS.run


def missing_run(found: bool) -> str | None:
    """The run that the URL asks for, if there is none."""
    if SS.run_missing:
        return SS.run_missing[:20]
    return str(SS.run) if SS.run is not None and not found else None


def missing_recording() -> str | None:
    """The recording that the URL asks for by its name, if there is none."""
    by_number = SS.seen[1] is not None
    return SS.run_missing[:60] if SS.run_missing and not by_number else None


def request_id() -> str:
    """Names the run that the next press of Run starts; pressed twice, it is the same run."""
    return SS.request_id


def chosen_series() -> str | None:
    """Key of SERIES that was picked in the menu beside Run."""
    return SS[SERIES_MENU]


def series_switch(series_id: str, run_id: int, every: str | None) -> str:
    """Key of the switch between the runs of a series, set to the one that is watched.

    `every` stands for all of them at once, where it is left until one is chosen; None without.
    """
    key = SWITCH + series_id
    SS[key] = every if every is not None and SS.get(key, every) == every else str(run_id)
    return key


def chosen_member(series_id: str) -> str | None:
    """The id of a run, or what stands for all, that was chosen there."""
    return SS[SWITCH + series_id]


def swept_point() -> object:
    """What a browser reports of a click on the chart of a sweep."""
    return SS[SWEEP].point


def chosen_pace() -> str | None:
    """Key of PACES that was picked for a recording."""
    return SS[PACE_MENU]


def live_lr(run_id: int, now: float) -> str:
    """Key of the menu of a run's rate while `now` is in force: another rate, another menu.

    Were it one menu that is set to the rate, a browser that missed a message would show another.
    """
    return f"{LIVE_LR}{run_id}_{now:g}"


def chosen_lr(run_id: int, before: float) -> float:
    return SS[live_lr(run_id, before)]


def opened_tape() -> BinaryIO | None:
    """The file of a recording that was opened; None before the uploader is there."""
    return SS.get(TAPE)


def typed_key() -> str:
    """What was entered as the lecturer's key."""
    return SS[KEY]


def session_id() -> str:
    return SS.session_id


def tick() -> float:
    """Seconds between this session's looks at a run that goes on."""
    return SS.tick


def keep_tick(seconds: float) -> None:
    SS.tick = seconds
