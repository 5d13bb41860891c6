"""What exactly does the skip skip? Answered in numbers, on the selected block."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache

import streamlit as st

from explorer import state, theme
from resnet_core.blocks import formula
from resnet_core.equivalence import Demonstration, demonstrate, every_layer_cost
from resnet_core.graph import LayerGraph
from resnet_core.spec import BlockSpec, NetSpec, SpecError

#: shortcuts that can be compared with one around every layer: nothing else goes with them
PLAIN_SUMS = ("none", "identity", "A", "B", "C", "D")


def show(graph: LayerGraph) -> None:
    block = chosen(graph)
    shown = demonstration(graph.net, block.path)
    st.markdown(f"{theme.literal(formula(block))}, where F has {convolutions(block)}.")
    st.markdown(theme.literal(shown.sentence))
    if shown.merged and shown.merged.agreements:
        st.dataframe(
            [
                {
                    "computed in": a.dtype,
                    "largest difference": f"{a.difference:.2e}",
                    "largest |y|": f"{a.size:.3g}",
                }
                for a in shown.merged.agreements
            ],
            hide_index=True,
        )
    with suppress(SpecError):  # another order has no such form
        if all(stage.shortcut in PLAIN_SUMS for stage in graph.net.stages):
            st.markdown(theme.literal(every_layer_cost(graph.net).sentence))
    if len(block.convs) > 1:
        st.button(
            "Try one convolution in this stage",
            icon=":material/science:",
            on_click=state.try_one_convolution,
            args=(block.path,),
            help="F becomes a single 3×3 convolution: undo brings the net back",
        )


def chosen(graph: LayerGraph) -> BlockSpec:
    """The block that is selected or holds what is; else the last of the net's first stage, which
    changes no shape.
    """
    path = state.selected() or ""
    place = ".".join(path.split(".")[:2])
    first = [b for b in graph.blocks if b.path.startswith("stage1.")]
    return next((b for b in graph.blocks if b.path == place), first[-1])


def convolutions(block: BlockSpec) -> str:
    """ "2 convolutions: 3×3 of 16, 3×3 of 16"."""
    each = ", ".join(f"{conv.kernel}×{conv.kernel} of {conv.channels:,}" for conv in block.convs)
    number = len(block.convs)
    return f"{number} convolution{'s' if number > 1 else ''}: {each} channels"


@lru_cache(maxsize=64)
def demonstration(net: NetSpec, path: str) -> Demonstration:
    """Real arithmetic on the block's own weights: tens of milliseconds, so once for all."""
    return demonstrate(net, path)
