"""The live page as one writes it first, for viewers.py: every viewer reads all and draws all.

The same numbers as the app's charts, by st.plotly_chart, with Streamlit's own settings.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from resnet_core.runs.recording_file import read


@st.cache_resource
def began() -> float:
    return time.time()


@st.fragment(run_every=1.0)
def live() -> None:
    tape = read(Path(os.environ["RECORDING"]))
    passed = (time.time() - began()) % tape.duration_s  # for ever: from its beginning again
    nets = tape.records_at(passed)
    st.progress(passed / tape.duration_s, text=tape.title)
    depth = make_subplots(rows=3, cols=1, row_heights=[0.5, 0.25, 0.25])
    for row, net in enumerate(nets, start=2):
        with np.errstate(divide="ignore"):
            logs = np.log10(net.per_op["input_grad"])
        depth.add_trace(go.Scatter(y=logs[-1], mode="lines+markers"), row=1, col=1)
        depth.add_trace(go.Heatmap(z=logs), row=row, col=1)
    learning = make_subplots(rows=1, cols=2)
    for net in nets:
        for column, name in enumerate(("loss", "accuracy"), start=1):
            learning.add_trace(go.Scatter(y=net.scalars[name]), row=1, col=column)
    st.plotly_chart(depth)
    st.plotly_chart(learning)


live()
