"""Left: what goes in. Preset, the form, what is wrong with it, and ways to take the net away."""

from __future__ import annotations

import streamlit as st

from explorer import header, state, theme
from explorer.components.net_form import net_form
from resnet_core.graph import LayerGraph, trace
from resnet_core.second_opinion import summary


def show() -> None:
    header.preset_menu()
    net_form(state.form(), key=state.FORM, on_edit=state.edit_net)
    if state.problem():
        show_problem()
    graph = trace(state.net())
    with st.expander("Layers", icon=":material/table_rows:"):
        layer_table(graph)
    with st.expander("Second opinion: torchinfo", icon=":material/fact_check:"):
        second_opinion(graph)
    with st.expander("Take away", icon=":material/download:"):
        take_away(graph)


def show_problem() -> None:
    problem = state.problem()
    with st.container(border=True, key="problem"):
        st.error(theme.literal(str(problem)), icon=":material/error:")
        st.button(
            "Back to the last good net",
            icon=":material/settings_backup_restore:",
            on_click=state.revert,
            help="The picture and the totals still show it",
        )


def layer_table(graph: LayerGraph) -> None:
    rows = [
        {
            "layer": op.path,
            "kind": op.kind,
            "settings": op.detail,
            "output": "×".join(map(str, op.shape)),
            "parameters": op.params,
            "MACs": op.macs,
        }
        for op in graph.ops
    ]
    st.dataframe(rows, hide_index=True, height=320, alt="every layer with its cost")


def second_opinion(graph: LayerGraph) -> None:
    st.markdown(
        "torchinfo counts what a layer *does*, so its mult-adds include biases and norm layers. "
        "Our MACs are products that are summed in convolutions and linear layers, as in the "
        "papers: that is why torchinfo's total is a little higher."
    )
    opinion = summary(graph.net)
    st.markdown(
        f"Parameters: ours **{graph.params:,}**, torchinfo **{opinion.params:,}**. "
        f"MACs: ours **{graph.macs:,}**, torchinfo **{opinion.mult_adds:,}**."
    )
    st.code(opinion.text, language=None, height=320)


def take_away(graph: LayerGraph) -> None:
    name = slug(graph.net.name)
    with st.container(horizontal=True):
        st.download_button("Spec (JSON)", graph.net.to_json(), f"{name}.json", "application/json")
        st.download_button("Graph (DOT)", lambda: dot_of(graph), f"{name}.dot", "text/vnd.graphviz")
        st.download_button("Picture (SVG)", lambda: svg_of(graph), f"{name}.svg", "image/svg+xml")
    st.caption("The address bar holds a link to this net and its settings.")


def dot_of(graph: LayerGraph) -> str:
    from resnet_core import picture

    return picture.dot(graph, state.opened())


def svg_of(graph: LayerGraph) -> str:
    from resnet_core import picture

    return picture.standalone(graph, state.opened())


def slug(name: str) -> str:
    """A file name: letters, digits and dashes of `name`."""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())
    return "-".join(filter(None, kept.split("-"))) or "net"
