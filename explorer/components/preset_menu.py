"""The menu of nets that have a name: grouped by family, searched by typing, with their cost.

A component of our own, since st.selectbox knows neither groups nor columns.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from explorer.components import source

HTML = """
<div class="root">
  <span class="title" id="title">Preset</span>
  <button name="open" aria-haspopup="listbox" aria-labelledby="title chosen">
    <span id="chosen"></span><span class="family"></span></button>
  <div class="panel" popover>
    <input type="search" placeholder="Search name, family or paper" aria-label="Search presets"
      role="combobox" aria-expanded="true" aria-controls="list" autocomplete="off"
      spellcheck="false">
    <div id="list" role="listbox" aria-label="Presets"></div>
  </div>
</div>
"""
_MENU = st.components.v2.component(
    "preset_menu", html=HTML, css=source("preset_menu.css"), js=source("preset_menu.js")
)


def preset_menu(
    rows: list[dict],
    chosen: str,
    name: str,
    *,
    key: str,
    on_choose: Callable[[], None],
    on_await: Callable[[], None],
) -> None:
    """Shows the net's `name` and opens to all `rows` (from `cached.preset_rows`).

    The row `chosen` is marked: the net began as that preset, and is compared with it.

    A choice arrives in `st.session_state[key].chosen` as the row's key. `on_await` is called for
    as long as the list is open and costs are missing: the rows that follow should have more.
    """
    _MENU(
        data={"rows": rows, "chosen": chosen, "name": name},
        key=key,
        on_chosen_change=on_choose,
        on_awaited_change=on_await,
    )
