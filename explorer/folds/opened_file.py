"""A net from a file: a spec as JSON, or a checkpoint from which the spec is inferred."""

from __future__ import annotations

import streamlit as st

from explorer import state, theme
from explorer.folds.take_away import MAX_ONNX
from resnet_core.checkpoints import Inferred, fit_of, load_into
from resnet_core.export import file_name
from resnet_core.export.onnx_file import onnx_bytes
from resnet_core.graph import LayerGraph
from resnet_core.spec import in_words

MAX_MB = 300  # of a file that is sent to the server, whose memory it fills


def show(graph: LayerGraph) -> None:
    st.file_uploader(
        "A spec (.json) or weights (.pth, .safetensors) of torchvision, timm or this program",
        type=["json", "pth", "pt", "safetensors"],
        key=state.FILE,
        on_change=state.open_file,
        max_upload_size=MAX_MB,
        help="Nothing in the file is run. Weights stay in this session's memory.",
    )
    if error := state.file_error():
        st.error(theme.literal(str(error)), icon=":material/error:")
    elif checkpoint := state.checkpoint():
        report(graph, *checkpoint)


def report(graph: LayerGraph, name: str, found: Inferred, tensors: dict) -> None:
    """What the file's keys told, what is only assumed, and whether the weights fit this net."""
    st.markdown(theme.literal(f"{name} holds {found.net.name}, by names of {found.family}."))
    st.markdown("Assumed, since keys and shapes do not tell:")
    for assumed in found.assumptions:
        words = f"{in_words(assumed.field)}: {assumed.value} ({assumed.why})"
        st.caption(theme.literal(words))
    fit = fit_of(graph.net, tensors)
    unfit = {
        "Missing in the file, drawn at random": fit.missing,
        "In the file, not in this net": fit.unexpected,
        "Of another shape": tuple(map(str, fit.wrong_shape)),
    }
    if fit.is_whole:
        st.success(
            f"All {len(fit.taken):,} tensors fit the net on screen.", icon=":material/check:"
        )
    else:
        st.warning(
            f"Of the file's {len(tensors):,} tensors {len(fit.taken):,} fit the net on screen; "
            f"{len(fit.missing):,} of the net's are missing."
        )
    for title, names in unfit.items():
        if names:
            st.caption(f"{title}: {len(names):,}")
            st.code("\n".join(names[:50]), language=None, height=120)
    st.download_button(
        "ONNX with these weights",
        lambda: onnx_bytes(graph.net, load_into(graph.net, tensors).module),
        file_name(graph.net, "onnx"),
        on_click="ignore",
        disabled=not fit.is_whole or 4 * graph.params > MAX_ONNX,
        help="When all of them fit",
    )
