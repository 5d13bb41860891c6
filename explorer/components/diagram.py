"""The net's picture on a page: opened, scrolled, zoomed, edited, read and clicked in the browser.

Its pieces are drawn by resnet_core.picture; colours follow the page's theme by CSS variables.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from explorer.components import source
from resnet_core.picture import WIDTH
from resnet_core.picture.style import HUES, PALETTES, sheet

HTML = """
<div class="root">
  <div class="bar">
    <div class="levels" role="toolbar" aria-label="How deep the picture is opened">
      <button name="net" title="Close everything">Net</button>
      <button name="stages" title="Open the stages">Stages</button>
      <button name="blocks" title="Open the stages and all runs of equal blocks">Blocks</button>
      <button name="layers" title="Open everything">Layers</button>
    </div>
    <div class="zoom" role="toolbar" aria-label="Zoom">
      <button name="out" aria-label="Zoom out" title="Zoom out">−</button>
      <button name="in" aria-label="Zoom in" title="Zoom in">+</button>
      <button name="fit" aria-label="Fit to width" title="Fit to width">↔</button>
      <button name="whole" aria-label="Show all of it" title="Show all of it">⤢</button>
    </div>
  </div>
  <div class="notice" role="status"></div>
  <div class="frame">
    <div class="view"><svg class="picture" role="tree"></svg></div>
    <svg class="map" preserveAspectRatio="none" aria-hidden="true"></svg>
  </div>
  <div class="tip" role="status"></div>
</div>
"""


def diagram(
    scenes: list[dict],
    *,
    opened: frozenset[str],
    stamp: int,
    selected: str | None,
    look_at: str | None,
    handles: dict,
    can_open_all: bool,
    notice: str,
    key: str,
    on_select: Callable[[], None],
    on_open: Callable[[], None],
    on_edit: Callable[[], None],
) -> None:
    """Shows one or two `scenes`, side by side: `picture.packed`, "role", "ghost" and "heading".

    A ring is around the node that is or holds `selected`; the node `look_at` is brought into sight
    when that is a new one. `handles` has "stages" (`stage_table.handles`) and the "widths" that a
    drag can reach. A `notice` stands over a picture that is not what it should be. The picture
    scrolls inside when it is taller than the window.

    The callbacks run before the next run of the page and find in `st.session_state[key]`:
    `.selected`, the id that was clicked; `.opened`, {"ids", "stamp"} after a card was opened or
    closed, which the browser has drawn by then (`opened` replaces what it shows unless `stamp` is
    older than its own); `.edit`, as `net_form` reports it, or with action "cycle" and a step.
    """
    _component(
        key=key,
        data={
            "scenes": scenes,
            "width": WIDTH,
            "label": "Diagram of the net",
            "opened": sorted(opened),
            "stamp": stamp,
            "selected": selected,
            "look_at": look_at,
            "can_open_all": can_open_all,
            "notice": notice,
            **handles,
        },
        height="content",
        on_selected_change=on_select,
        on_opened_change=on_open,
        on_edit_change=on_edit,
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
    js="\n".join(source(f"diagram{part}.js") for part in ("", "_stack", "_moves", "_edits")),
)
