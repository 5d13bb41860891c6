"""Plotly inside one component: live charts keep their zoom, legend and DOM node from tick to tick.

st.plotly_chart of this Streamlit remounts whenever the data change: zoom lost, blank frames.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import plotly
import plotly.graph_objects as go
import streamlit as st

from explorer import theme
from explorer.components import source

STATIC = Path(__file__).resolve().parents[1] / "static"
#: With its version in the name, so that no browser keeps an older one.
LIBRARY = f"plotly-{plotly.__version__}.min.js"

_FIGURE = st.components.v2.component(
    "figure",
    html='<div class="rx-figure"><div class="plot"></div><div class="scrub"></div></div>',
    css=source("figure.css"),
    js=source("figure.js"),
    isolate_styles=False,  # plotly.js writes its styles into the document
)


def serve_plotly() -> None:
    """Puts the plotly package's own plotly.js where Streamlit serves static files from."""
    target = STATIC / LIBRARY
    if not target.exists():
        partial = target.with_suffix(".part")
        shutil.copyfile(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", partial)
        partial.replace(target)


def figure(
    fig: go.Figure,
    *,
    key: str,
    label: str,
    scrub: dict | None = None,
    on_point: Callable[[], None] = lambda: None,
) -> None:
    """Shows `fig`; in the dark theme the browser swaps the light colours of `theme` for dark ones.

    `scrub` (from `charts.scrubber`) adds a step slider that redraws in the browser alone.
    A clicked point's customdata arrives in `st.session_state[key].point`.
    """
    data = {
        "figure": fig.to_json(),
        "scrub": scrub,
        "colours": theme.COLOURS,
        "library": f"app/static/{LIBRARY}",
        "label": label,
    }
    _FIGURE(data=data, key=key, on_point_change=on_point)
