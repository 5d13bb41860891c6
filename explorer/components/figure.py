"""Plotly inside one component: live charts keep their zoom, legend and DOM node from tick to tick.

st.plotly_chart of this Streamlit remounts whenever the data change: zoom lost, blank frames.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile

import plotly
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
    js="\n".join(source(f"figure{part}.js") for part in ("", "_steps")),
    isolate_styles=False,  # plotly.js writes its styles into the document
)


def serve_plotly() -> None:
    """Puts the plotly package's own plotly.js where Streamlit serves static files from."""
    target = STATIC / LIBRARY
    if not target.exists():
        with NamedTemporaryFile(dir=STATIC, prefix="plotly-", suffix=".part", delete=False) as part:
            part.write((Path(plotly.__file__).parent / "package_data/plotly.min.js").read_bytes())
        Path(part.name).replace(target)  # sessions that start together each bring their own


def figure(
    fig: str,
    *,
    key: str,
    label: str,
    scrub: dict | None = None,
    step: int | None = None,
    on_point: Callable[[], None] = lambda: None,
    on_step: Callable[[], None] = lambda: None,
) -> None:
    """Shows a figure in plotly's JSON; a dark page swaps the light colours of `theme` for dark.

    A "narrow" beside "data" and "layout" is the layout in a narrow column.

    `scrub` (of `depth_chart.DepthView`) adds a step slider that redraws in the browser alone. The
    path of a clicked point arrives in `st.session_state[key].point["path"]`, the step at which the
    slider was let go in `.step`: -1 for one that follows the newest. `step` is where it stands when
    the chart is put on the page, if it has that step.
    """
    data = {
        "figure": fig,
        "scrub": scrub,
        "step": step,
        "colours": theme.PAIRS,
        "plotly": f"app/static/{LIBRARY}",
        "label": label,
    }
    _FIGURE(data=data, key=key, on_point_change=on_point, on_step_change=on_step)
