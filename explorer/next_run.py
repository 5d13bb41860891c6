"""What Run will do, said before it is pressed; and the callbacks that do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from explorer import state, theme, visitor
from explorer.experiments_menu import is_as_measured
from explorer.link import Experiment
from explorer.watched import watched
from resnet_core.data import adaptations, dataset_row
from resnet_core.estimate import Estimate, check_fits, estimate
from resnet_core.experiments import EXPERIMENTS
from resnet_core.inits import INITS, nothing_more
from resnet_core.run_config import TABLES, RunConfig
from resnet_core.runs.engine import Engine, EngineError, Run
from resnet_core.series import SERIES
from resnet_core.spec import NetSpec, SpecError


def start(engine: Engine) -> None:
    """Callback of Run. Pressed twice, it starts one run; some experiments are several."""
    if kind := named_series():
        start_series(engine, kind)
        return

    def submit() -> int:
        config = state.experiment().config(state.device())
        check(engine, config)
        return engine.submit(config, state.request_id(), visitor.user())

    begin(engine, submit)


def start_series(engine: Engine, kind: str) -> None:
    """Callback of the menu beside Run: the runs of a row of SERIES, one after the other."""

    def submit() -> int:
        series = SERIES[kind].make(state.experiment().config(state.device()))
        for _, config in series.runs:
            check(engine, config)
        ids = engine.submit_series(series, state.request_id(), visitor.user())
        return ids[-1] if SERIES[kind].shown_as == "sweep" else ids[0]  # the deepest tells most

    begin(engine, submit)


def named_series() -> str | None:
    """Key of SERIES for an experiment that is one."""
    key = state.named()
    return EXPERIMENTS[key].series if key else None


def begin(engine: Engine, submit: Callable[[], int]) -> None:
    try:
        if not is_busy(engine):
            state.watch(submit())
    except (SpecError, EngineError) as e:
        state.refuse(e)


def is_busy(engine: Engine) -> bool:
    """Whether a run of this browser is being watched and goes on."""
    current = watched(engine)
    if current is None or not current.going or current.run.recorded:
        return False
    return current.now.owner in ("", visitor.user().id)


def check(engine: Engine, config: RunConfig) -> None:
    """Raises SpecError for what cannot be trained here, before it is queued."""
    if why := dataset_row(config.dataset).available():
        raise SpecError("dataset", why.rstrip("."), "Or choose other data")
    check_fits(config, estimate(config, engine.speed(config.device)))


def attempt(action: Callable, runs: Sequence[Run], *args) -> None:
    """Callback of what is done to runs that go on."""
    try:
        for run in runs:
            action(run.id, *args, by=visitor.user())
    except (SpecError, EngineError) as e:
        state.refuse(e)


def show(engine: Engine, last: Run | None) -> None:
    """How the data are adapted, what the twins share, and what the run will take."""
    experiment = state.experiment()
    try:
        config = experiment.config(state.device())
    except SpecError as e:  # as of images that were changed behind the page
        warn(e)
        return
    if last is not None and is_again(config, last):
        return
    name, data = theme.literal(config.net.name), theme.literal(dataset_row(config.dataset).title)
    twin = "with shortcuts" if config.net.is_plain else "without shortcuts"
    if last is None and not state.named():
        st.markdown("#### Does a deep net train without its shortcuts?")
    said = [
        f"**Run** trains **{name}** and its twin {twin} on {data}: "
        f"{same_start(config.net)}, same batches."
    ]
    if state.problem():
        said.append("The form has a mistake, so this is the last good net.")
    if changes := adaptations(config.net, config.dataset):
        said.append(f"Adapted for it: {'; '.join(changes)}.")
    said += given_up(experiment)
    try:
        check(engine, config)
        needed = [estimate(c, engine.speed(c.device)) for c in all_of(config)]
        said.append(expected(needed, measured_seconds()))
    except SpecError as e:
        warn(e)
    st.markdown(" ".join(said)) if last is None else st.caption(" ".join(said))


def is_again(config: RunConfig, last: Run) -> bool:
    """Whether Run would make the run that is shown once more, or the series that it is one of."""
    if config == last.config:
        return True
    if last.series is None or last.series.kind != named_series():
        return False
    try:
        return last.config in all_of(config)
    except SpecError:
        return False


def warn(error: SpecError) -> None:
    """Why Run would be refused; once is enough."""
    if not state.refused():
        st.warning(theme.literal(str(error)), icon=":material/block:")


def measured_seconds() -> int | None:
    """What the experiment that is on screen took on a CPU; None for another device."""
    key = state.named()
    if key is None or state.on_gpu() or not is_as_measured(key):
        return None
    return EXPERIMENTS[key].seconds


def given_up(experiment: Experiment) -> list[str]:
    """What the device cannot do, and what is done instead."""
    return [
        f"This device has no {TABLES[name][getattr(experiment, name)].title}: "
        f"{TABLES[name][getattr(RunConfig, name)].title} instead."
        for name in experiment.given_up(state.device())
    ]


def same_start(net: NetSpec) -> str:
    """What the twins share at step 0; a plain net that began at F = 0 could never begin."""
    if INITS[net.init].finish is nothing_more:
        return "same weights at step 0"
    return "same draw of weights, of which the residual net alone sets F to zero"


def all_of(config: RunConfig) -> list[RunConfig]:
    """What Run starts: one run, or those of an experiment that is a series."""
    kind = named_series()
    return [c for _, c in SERIES[kind].make(config).runs] if kind else [config]


def expected(needed: Sequence[Estimate], measured_s: int | None = None) -> str:
    """Time and memory of runs that are made one after the other.

    `measured_s` is what they took elsewhere, for as long as this machine is not measured.
    """
    runs = f"{len(needed)} runs, one after the other. " if len(needed) > 1 else ""
    most = max(one.bytes_needed for one in needed)
    memory = f"about {theme.memory(most)} for both nets and their processes"
    if not all(one.is_measured for one in needed):
        if measured_s is not None:
            took = f"{theme.roughly(measured_s)}, as measured on two CPU cores"
            return f"{runs}It will take {took}, and {memory}."
        return f"{runs}It will take {memory}; its time is still being measured."
    seconds = sum(one.seconds for one in needed)
    return f"{runs}It will take {theme.roughly(seconds)}, and {memory}."
