"""The net as a form: fields of input, stem and head, and the stage table with its steppers.

A component of our own, since st.data_editor has no steppers, is a canvas that neither keyboard
nor screen reader gets into well, and clamps what it refuses without a word.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from explorer.components import source

_FORM = st.components.v2.component(
    "net_form",
    html='<div class="root"></div>',
    css=source("net_form.css"),
    js=source("net_form.js"),
)


def net_form(form: dict, *, key: str, on_edit: Callable[[], None]) -> None:
    """Shows `form` (from `stage_table.form`) and reports edits; it never changes values itself.

    An edit arrives in `st.session_state[key].edit` as {"action", "where", "value"}: action "set"
    (value is text as typed), "add" (a copy of that stage below it) or "remove".
    """
    _FORM(data=form, key=key, on_edit_change=on_edit)
