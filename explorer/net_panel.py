"""Left: what goes in. Preset, form, what is wrong or unwise, and what else there is to know."""

from __future__ import annotations

import streamlit as st

from explorer import block_card, cached, details, problem_panel, state
from explorer.components.net_form import net_form
from explorer.components.preset_menu import preset_menu
from explorer.folds import cost, layers, opened_file, second_opinion, skip, take_away
from resnet_core.graph import LayerGraph, trace


def show() -> None:
    preset_menu(
        cached.preset_rows(),
        state.experiment().base,
        state.net().name,
        key=state.PRESET,
        on_choose=state.choose_preset,
        on_await=cached.await_presets,
    )
    net_form(state.form(), key=state.FORM, on_edit=state.edit_net)
    problem = state.problem()
    if problem:
        problem_panel.show(problem)
    graph = trace(state.net())
    selected(graph)
    if not problem:
        problem_panel.hints(state.net())
    for title, icon, content in FOLDS:
        fold = st.expander(title, icon=f":material/{icon}:", key=f"fold_{icon}", on_change="rerun")
        if fold.open:  # what is folded away costs nothing
            with fold:
                content(graph)


def selected(graph: LayerGraph) -> None:
    """What is known about the part that is selected: a layer's facts above its block's card."""
    path = state.selected()
    block = block_card.block_of(graph, path)
    is_block = block is not None and block.path == path
    facts = None if is_block else details.facts(graph, path)
    if facts:
        st.html(details.card(*facts))
    if block is not None:
        block_card.show(graph, block)
    if not facts and block is None:
        st.caption(
            "Click a part of the picture to see its numbers here; its chevron, or a double click, "
            "opens it."
        )


#: (title, icon, what shows it)
FOLDS = [
    ("What does the skip skip?", "redo", skip.show),
    ("Layers", "table_rows", layers.show),
    ("Memory and maps", "memory", cost.show),
    ("Second opinion: torchinfo", "fact_check", second_opinion.show),
    ("Take away", "download", take_away.show),
    ("Open a file", "folder_open", opened_file.show),
]
