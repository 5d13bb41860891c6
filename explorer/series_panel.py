"""Runs that belong together: as a band, side by side, or against depth; and each of them alone."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from explorer import (
    cached,
    chart_panel,
    drawn,
    rate_line,
    series_verdict,
    state,
    sweep_chart,
    theme,
    verdict_panel,
)
from explorer.components.figure import figure
from explorer.curve import Curve, have_begun
from explorer.depth_chart import Drawing
from explorer.drawn import Drawn
from resnet_core.runs.engine import Engine, EngineError, Run
from resnet_core.series import SERIES

TOGETHER = "together"  # of all runs at once


@dataclass(frozen=True)
class Member:
    """A run of the series that has records."""

    run: Run
    label: str
    curves: list[Curve]

    @property
    def length(self) -> tuple:
        return self.run.id, *(len(curve.records.steps) for curve in self.curves)


def show(engine: Engine, run: Run, probe: str, how: Drawing) -> bool:
    """Whether the series is shown instead of the run."""
    try:
        runs = engine.series(run.series.id)
    except EngineError:
        return False
    shown_as = SERIES[run.series.kind].shown_as if run.series.kind in SERIES else ""
    if len(runs) < 2 or shown_as not in ("band", "board", "sweep"):
        return False
    members = [member for one in runs if (member := member_of(engine, one))]
    together = choice(run, runs, shown_as) == TOGETHER
    if shown_as == "sweep":
        sweep(members, run, how)
    elif together and members:
        draw(members, shown_as, probe, how)
        is_over = all(one.is_over for one in runs)
        series_verdict.show(members, shown_as, max(run.series.size, len(runs)), is_over)
        chart_panel.about(probe)
        return True
    return False


def member_of(engine: Engine, run: Run) -> Member | None:
    try:
        curves = cached.curves(run.config, engine.records(run.id))
    except EngineError:
        return None
    return Member(run, run.series.label, curves) if have_begun(curves) else None


def choice(run: Run, runs: list[Run], shown_as: str) -> str:
    """The run that is looked at by itself, or TOGETHER."""
    labels = {str(one.id): theme.literal(one.series.label) for one in runs}
    if shown_as == "sweep":  # many, in one row
        labels = {key: label.removeprefix("depth ") for key, label in labels.items()}
    first = {} if shown_as == "sweep" else {TOGETHER: NAMES[shown_as].format(len(runs))}
    picked = st.segmented_control(
        theme.literal(run.series.title),
        [*first, *labels],
        format_func=(first | labels).get,
        key=state.series_switch(run.series.id, run.id, next(iter(first), None)),
        required=True,
        on_change=look_at,
        args=(run.series.id, frozenset(labels)),
    )
    return picked if picked in first else str(run.id)


def look_at(series_id: str, ids: frozenset[str]) -> None:
    """Callback of the switch between the runs."""
    if (picked := state.chosen_member(series_id)) in ids:
        state.watch(int(picked))


def draw(members: list[Member], shown_as: str, probe: str, how: Drawing) -> None:
    runs = [(member.label, member.curves) for member in members]
    total = max(chart_panel.last_step(member.run) for member in members)
    config = verdict_panel.config_of(members[0].run)
    done = max(max(member.length[1:]) for member in members)
    lengths = tuple(member.length for member in members)
    charts: Drawn = cached.figures(
        (lengths, shown_as, probe, total, how, config.lr_changes),
        lambda: DRAWN[shown_as](runs, probe, total, how, rate_line.rate_of(config, done)),
    )
    chart_panel.depth_figure(charts, probe, f"{len(members)} runs")
    chart_panel.learning_figure(charts)


def sweep(members: list[Member], run: Run, how: Drawing) -> None:
    runs = [sweep_chart.SweepRun(m.run.id, m.label, m.curves) for m in members]
    ids = frozenset(str(member.run.id) for member in members)
    begun = tuple((m.run.id, *(min(n, 1) for n in m.length[1:])) for m in members)
    text = cached.figures(
        (begun, "sweep", run.id, how.scale),
        lambda: drawn.as_json(sweep_chart.draw(runs, run.id, how.scale)),
    )
    label = "gradient at step 0, first block over last, against the depth of the net"
    figure(text, key=state.SWEEP, label=label, on_point=lambda: select(ids))
    st.caption("Click a point to see that net. Each is its net and its twin at step 0.")


def select(ids: frozenset[str]) -> None:
    """Callback of a click on the sweep."""
    if (run_id := chosen(state.swept_point(), ids)) is not None:
        state.watch(run_id)


def chosen(point: object, ids: frozenset[str]) -> int | None:
    """The run of a point that a browser reports; only what is in the sweep can be watched."""
    path = point.get("path") if isinstance(point, dict) else None
    return int(path) if isinstance(path, str) and path in ids else None


DRAWN = {"band": drawn.band, "board": drawn.board}
NAMES = {"band": "all {} seeds", "board": "side by side"}
