"""Middle: the picture of the net, and what of it is to be seen."""

from __future__ import annotations

import streamlit as st

from explorer import cached, colour_panel, state
from explorer.components.diagram import diagram
from explorer.look import TWINS, can_open_all
from explorer.stage_table import WIDTHS
from resnet_core import picture


def show() -> None:
    graph, look = state.graph(), state.look_of()
    switches()
    if look.as_dot:
        st.graphviz_chart(picture.dot(graph, state.opened(), look.view, look.twin), width="stretch")
        return
    colour_panel.show()
    diagram(
        cached.scenes(graph.net, look.view, look.twin),
        opened=state.opened(),
        stamp=state.stamp(),
        selected=state.selected(),
        look_at=graph.ops[-1].path if graph.broken else None,
        handles={"stages": state.handles(), "widths": WIDTHS},
        can_open_all=can_open_all(graph),
        notice=LAST_GOOD if state.problem() and not graph.broken else "",
        key=state.DIAGRAM,
        on_select=state.select_in_diagram,
        on_open=state.open_in_diagram,
        on_edit=state.edit_in_diagram,
    )


def switches() -> None:
    """The net, its twin, or both; and how it is drawn."""
    names = {"net": "Residual", "twin": "Plain twin", "both": "Both"}
    if state.net().is_plain:
        names |= {"net": "Plain", "twin": "Residual twin"}
    with st.container(horizontal=True, vertical_alignment="center", key="levels", gap="small"):
        st.segmented_control(
            "Twin",
            TWINS,
            format_func=names.get,
            key=state.look_widget("twin"),
            required=True,
            on_change=state.look_from,
            args=("twin",),
            label_visibility="collapsed",
        )
        st.space("stretch")
        if not state.presenting():
            with st.popover("View", icon=":material/tune:", key="view"):
                for name, (label, help) in SWITCHES.items():
                    st.toggle(
                        label,
                        key=state.look_widget(name),
                        on_change=state.look_from,
                        args=(name,),
                        help=help,
                    )


LAST_GOOD = "The form has a mistake: this is the last good net."
#: switch -> its label and what it does
SWITCHES = {
    "folds": (
        "Fold norm and ReLU into their convolution",
        "As textbooks draw it; the box says what is folded in",
    ),
    "to_scale": (
        "Boxes to scale",
        "Higher for more channels, narrower where the resolution drops",
    ),
    "as_dot": ("Drawn by Graphviz", "The same graph, laid out by Graphviz in the browser"),
}
