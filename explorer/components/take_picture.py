"""A picture as it will be taken away, and what only a browser can do with it: PNG and clipboard."""

from __future__ import annotations

import streamlit as st

from explorer.components import source
from resnet_core.picture.framed import Sheet

HTML = """
<div class="root">
  <img class="preview">
  <div class="row">
    <button name="png">PNG</button>
    <button name="copy">Copy for slides</button>
    <span role="status"></span>
  </div>
</div>
"""
#: The pixels of a PNG are the reader's to have in Inter; the SVG file names it and holds none.
FONTS = (("app/static/inter-latin.woff2", ""), ("app/static/inter-greek.woff2", "U+0370-03FF"))
DENSITY = 2  # pixels of the PNG for one of the picture: a slide is 3840×2160

_TAKE = st.components.v2.component(
    "take_picture", html=HTML, css=source("take_picture.css"), js=source("take_picture.js")
)


def take_picture(sheet: Sheet, *, name: str, file: str, key: str) -> None:
    """Shows `sheet`; `name` is the net's, `file` that of the PNG, with its suffix."""
    data = {
        "svg": sheet.svg,
        "width": sheet.width,
        "height": sheet.height,
        "density": DENSITY,
        "label": f"Picture of {name}",
        "file": file,
        "fonts": FONTS,
    }
    _TAKE(data=data, key=key)
