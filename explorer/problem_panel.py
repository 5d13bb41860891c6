"""What is wrong with the net in the form, what is unwise about the one on screen, and repairs."""

from __future__ import annotations

from functools import lru_cache

import streamlit as st

from explorer import state, theme
from resnet_core.lint import Finding, lint
from resnet_core.repairs import Repair, repairs, torch_message
from resnet_core.spec import NetSpec, ShapeMismatch, SpecError, in_words


def show(problem: SpecError) -> None:
    with st.container(border=True, key="problem"):
        st.error(theme.literal(str(problem)), icon=":material/error:")
        net = state.draft_net()
        found = repairs(net, problem) if net else ()
        with st.container(horizontal=True, gap="small", key="repairs"):
            buttons(found, "repair")
            st.button(
                "Back to the last good net",
                icon=":material/settings_backup_restore:",
                on_click=state.revert,
                help="The totals still show it",
            )
        if isinstance(problem, ShapeMismatch):
            with st.expander("What PyTorch says"):
                st.code(torch_message(problem), language=None, wrap_lines=True)


def hints(net: NetSpec) -> None:
    """What can be built and would still surprise: only when there is any."""
    found = findings(net)
    if not found:
        return
    title = f"{len(found)} hint{'s' if len(found) > 1 else ''}"
    with st.expander(title, icon=":material/lightbulb:", key="fold_hints"):
        for number, finding in enumerate(found):
            words = f"{in_words(finding.where)}: {finding.what}."
            st.markdown(f"**{theme.literal(words)}** {theme.literal(finding.why)}")
            with st.container(horizontal=True, gap="small"):
                buttons(finding.repairs, f"hint{number}_")


@lru_cache(maxsize=256)
def findings(net: NetSpec) -> tuple[Finding, ...]:
    """Tries every repair, so once for all who look at the net."""
    return lint(net)


def buttons(found: tuple[Repair, ...], key: str) -> None:
    for number, repair in enumerate(found):
        st.button(
            theme.literal(repair.title),
            key=f"{key}{number}",
            icon=":material/build:",
            on_click=state.show_net,
            args=(repair.net,),
        )
