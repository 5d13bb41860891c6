"""What the picture's colours mean: the menu of quantities, and the legend that paints."""

from __future__ import annotations

import streamlit as st

from explorer import cached, paints, run_panel, state, theme
from explorer.components.paint import paint
from explorer.watched import watched
from resnet_core.picture.quantities import QUANTITIES
from resnet_core.runs.engine import Engine, EngineError, Run

KIND = "kind"  # of layer: the picture's own colours


def show() -> None:
    look, engine = state.look_of(), cached.engine()
    st.selectbox(
        "Colour by",
        [KIND, *QUANTITIES],
        format_func=named,
        key=state.colour_menu(KIND),
        on_change=state.choose_colour,
        args=(KIND,),
        label_visibility="collapsed",
    )
    if look.colour is None:
        return
    if not QUANTITIES[look.colour].is_measured:
        net, batch = state.graph().net, state.experiment().batch_size
        paint(paints.of_net(net, look.colour, batch, look.view.folds))
        return
    tick = state.tick() if run_panel.is_going(engine) else None
    st.fragment(measured, run_every=tick, key="measured")(engine, look.colour)


def named(key: str) -> str:
    if key == KIND:
        return "Colour: Kind of layer"
    row = QUANTITIES[key]
    return f"Colour: {row.title}{', of a run' if row.is_measured else ''}"


def measured(engine: Engine, key: str) -> None:
    """The colours of the run that is watched, as far as it is; or why there are none."""
    try:
        found = watched(engine)
    except EngineError:
        return
    run = found and found.run
    if why := missing(run):
        st.caption(why)
        return
    curves = cached.curves(run.config, engine.records(run.id))
    if not any(len(curve.records.steps_of(key)) for curve in curves):
        st.caption("This run has measured nothing of it yet.")
        return
    paint(paints.of_run(curves, key, state.look_of().view.folds))


def missing(run: Run | None) -> str:
    if run is None:
        return "It is measured while a net trains: press **Run**."
    if run.config.net != state.net():
        name = theme.literal(run.config.net.name)
        return f"The run on the right is of **{name}**, which is not the net on screen."
    return ""
