"""Middle: the picture of the net, how deep it is opened, and the details of what is selected."""

from __future__ import annotations

import streamlit as st

from explorer import state
from explorer.components.diagram import diagram
from resnet_core import picture
from resnet_core.graph import LayerGraph

MAX_HEIGHT = "max(420px, calc(100vh - 10.5rem))"  # what the window has below head and buttons
MOST_OPS = 2500  # that are drawn at once; single blocks can be opened in any net
#: level of `picture.openable` -> what its button says
LEVELS = {"net": "Net", "stages": "Stages", "blocks": "Blocks", "layers": "Layers"}


def show() -> None:
    graph = state.graph()
    levels(graph)
    if state.SS.get("as_dot"):
        st.graphviz_chart(picture.dot(graph, state.opened()), width="stretch")
    else:
        diagram(
            picture.draw(graph, state.opened()),
            selected=state.selected(),
            look_at=graph.ops[-1].path if graph.broken else None,
            key=state.DIAGRAM,
            on_select=state.select_in_diagram,
            on_toggle=state.toggle_opened,
            max_height=MAX_HEIGHT,
        )


def levels(graph: LayerGraph) -> None:
    """Open the whole picture to one depth; or show it as Graphviz draws it."""
    with st.container(horizontal=True, vertical_alignment="center", key="levels", gap="small"):
        levels, opened = picture.openable(graph), state.opened()
        shown = [level for level, paths in levels.items() if paths == opened][-1:]
        for level, paths in levels.items():
            st.button(
                LEVELS[level],
                key=f"level_{level}",
                type="secondary" if level in shown else "tertiary",
                on_click=state.open_all,
                args=(paths,),
                disabled=level == "layers" and len(graph.ops) > MOST_OPS,
                help=f"Open the picture down to its {LEVELS[level].lower()}",
            )
        if not state.presenting():
            st.space("stretch")
            st.toggle("Graphviz", key="as_dot")
