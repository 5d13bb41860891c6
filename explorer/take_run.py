"""The watched run as files: its numbers, a report, and itself to be replayed."""

from __future__ import annotations

import streamlit as st

from explorer import cached, theme
from explorer.watched import watched
from resnet_core.run_files import RUN_FILES, RunFile, run_file_name
from resnet_core.runs.engine import EngineError, Run

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
    st.caption(f"The run of {theme.literal(run.config.net.name)}: report, numbers, recording")
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
                disabled=row.is_whole and not run.is_over,
            )


def made(run_id: int, kind: str) -> bytes:
    """The file, of what is recorded when it is asked for."""
    engine = cached.engine()
    return FILES[kind].make(engine.run(run_id), engine.records(run_id))


def made_report(run: Run, records) -> bytes:
    from explorer.report import report  # here: few ask for it, and it reads plotly.js

    return report(run, records)
