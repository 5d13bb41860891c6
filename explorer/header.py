"""The head of the screen: name, preset, undo, and the totals that are always in sight."""

from __future__ import annotations

import html
from collections.abc import Callable

import streamlit as st

from explorer import experiments_menu, state, theme
from explorer.components.figure import STATIC
from resnet_core.graph import LayerGraph, trace
from resnet_core.memory import training_memory
from resnet_core.presets import preset


def show() -> None:
    with st.container(key="head"):
        if state.presenting():
            brand()
            return
        left, right = st.columns([36, 64], vertical_alignment="center", gap="medium")
        with left:
            brand()
        with right:
            st.html(totals(trace(state.net()), trace(preset(state.experiment().base))))


def brand() -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="brand", gap="small"):
        st.image(str(STATIC / "icon.png"), width=34)
        st.markdown("**Residual Explorer**", width="content")
        if state.presenting():
            st.html(f'<span class="presented">{html.escape(state.net().name)}</span>')
            st.space("stretch")
            experiments_menu.show()
            tool("close_fullscreen", "Leave the presentation", "Esc", state.toggle_presenting)
            return
        tool("undo", "Undo the last change", "Ctrl+Z", state.undo, not state.can_undo())
        tool("redo", "Redo", "Ctrl+Shift+Z", state.redo, not state.can_redo())
        help = "Present: larger type; only picture, run controls and charts"
        tool("cast", help, None, state.toggle_presenting)
        experiments_menu.show()


def tool(icon: str, help: str, shortcut: str | None, action: Callable, disabled=False) -> None:
    st.button(
        f":material/{icon}:",
        key=f"tool_{icon}",
        type="tertiary",
        shortcut=shortcut,
        on_click=action,
        disabled=disabled,
        help=help,
    )


def totals(graph: LayerGraph, base: LayerGraph) -> str:
    """HTML: four figures, each with unit and condition, and the change against the preset."""
    image = theme.shape(graph.net.input_shape)
    batch = state.experiment().batch_size
    memory, before = (training_memory(g, batch).total for g in (graph, base))
    cards = [
        ("Parameters", theme.count(graph.params), f"{graph.params:,} trainable",
         change(graph.params, base.params, theme.short)),
        ("MACs", theme.count(graph.macs), f"one 1×{image} image",
         change(graph.macs, base.macs, theme.short)),
        ("Depth", f"{graph.depth}", "conv and linear layers",
         change(graph.depth, base.depth, "{:,}".format)),
        ("Training memory", theme.memory(memory), f"one net, batch {batch}, float32",
         change(memory, before, None)),
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
    """What the edit did: "+1.20 M (+11 %)", or the share alone; nothing if nothing changed."""
    if now == before:
        return ""
    sign = "+" if now > before else "−"
    share = 100 * abs(now / before - 1)
    percent = f"{sign}{share:.{0 if share >= 10 else 1}f} %"
    part = f"×{now / before:,.0f}" if share >= 1000 else percent
    return f"{sign}{shown(abs(now - before))} ({part})" if shown else part
