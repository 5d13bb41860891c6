"""The watched run as files: its numbers, a report, and itself to be replayed."""

from __future__ import annotations

import streamlit as st

from explorer import cached, theme
from explorer.watched import watched
from resnet_core.run_files import RUN_FILES, RunFile, run_file_name
from resnet_core.runs.engine import EngineError, Run
from resnet_core.runs.recording import RecordingError
from resnet_core.runs.recording_file import TOO_LONG, is_too_long

#: made of plotly's figures, so not the core's
REPORT = RunFile(
    "Report",
    "One HTML page with charts, verdict and settings. Works offline, in any browser.",
    "_report.html",
    "text/html",
    lambda run, records: made_report(run, records),
)
FILES = {"report": REPORT, **RUN_FILES}


def show() -> None:
    """Nothing while no run is watched."""
    try:
        found = watched(cached.engine())
    except EngineError:
        return
    if found is None:
        return
    run = found.run
    problem = unrecordable(run)
    which = f"Run {run.id}, {run.series.label} of its series," if run.series else "The run"
    name = theme.literal(f"{which} of {run.config.net.name}")
    st.caption(f"{name}: report, numbers, recording")
    with st.container(horizontal=True, gap="small", key="run_files"):
        for kind, row in FILES.items():
            st.download_button(
                row.title,
                lambda kind=kind: made(run.id, kind),
                run_file_name(run, row),
                row.mime,
                key=f"take_run_{kind}",
                help=row.what,
                on_click="ignore",
                disabled=row.is_whole and bool(problem),
            )
    if problem:
        st.caption(problem)


def unrecordable(run: Run) -> str:
    """Why there can be no recording of it, or "" if there can."""
    if not run.is_over:
        return "A recording is made of a run that is over."
    if is_too_long(cached.engine().records(run.id)):
        return str(RecordingError(*TOO_LONG))
    return ""


def made(run_id: int, kind: str) -> bytes:
    """The file, of what is recorded when it is asked for."""
    engine = cached.engine()
    return FILES[kind].make(engine.run(run_id), engine.records(run_id))


def made_report(run: Run, records) -> bytes:
    from explorer.report import report  # here: few ask for it, and it reads plotly.js

    return report(run, records)
