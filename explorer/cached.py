"""What all sessions of this server share."""

from __future__ import annotations

import streamlit as st

from resnet_core.devices import available_devices
from resnet_core.runs.engine import Engine, default_folder


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The one door to training runs; it outlives sessions, and runs outlive it."""
    return Engine(default_folder())


@st.cache_resource(show_spinner=False)
def devices() -> dict[str, str]:
    """key -> name, the best first."""
    return dict(available_devices())
