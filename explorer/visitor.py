"""Who looks at this page: a browser, by a cookie that the server gives it, or a lecturer.

Runs are stored with a digest of the cookie: nobody becomes another by what a run, or a file of
it, says.
"""

from __future__ import annotations

import hashlib

import streamlit as st

from explorer import key, state
from explorer.cookie import known
from resnet_core.runs.engine import User


def user() -> User:
    """A browser without cookies is nobody, whose runs are everybody's."""
    name = known(st.context.cookies)
    digest = hashlib.sha256(name.encode()).hexdigest()[:20] if name else ""
    return User(digest, is_lecturer=state.is_lecturer())


def enter(given: str) -> None:
    """Who enters the lecturer's key is a lecturer while the session lasts."""
    state.let_in(key.DOOR.refusal(given, user().id, st.context.ip_address))


def may_add_images() -> bool:
    """What many bring together could fill the disk."""
    return state.is_lecturer() or not key.has_key()
