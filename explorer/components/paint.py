"""The legend of a quantity, which also hands every diagram on the page its colours.

To all diagrams: an event "rx-paint" on the document, its `detail` kept in `window.rxPaint` for
those that are mounted later; null for the colours of kinds:

    {title: "Parameters",
     nets: {residual: {"stage1.0": "light-dark(#aabbcc, #112233)", ...}, plain: {...}},
     texts: {residual: {"stage1.0": "4,672 parameters", ...}, plain: {...}}}

The keys of `nets` are the roles of drawings, ids are those of picture nodes, and one without an
entry has no value. Of a run the colours are those of the step in `window.rxStep`, which the depth
chart's slider sets (event "rx-step"); without a chart, of the newest.
"""

from __future__ import annotations

import streamlit as st

from explorer.components import source

HTML = """
<div class="root">
  <div class="head"><b></b> <span></span> <output></output></div>
  <div class="bar"></div>
  <div class="ticks"></div>
  <div class="notes"></div>
</div>
"""
_PAINT = st.components.v2.component(
    "paint", html=HTML, css=source("paint.css"), js=source("paint.js")
)


def paint(data: dict, key: str = "paint") -> None:
    """Shows and broadcasts what `paints.of_nets` or `paints.of_run` gives."""
    _PAINT(data=data, key=key)
