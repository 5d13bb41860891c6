"""What every page stands in: frame, theme, and the one list of pages. Run by app.py."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # Streamlit puts explorer/ on the path, not the folder above it
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402

from explorer import state, theme  # noqa: E402
from explorer.components.figure import STATIC, serve_plotly  # noqa: E402

st.set_page_config(
    page_title="Residual Explorer", page_icon=str(STATIC / "icon.png"), layout="wide"
)
serve_plotly()
state.begin()
st.html(
    f"<style>{theme.style_sheet(state.presenting())}{(STATIC / 'page.css').read_text()}</style>"
)
pages = [st.Page(ROOT / "pages" / "explore.py", title="Explore", default=True)]
st.navigation(pages, position="hidden").run()
