"""The net as files: pictures first, then code, spec and tables."""

from __future__ import annotations

from functools import lru_cache

import streamlit as st

from explorer import cached, paints, state, take_run
from explorer.components.take_picture import take_picture
from explorer.curve import Curve
from explorer.watched import watched_run_of
from resnet_core.export import EXPORTS, export, file_name
from resnet_core.graph import LayerGraph, trace_to_mismatch
from resnet_core.picture import Frame, Tint, framed
from resnet_core.picture.colours import scale_of
from resnet_core.picture.framed import Sheet
from resnet_core.picture.quantities import QUANTITIES
from resnet_core.spec import NetSpec

MAX_ONNX = 400_000_000  # bytes of weights; the server holds several copies while it writes
SMALL = 12  # pixels, of 1080: letters that the back row cannot read
SHAPES = {"slide": "Slide 16:9", "page": "Page"}
COLOURS = {"screen": "As on screen", "light": "Light", "dark": "Dark"}
PICTURES = ("svg", "pdf", "dot")


def show(graph: LayerGraph) -> None:
    frame = frame_of(graph)
    sheet = drawn(graph.net, frame)
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
    take_run.show()
    st.caption("The address bar holds a link to this net and its settings.")


@lru_cache(maxsize=8)  # asked for at every rerun while the fold is open
def drawn(net: NetSpec, frame: Frame) -> Sheet:
    return framed(trace_to_mismatch(net), frame)


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
    """The quantity that colours the picture, on the scale of the screen; of a run at its step.

    That scale spans both twins, and all steps that the screen can show.
    """
    look = state.look_of()
    if look.colour is None:
        return None
    folds, batch = look.view.folds, state.experiment().batch_size
    if not QUANTITIES[look.colour].is_measured:
        read, steps = paints.read_net(graph.net, look.colour, batch, folds), {}
    else:
        read, steps = paints.read_run(curves_of(graph), look.colour, folds)
    tables = [part.rows for part in read.values()]
    if not any(table.size for table in tables):
        return None
    rows = {role: paints.row_at(steps.get(role, ()), state.step()) for role in read}
    shown = {
        role: dict(zip(part.ids, part.rows[rows[role]].tolist(), strict=True))
        for role, part in read.items()
        if part.rows.size
    }
    told = [steps[role][rows[role]] for role in shown if steps.get(role)]
    return Tint(shown, scale_of(look.colour, tables), f"step {max(told):,}" if told else "")


def curves_of(graph: LayerGraph) -> list[Curve]:
    """What the watched run has shown of this net and its twin."""
    engine = cached.engine()
    run = watched_run_of(engine, graph.net)
    return cached.curves(run.config, engine.records(run.id)) if run else []


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
