"""The net's picture on a page: scrolls, zooms, tells about the node under the pointer, is clicked.

The picture is drawn by resnet_core.picture; colours follow the page's theme by CSS variables.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from explorer.components import source
from resnet_core.picture import Picture
from resnet_core.picture.style import HUES, PALETTES, sheet

HTML = """
<div class="root">
  <div class="view"><svg role="group"></svg></div>
  <div class="bar">
    <button name="out" aria-label="Zoom out" title="Zoom out">−</button>
    <button name="in" aria-label="Zoom in" title="Zoom in">+</button>
    <button name="fit" aria-label="Fit to width" title="Fit to width">↔</button>
  </div>
  <div class="tip" role="status"></div>
</div>
"""


def diagram(
    picture: Picture,
    *,
    selected: str | None = None,
    look_at: str | None = None,
    key: str = "diagram",
    on_select: Callable[[], None] = lambda: None,
    on_toggle: Callable[[], None] = lambda: None,
    max_height: str = "640px",
) -> None:
    """Shows `picture`, with a ring around the node that is or holds `selected`.

    It scrolls inside when it is taller than `max_height`, a CSS length, and brings the node
    `look_at` into sight when that is a new one.

    Both callbacks run before the next run of the page and find an id in the session state: in
    `[key].selected` of the node that was clicked, in `[key].toggle` of the card to open or close.
    """
    _component(
        key=key,
        data={
            "svg": picture.svg,
            "picture_width": picture.width,
            "picture_height": picture.height,
            "label": "Diagram of the net",
            "selected": picture.holder(selected) if selected else None,
            "max_height": max_height,
            "look_at": look_at,
        },
        height="content",
        on_selected_change=on_select,
        on_toggle_change=on_toggle,
    )


def _colours() -> str:
    """Each colour of the drawing for both themes; blue shortcuts are the page's residual blue."""
    names = (*HUES, "skip", "wrong")
    both = {name: (PALETTES["light"][name], PALETTES["dark"][name]) for name in names}
    rules = {name: f"light-dark({light}, {dark})" for name, (light, dark) in both.items()}
    rules["skip"] = f"var(--rx-residual, {rules['skip']})"
    return ".root {\n" + "".join(f"  --{name}: {rule};\n" for name, rule in rules.items()) + "}\n"


_component = st.components.v2.component(
    "residual_net_diagram",
    html=HTML,
    css=_colours() + sheet() + source("diagram.css"),
    js=source("diagram.js"),
)
