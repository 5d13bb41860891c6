"""torchinfo's summary of the same net, and why its figures differ."""

from __future__ import annotations

import streamlit as st

from explorer import theme
from resnet_core.graph import LayerGraph
from resnet_core.second_opinion import summary
from resnet_core.spec import SpecError


def show(graph: LayerGraph) -> None:
    st.markdown(
        "torchinfo counts what a layer with weights *does*, so its mult-adds include biases and "
        "norm layers, and leave out a blur, which is a convolution with fixed weights. Our MACs "
        "are products that are summed in convolutions and linear layers, as in the papers."
    )
    try:
        opinion = summary(graph.net)
    except SpecError as e:
        st.caption(theme.literal(str(e)))
        return
    st.markdown(
        f"Parameters: ours **{graph.params:,}**, torchinfo **{opinion.params:,}**. "
        f"MACs: ours **{graph.macs:,}**, torchinfo **{opinion.mult_adds:,}**."
    )
    st.code(opinion.text, language=None, height=320)
