"""Experiments with a name: a gallery to choose from, and what to look at in the chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape

import streamlit as st

from explorer import cached, state, theme
from explorer.curve import have_begun
from explorer.verdict_panel import chip, config_of, outcomes_of
from explorer.watched import Watched
from resnet_core.experiments import (
    EXPERIMENTS,
    GPU_NOTE,
    Claim,
    experiment_of,
    is_measured,
    part_of,
    shown,
    why_not_judged,
)
from resnet_core.runs.engine import Engine, EngineError, Run
from resnet_core.spec import SpecError


def show() -> None:
    """The gallery; choosing loads net and settings, which Ctrl+Z takes back."""
    menu = st.popover(
        "Experiments", icon=":material/science:", key=state.GALLERY, on_change="rerun"
    )
    if not menu.open:
        return
    with menu, st.container(key="experiments_body"):
        for row in pairs(list(EXPERIMENTS)):
            for column, key in zip(st.columns(2, gap="small"), row):
                with column:
                    card(key)


def pairs(keys: list[str]) -> list[list[str]]:
    return [keys[place : place + 2] for place in range(0, len(keys), 2)]


def card(key: str) -> None:
    experiment = EXPERIMENTS[key]
    time = "" if state.on_gpu() else f" :gray[about {experiment.seconds} s]"
    title, question = theme.literal(experiment.title), theme.literal(experiment.question)
    st.button(
        f"**{title}** {question}{time}",
        key=f"experiment_{key}",
        type="primary" if key == state.named() else "secondary",
        width="stretch",
        on_click=state.choose_experiment,
        args=(key,),
    )


def about_next() -> None:
    """Of the experiment that is on screen and has not been run yet."""
    if (key := state.named()) is not None:
        told(key, is_as_measured(key))


def about_chosen(run: Run) -> None:
    """Of the experiment that is on screen, beside the run of something else."""
    key = state.named()
    if key is None or key == name_of(run):
        return
    shown = "the recording" if run.recorded else f"run {run.id}"
    said = f"Chosen for Run. The curves below are of {shown}, not of this one."
    told(key, is_as_measured(key), said)


def about_run(engine: Engine, watched: Watched) -> None:
    """Of the experiment that a run is, if it is one: what to look at, and whether it shows it."""
    if (key := name_of(watched.run)) is None:
        return
    told_of_run(key, watched.run)
    if reason := why_of(watched):
        st.caption(theme.literal(reason))
    elif claims := claims_of(engine, watched, key):
        is_over = not watched.going
        with st.container(key="answer", gap=None):
            st.html(answer(claims, is_over))
            with st.expander("Claim by claim", key="claims", type="compact"):  # kept open
                st.html(listed(claims, is_over))


def is_as_measured(key: str) -> bool:
    """Of the settings on screen; of an experiment that is a series, of its first run."""
    try:
        parts = EXPERIMENTS[key].parts(state.experiment().config(state.device()))
    except SpecError:
        return False
    return is_measured(key, parts[0][1])


def told_of_run(key: str, run: Run) -> None:
    """In full or, beside another one that is chosen, by its title alone."""
    if state.named() in (None, key):
        told(key, is_measured(key, run.config))
        return
    shown = "The recording" if run.recorded else f"Run {run.id}"
    st.caption(f"{shown}: **{theme.literal(EXPERIMENTS[key].title)}**")


def told(key: str, measured: bool, note: str = "") -> None:
    """`measured` is whether the figures are those of these settings."""
    experiment = EXPERIMENTS[key]
    how = "Measured with three seeds on a CPU" if measured else "With the settings for a CPU"
    with st.container(key="experiment", gap=None):
        st.markdown(f"**{theme.literal(experiment.title)}.** {theme.literal(experiment.question)}")
        st.markdown(
            f":material/visibility: {theme.literal(experiment.look)}",
            help=theme.literal(
                f"{experiment.mind} {how}: {experiment.measured} ({experiment.source})"
            ),
        )
        if not measured:
            st.caption(theme.literal(GPU_NOTE))
        if note:
            st.caption(note)


def name_of(run: Run) -> str | None:
    """The key of the experiment that a run is, or is a part of; None for any other run."""
    return _key_of(run.config, run.series.kind if run.series and not repeats(run) else None)


def repeats(run: Run) -> bool:
    """Whether it is one of several of the same run."""
    return run.series is not None and run.series.kind == "seeds"


_key_of = lru_cache(maxsize=64)(experiment_of)


def why_of(watched: Watched) -> str | None:
    """Why the claims are not judged; None if they are."""
    settled = ((run, config_of(run)) for run in watched.runs)
    steps = {run.id: max((m.steps_done for m in run.models), default=0) for run in watched.runs}
    reasons = (why_not_judged(config, steps[run.id]) for run, config in settled)
    return next(filter(None, reasons), None)


def claims_of(engine: Engine, watched: Watched, key: str) -> list[Claim]:
    """What the experiment says and whether it holds so far; [] before there is anything."""
    parts = []
    for run in watched.runs:
        try:
            curves = cached.curves(run.config, engine.records(run.id))
        except EngineError:
            return []
        if not have_begun(curves):
            break
        seen = outcomes_of(run, curves)
        label = run.series.label if run.series and not repeats(run) else ""
        parts.append(part_of([c.graph.net for c in curves], seen, config_of(run), label))
    if parts and repeats(watched.run):
        return of_all([EXPERIMENTS[key].check([part]) for part in parts], len(watched.runs))
    return EXPERIMENTS[key].check(parts) if parts else []


def of_all(found: Sequence[list[Claim]], count: int) -> list[Claim]:
    """What each run says by itself, as claims on all `count`; of those that have begun."""
    claims = []
    for same in zip(*found):
        holds = shown(same)
        figures = "; ".join(claim.figures for claim in same)
        claims.append(Claim(same[0].text, None if holds and len(same) < count else holds, figures))
    return claims


def answer(claims: list[Claim], is_over: bool) -> str:
    """HTML: whether the run shows its experiment."""
    words = f"{sum(claim.holds is True for claim in claims)} of {len(claims)} claims hold"
    return f'<div class="claims">{chip_of(shown(claims), is_over)} {words}</div>'


def listed(claims: list[Claim], is_over: bool) -> str:
    """HTML: claim by claim."""
    lines = "".join(line(claim, is_over) for claim in claims)
    return f'<div class="claims">{lines}</div>'


def line(claim: Claim, is_over: bool) -> str:
    """HTML: whether it holds, what it says, and what was measured."""
    said = f"{escape(claim.text)} <span>{escape(claim.figures)}</span>"
    return f"<p>{chip_of(claim.holds, is_over)} {said}</p>"


def chip_of(holds: bool | None, is_over: bool) -> str:
    tone, words, what = ANSWERS[holds, is_over and holds is None]
    return chip(words, tone, what)


#: (Claim.holds, whether it is open for good) -> tone of the chip, its words, what they mean
ANSWERS = {
    (True, False): ("good", "shows it", "What was recorded is as the experiment says"),
    (False, False): ("warn", "does not show it", "What was recorded is otherwise"),
    (None, False): ("neutral", "not yet", "The run has not come so far"),
    (None, True): ("neutral", "not reached", "The run ended before it could be told"),
}
