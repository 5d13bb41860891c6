"""The server: `streamlit run explorer/app.py`. What it shows is in frame.py.

It is a server of our own for one reason: a browser gets a cookie that its scripts cannot read, so
that its runs stay its own over a reload (visitor.py).
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # Streamlit puts explorer/ on the path, not the folder above it
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402

from explorer.cookie import GiveCookie  # noqa: E402

app = st.App(ROOT / "explorer" / "frame.py", middleware=[Middleware(GiveCookie)])
