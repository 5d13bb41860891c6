"""Memory of training by batch and precision, and the map of each stage."""

from __future__ import annotations

import streamlit as st

from explorer import selectable, state, theme
from resnet_core.geometry import feature_maps
from resnet_core.graph import LayerGraph
from resnet_core.memory import OPTIMIZERS, PRECISIONS, training_memory
from resnet_core.spec import in_words


def show(graph: LayerGraph) -> None:
    batch = state.experiment().batch_size
    left, right = st.columns(2)
    precision = left.selectbox(
        "Precision", list(PRECISIONS), format_func=lambda key: PRECISIONS[key].title
    )
    optimizer = right.selectbox(
        "Optimizer", list(OPTIMIZERS), format_func=lambda key: OPTIMIZERS[key].title
    )
    memory = training_memory(graph, batch, precision, optimizer)
    parts = ("weights", "gradients", "optimizer", "activations", "total")
    st.dataframe(
        [{f"batch {batch}": part, "memory": theme.memory(getattr(memory, part))} for part in parts],
        hide_index=True,
        alt="memory of training",
    )
    st.caption("Activations are the tensors that autograd keeps for the backward pass, each once.")
    maps = feature_maps(graph)
    selectable.table(
        [
            {
                "map of": in_words(m.place),
                "shape": theme.shape((m.channels, m.height, m.width)),
                "values": m.values,
            }
            for m in maps
        ],
        [m.place for m in maps],
        {(state.selected() or "").partition(".")[0]},
        key="map_table",
        alt="feature map of each stage",
        column_config={"values": st.column_config.NumberColumn(format="localized")},
    )
