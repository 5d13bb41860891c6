"""Who looks at this page: a browser, by a cookie that the server gives it, or a lecturer.

Runs are stored with a digest of the cookie: nobody becomes another by what a run, or a file of
it, says.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re

import streamlit as st

from explorer import state
from explorer.cookie import COOKIE
from resnet_core.runs.engine import User

#: environment variable with the lecturer's key; without one there is no lecturer
KEY = "RESIDUAL_EXPLORER_KEY"


def user() -> User:
    """A browser without cookies is nobody, whose runs are everybody's."""
    name = st.context.cookies.get(COOKIE, "")
    known = re.fullmatch(r"[\w-]{20,60}", name, re.ASCII)
    digest = hashlib.sha256(name.encode()).hexdigest()[:20] if known else ""
    return User(digest, is_lecturer=state.is_lecturer())


def has_key() -> bool:
    """Whether this server has a lecturer's key, as one for a classroom does."""
    return bool(os.environ.get(KEY))


def is_key(given: str) -> bool:
    """Compared in a time that does not tell how much of it was right."""
    return has_key() and hmac.compare_digest(given.encode(), os.environ[KEY].encode())


def may_add_images() -> bool:
    """What many bring together could fill the disk."""
    return state.is_lecturer() or not has_key()
