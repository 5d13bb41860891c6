"""Every layer with its cost and what it sees of the input."""

from __future__ import annotations

import streamlit as st

from explorer import cached, selectable, state, theme
from explorer.details import inside
from resnet_core.graph import LayerGraph


def show(graph: LayerGraph) -> None:
    fields = cached.fields(graph)
    rows = []
    for op in graph.ops:
        field = fields[op.path]
        rows.append(
            {
                "layer": op.path,
                "parameters": op.params,
                "MACs": op.macs,
                "output": theme.shape(op.shape),
                "settings": f"{op.kind} {op.detail}".strip(),
                "receptive field": field and field.size,
                "stride so far": field and field.stride,
                "offset": field and field.offset,
            }
        )
    selected = state.selected()
    selectable.table(
        rows,
        [op.path for op in graph.ops],
        {op.path for op in inside(graph, selected)} if selected else (),
        key="layer_table",
        height=320,
        alt="every layer with its cost",
        column_config={
            name: st.column_config.NumberColumn(format="localized")
            for name in ("parameters", "MACs")
        },
    )
    st.caption(
        "Receptive field: pixels along one side that one value sees; offset: the centre of what "
        "value (0, 0) sees. Empty where the whole map is seen, as behind a global pool."
    )
    if any(field and field.beyond for field in fields.values()):
        st.caption("Attention and group norm look at the whole map, too: they are left out of it.")
