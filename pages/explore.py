"""The one screen: what goes in, the net, and what happens when it trains."""

import streamlit as st

from explorer import header, net_panel, picture_panel, run_panel, state

header.show()
if state.presenting():
    picture, happens = st.columns(
        [5, 6] if state.look_of().twin == "both" else [3, 5], gap="medium"
    )
else:
    widths = [29, 41, 30] if state.look_of().twin == "both" else [33, 27, 40]
    goes_in, picture, happens = st.columns(widths, gap="small")
    with goes_in:
        net_panel.show()
with picture:
    picture_panel.show()
with happens:
    run_panel.show()
