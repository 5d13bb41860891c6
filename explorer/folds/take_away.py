"""The net as files."""

from __future__ import annotations

import streamlit as st

from explorer import state
from resnet_core.export import EXPORTS, export, file_name
from resnet_core.graph import LayerGraph

MAX_ONNX = 400_000_000  # bytes of weights; the server holds several copies while it writes


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
                disabled=kind == "onnx" and 4 * graph.params > MAX_ONNX,
            )
    if 4 * graph.params > MAX_ONNX:
        st.caption(
            "As ONNX this net has more than 400 MB of weights: `python -m resnet_core export` "
            "writes it."
        )
    st.caption("The address bar holds a link to this net and its settings.")
