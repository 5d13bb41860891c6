"""Experiments with a name: a gallery to choose from, and what to look at in the chosen one."""

from __future__ import annotations

from functools import lru_cache
from html import escape

import streamlit as st

from explorer import cached, state, theme
from explorer.verdict_panel import chip
from explorer.watched import Watched
from resnet_core.experiments import EXPERIMENTS, Claim, experiment_of, part_of, shown
from resnet_core.runs.engine import Engine, EngineError, Run
from resnet_core.verdict import outcome_of


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
        told(key)


def about_run(engine: Engine, watched: Watched) -> None:
    """Of the experiment that a run is, if it is one: what to look at, and whether it shows it."""
    if (key := name_of(watched.run)) is None:
        return
    told(key)
    if claims := claims_of(engine, watched, key):
        st.html(answer(claims))


def told(key: str) -> None:
    experiment = EXPERIMENTS[key]
    with st.container(key="experiment", gap=None):
        st.markdown(f"**{theme.literal(experiment.title)}.** {theme.literal(experiment.question)}")
        st.markdown(
            f":material/visibility: {theme.literal(experiment.look)}",
            help=theme.literal(
                f"{experiment.mind} Measured with three seeds on a CPU: {experiment.measured} "
                f"({experiment.source})"
            ),
        )


def name_of(run: Run) -> str | None:
    """The key of the experiment that a run is, or is a part of; None for any other run."""
    return _key_of(run.config, run.series.kind if run.series else None)


_key_of = lru_cache(maxsize=64)(experiment_of)


def claims_of(engine: Engine, watched: Watched, key: str) -> list[Claim]:
    """What the experiment says and whether it holds so far; [] before there is anything."""
    parts = []
    for run in watched.runs:
        try:
            curves = cached.curves(run.config, engine.records(run.id))
        except EngineError:
            return []
        if len(curves) < 2 or not any(len(curve.records.steps) for curve in curves):
            break
        progress = {model.model: model for model in run.models}
        seen = [outcome_of(c.records, progress.get(c.records.model)) for c in curves]
        label = run.series.label if run.series else ""
        parts.append(part_of([c.graph.net for c in curves], seen, run.config, label))
    return EXPERIMENTS[key].check(parts) if parts else []


def answer(claims: list[Claim]) -> str:
    """HTML: whether the run shows its experiment; opened, claim by claim."""
    holds = shown(claims)
    words = f"{sum(claim.holds is True for claim in claims)} of {len(claims)} claims hold"
    title = {True: "shown", False: "not shown", None: "not yet"}[holds]
    summary = f"<summary>{chip(title, TONES[holds])} {words}</summary>"
    return f'<details class="claims">{summary}{"".join(map(line, claims))}</details>'


def line(claim: Claim) -> str:
    """HTML: whether it holds, what it says, and what was measured."""
    said = f"{escape(claim.text)} <span>{escape(claim.figures)}</span>"
    return f"<p>{chip(claim.answer, TONES[claim.holds])} {said}</p>"


#: Claim.holds -> tone of its chip
TONES = {True: "good", False: "warn", None: "neutral"}
