"""A table whose rows are parts of the net: a click selects one, what is selected is marked."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import streamlit as st

from explorer import state


def table(
    rows: list[dict], paths: Sequence[str], marked: Collection[str], *, key: str, **options
) -> None:
    """Shows `rows`, one for each of `paths`, those of `marked` with a tick.

    `options` are st.dataframe's. A click on a cell, or into a row's box, selects that part.
    """
    ticked = [place for place, path in enumerate(paths) if path in marked]
    state.tick_rows(key, ticked)  # so the next click is seen against it

    def select() -> None:
        now = state.ticked_rows(key)
        row = chosen(now.rows, now.cells, ticked)
        state.select(None if row is None else paths[row])

    st.dataframe(
        rows,
        key=key,
        hide_index=True,
        selection_mode=["multi-row", "single-cell"],
        on_select=select,
        **options,
    )


def chosen(rows: Collection[int], cells: Collection[tuple], ticked: Sequence[int]) -> int | None:
    """The row that was clicked: that of a cell, or the one whose tick came or went."""
    if cells:
        return next(iter(cells))[0]
    changed = sorted(set(rows) ^ set(ticked))
    return changed[0] if changed and changed != list(ticked) else None
