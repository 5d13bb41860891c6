"""The cookie by which a browser is known again: random, and its scripts cannot read it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "residual_explorer"
VALUE = re.compile(r"[\w-]{20,60}", re.ASCII)
YEAR_S = 365 * 24 * 3600


class GiveCookie:
    """ASGI middleware: a page that is opened without the cookie brings one."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or has_cookie(scope):
            await self.app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and is_page(scope, message):
                message["headers"] = [*message["headers"], (b"set-cookie", cookie(scope))]
            await send(message)

        await self.app(scope, receive, send_with_cookie)


def known(cookies: Mapping[str, str]) -> str:
    """The cookie among those that a browser sends; "" if there is none that could be ours."""
    sent = cookies.get(COOKIE, "")
    return sent if VALUE.fullmatch(sent) else ""


def has_cookie(scope: Scope) -> bool:
    """Read as Streamlit reads it: a browser whose cookie pages do not take gets another."""
    return known(HTTPConnection(scope).cookies) != ""


def is_page(scope: Scope, message: Message) -> bool:
    """HTML alone: the files of a page come at the same time, and would each bring another."""
    if message["status"] == 304:  # the browser has kept the page, but not its cookie
        return scope["path"].endswith("/")
    kinds = [value for name, value in message["headers"] if name == b"content-type"]
    return any(kind.startswith(b"text/html") for kind in kinds)


def cookie(scope: Scope) -> bytes:
    words = [f"{COOKIE}={secrets.token_urlsafe(24)}", "Path=/", f"Max-Age={YEAR_S}"]
    words += ["HttpOnly", "SameSite=Lax", *(["Secure"] if scope["scheme"] == "https" else [])]
    return "; ".join(words).encode()
