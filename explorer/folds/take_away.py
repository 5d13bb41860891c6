"""The net as files: pictures first, then code, spec and tables."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer import cached, run_panel, state
from explorer.components.take_picture import take_picture
from explorer.curve import Curve
from explorer.paints import role_of
from resnet_core.export import EXPORTS, export, file_name
from resnet_core.graph import LayerGraph, trace
from resnet_core.picture import Frame, Tint, framed
from resnet_core.picture.colours import scale_of
from resnet_core.picture.quantities import QUANTITIES, values
from resnet_core.runs.engine import EngineError
from resnet_core.twins import twin_of

MAX_ONNX = 400_000_000  # bytes of weights; the server holds several copies while it writes
SMALL = 12  # pixels, of 1080: letters that the back row cannot read
SHAPES = {"slide": "Slide 16:9", "page": "Page"}
COLOURS = {"screen": "As on screen", "light": "Light", "dark": "Dark"}
PICTURES = ("svg", "pdf", "dot")


def show(graph: LayerGraph) -> None:
    frame = frame_of(graph)
    sheet = framed(graph, frame)
    ending = "_slide.png" if frame.shape == "slide" else ".png"
    file = file_name(graph.net, "svg").removesuffix(".svg") + ending
    take_picture(sheet, name=graph.net.name, file=file, key="take_picture")
    buttons(graph, PICTURES, frame, "pictures")
    if frame.shape == "slide" and sheet.letters < SMALL:
        st.caption(
            f"On a slide of 1920×1080 the smallest letters are {sheet.letters:.0f} pixels high. "
            "With fewer cards open they are larger."
        )
    st.caption("Code, spec, and tables of layers")
    buttons(graph, [kind for kind in EXPORTS if kind not in PICTURES], frame, "files")
    if 4 * graph.params > MAX_ONNX:
        st.caption(
            "As ONNX this net has more than 400 MB of weights: `python -m resnet_core export` "
            "writes it."
        )
    st.caption("The address bar holds a link to this net and its settings.")


def frame_of(graph: LayerGraph) -> Frame:
    """What is on screen, as the two switches say."""
    with st.container(horizontal=True, gap="small"):
        shape = switch("Shape", SHAPES)
        colours = switch("Colours", COLOURS)
    dark = st.context.theme.type == "dark" if colours == "screen" else colours == "dark"
    look = state.look_of()
    return Frame(state.opened(), look.view, shape, dark, tint(graph), look.twin)


def switch(label: str, options: dict[str, str]) -> str:
    return st.segmented_control(
        label,
        options,
        format_func=options.get,
        default=next(iter(options)),
        required=True,
        label_visibility="collapsed",
        key=f"take_{label.lower()}",
    )


def tint(graph: LayerGraph) -> Tint | None:
    """The quantity that colours the picture; both twins share its scale. Of a run, the newest."""
    look = state.look_of()
    if look.colour is None:
        return None
    folds, batch = look.view.folds, state.experiment().batch_size
    if not QUANTITIES[look.colour].is_measured:
        graphs = [graph] if graph.broken else [graph, trace(twin_of(graph.net))]
        found = {role_of(g): values(g, look.colour, batch_size=batch, folds=folds) for g in graphs}
    else:
        found = {
            curve.role: values(curve.graph, look.colour, curve.records, folds=folds)
            for curve in curves_of(graph)
        }
    if not found:
        return None
    tables = [
        np.array([v for v in part.values() if v is not None], float) for part in found.values()
    ]
    return Tint(found, scale_of(look.colour, tables))


def curves_of(graph: LayerGraph) -> list[Curve]:
    """What the watched run has shown of this net and its twin."""
    engine = cached.engine()
    try:
        run = run_panel.watched(engine)
    except EngineError:
        return []
    if run is None or run.config.net != graph.net:
        return []
    return cached.curves(run.config, engine.records(run.id))


def buttons(graph: LayerGraph, kinds: list[str] | tuple[str, ...], frame: Frame, key: str) -> None:
    """One for each kind of file, which is made when it is asked for."""
    with st.container(horizontal=True, gap="small", key=key):
        for kind in kinds:
            row = EXPORTS[kind]
            st.download_button(
                row.title,
                lambda kind=kind: export(graph, kind, frame),
                file_name(graph.net, kind),
                row.mime,
                key=f"export_{kind}",
                help=row.what,
                on_click="ignore",
                disabled=kind == "onnx" and 4 * graph.params > MAX_ONNX,
            )
