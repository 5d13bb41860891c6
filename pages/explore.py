"""The one screen: what goes in, the net, and what happens when it trains."""

import streamlit as st

from explorer import block_card, header, net_panel, picture_panel, run_panel, state

header.show()
both = state.look_of().twin == "both"
with st.container(key="screen"):
    if state.presenting():
        picture, happens = st.columns([5, 6] if both else [3, 5], gap="medium")
    else:
        widths = [29, 41, 30] if both else [33, 27, 40]
        goes_in, picture, happens = st.columns(widths, gap="small")
        with goes_in:
            net_panel.show()
    with picture, st.container(key="picture"):
        picture_panel.show()
    with happens:
        if state.presenting():
            block_card.present()
        run_panel.show()
