"""The block card: what the selected block computes and costs, and what a run measured in it."""

from __future__ import annotations

import re

import streamlit as st

from explorer import block_numbers, cached, state, theme
from explorer.block_text import heading, in_squares, letters, notes, numbers_table, table
from explorer.watched import watched_run_of
from resnet_core.equation import equation
from resnet_core.graph import LayerGraph, trace
from resnet_core.runs.engine import Engine, Run
from resnet_core.spec import BlockSpec
from resnet_core.terms import terms

TICK = 1.0  # seconds between looks at a run in progress


def block_of(graph: LayerGraph, path: str | None) -> BlockSpec | None:
    """The block that a path is or lies in; of a run ("stage2.2..8") the first."""
    place = re.match(r"stage\d+\.\d+(?=\.|$)", path or "")
    return next((b for b in graph.blocks if place and b.path == place[0]), None)


def present() -> None:
    """In presentation mode: the equation of the selected block, and what was measured in it."""
    graph = trace(state.net())
    if block := block_of(graph, state.selected()):
        show(graph, block)


def show(graph: LayerGraph, block: BlockSpec) -> None:
    """The card of `block`, with the term of the selected layer marked."""
    with st.container(border=True, key="block_card", gap="small"):
        st.html(heading(block))
        y, *others = equation(graph, block.path)
        st.latex(f"y = {y.value}")
        if state.presenting():  # what can be read from the back row
            measured(block.path)
            return
        st.latex(letters(others))
        st.html(table(terms(graph, block.path), state.selected()))
        if text := in_squares(block):
            st.markdown(text)
        st.caption(theme.literal(" ".join(notes(graph, block, cached.fields(graph)))))
        measured(block.path)


def measured(path: str) -> None:
    """What the watched run has shown in this block so far, looked at again while it goes on."""
    engine = cached.engine()
    if (run := watched_run_of(engine, state.net())) is None:
        return

    @st.fragment(run_every=None if run.is_over else TICK, key="block_numbers")
    def numbers() -> None:
        show_numbers(engine, run, path)

    numbers()


def show_numbers(engine: Engine, run: Run, path: str) -> None:
    curves = cached.curves(run.config, engine.records(run.id))
    found = block_numbers.seen(curves, path, state.step())
    if found:
        st.html(numbers_table(found))
        st.markdown(theme.literal(block_numbers.sentence(found)))
