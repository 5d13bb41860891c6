"""The net as files."""

from __future__ import annotations

import streamlit as st

from explorer import state
from resnet_core.export import EXPORTS, export, file_name
from resnet_core.graph import LayerGraph


def show(graph: LayerGraph) -> None:
    opened = state.opened()
    with st.container(horizontal=True, gap="small", key="files"):
        for kind, row in EXPORTS.items():
            st.download_button(
                row.title,
                lambda kind=kind: export(graph, kind, opened),  # made when it is asked for
                file_name(graph.net, kind),
                row.mime,
                key=f"export_{kind}",
                help=row.what,
                on_click="ignore",
            )
    st.caption("The address bar holds a link to this net and its settings.")
