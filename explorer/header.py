"""The head of the screen: name, preset, undo, and the totals that are always in sight."""

from __future__ import annotations

import html

import streamlit as st

from explorer import state, theme
from explorer.components.figure import STATIC
from resnet_core.geometry import training_memory
from resnet_core.graph import LayerGraph, trace
from resnet_core.presets import PRESETS, preset


def show() -> None:
    with st.container(key="head"):
        left, right = st.columns([33, 67], vertical_alignment="center", gap="medium")
        with left:
            brand()
        with right:
            st.html(totals(trace(state.net()), trace(preset(state.experiment().base))))


def brand() -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="brand", gap="small"):
        st.image(str(STATIC / "icon.png"), width=34)
        st.markdown("**Residual Explorer**", width="content")
        st.button(
            ":material/undo:",
            type="tertiary",
            shortcut="Ctrl+Z",
            on_click=state.undo,
            disabled=not state.SS.undo,
            help="Undo the last change of the net or its settings",
        )
        st.button(
            ":material/redo:",
            type="tertiary",
            shortcut="Ctrl+Shift+Z",
            on_click=state.redo,
            disabled=not state.SS.redo,
            help="Redo",
        )
        st.button(
            ":material/close_fullscreen:" if state.presenting() else ":material/cast:",
            type="tertiary",
            on_click=state.toggle_presenting,
            help="Presentation mode: larger type; only picture, run controls and charts",
        )


def totals(graph: LayerGraph, base: LayerGraph) -> str:
    """HTML: four figures, each with unit and condition, and the change against the preset."""
    image = theme.shape(graph.net.input_shape)
    batch = state.experiment().batch_size
    memory, before = (training_memory(g, batch).total for g in (graph, base))
    cards = [
        ("Parameters", theme.count(graph.params), f"{graph.params:,} trainable",
         change(graph.params, base.params, theme.count)),
        ("MACs", theme.count(graph.macs), f"one 1×{image} image",
         change(graph.macs, base.macs, theme.count)),
        ("Depth", f"{graph.depth}", "conv and linear layers",
         change(graph.depth, base.depth, "{:,}".format)),
        ("Training memory", theme.memory(memory), f"batch {batch}, float32, SGD",
         change(memory, before, theme.memory)),
    ]  # fmt: skip
    name = html.escape(base.net.name)
    parts = (
        f'<div class="total"><span class="what">{what}</span><span class="value">{value}</span>'
        f'<span class="change" title="against {name}">{difference}</span>'
        f'<span class="condition">{condition}</span></div>'
        for what, value, condition, difference in cards
    )
    return f'<div class="totals" role="group" aria-label="totals of the net">{"".join(parts)}</div>'


def change(now: float, before: float, shown) -> str:
    """What the edit did: "+1.20 M (+11%)"; nothing for an unchanged figure."""
    if now == before:
        return ""
    sign = "+" if now > before else "−"
    share = 100 * abs(now / before - 1)
    return f"{sign}{shown(abs(now - before))} ({sign}{share:.{0 if share >= 10 else 1}f}%)"


def preset_menu() -> None:
    experiment = state.experiment()
    state.SS[state.PRESET] = experiment.base
    st.selectbox(
        "Preset",
        list(PRESETS),
        key=state.PRESET,
        format_func=lambda key: f"{PRESETS[key].net.name} · {PRESETS[key].family}",
        on_change=state.choose_preset,
        help=PRESETS[experiment.base].source,
    )
