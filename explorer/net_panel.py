"""Left: what goes in. Preset, the form, what is wrong with it, and ways to take the net away."""

from __future__ import annotations

import streamlit as st

from explorer import details, header, state, theme
from explorer.components.net_form import net_form
from resnet_core import picture
from resnet_core.graph import LayerGraph, trace
from resnet_core.second_opinion import summary


def show() -> None:
    header.preset_menu()
    net_form(state.form(), key=state.FORM, on_edit=state.edit_net)
    if state.problem():
        show_problem()
    graph = trace(state.net())
    if facts := details.facts(graph, state.selected()):
        st.html(details.card(*facts))
    else:
        st.caption(
            "Click a part of the picture to see its numbers here; its chevron, or a double click, "
            "opens it."
        )
    for title, icon, content in FOLDS:
        fold = st.expander(title, icon=f":material/{icon}:", key=f"fold_{icon}", on_change="rerun")
        if fold.open:  # what is folded away costs nothing
            with fold:
                content(graph)


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
    name, opened = slug(graph.net.name), state.opened()
    files = [
        ("Spec", f"{name}.json", "application/json", graph.net.to_json),
        ("Picture", f"{name}.svg", "image/svg+xml", lambda: picture.standalone(graph, opened)),
        ("Graph", f"{name}.dot", "text/vnd.graphviz", lambda: picture.dot(graph, opened)),
    ]
    with st.container(horizontal=True):
        for title, file, kind, content in files:
            st.download_button(f"{title} (.{file.rpartition('.')[2]})", content, file, kind)
    st.caption("The address bar holds a link to this net and its settings.")


def slug(name: str) -> str:
    """A file name: letters, digits and dashes of `name`."""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())
    return "-".join(filter(None, kept.split("-"))) or "net"


#: (title, icon, what shows it)
FOLDS = [
    ("Layer table", "table_rows", layer_table),
    ("Second opinion: torchinfo", "fact_check", second_opinion),
    ("Take away", "download", take_away),
]
