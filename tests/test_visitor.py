"""A browser is known by a cookie of the server's, and a lecturer by a key."""

import asyncio
import re

import pytest
from streamlit.runtime.context import ContextProxy

from explorer import visitor
from explorer.cookie import COOKIE, GiveCookie


def given(cookie="", kind="text/html; charset=utf-8", status=200, path="/", scheme="http") -> str:
    """The cookie that a browser gets with an answer of this kind; "" if none."""
    headers = [(b"cookie", cookie.encode())] if cookie else []
    scope = {"type": "http", "scheme": scheme, "path": path, "headers": headers}
    sent = []

    async def answer(scope, receive, send):
        kinds = [(b"content-type", kind.encode())] if kind else []
        await send({"type": "http.response.start", "status": status, "headers": kinds})
        await send({"type": "http.response.body", "body": b"<p>"})

    async def send(message):
        sent.append(message)

    asyncio.run(GiveCookie(answer)(scope, None, send))
    return dict(sent[0]["headers"]).get(b"set-cookie", b"").decode()


def test_a_page_brings_a_cookie_that_scripts_cannot_read():
    assert re.match(rf"{COOKIE}=[\w-]{{32}}; ", given())
    assert "HttpOnly" in given() and "SameSite=Lax" in given() and "Secure" not in given()
    assert given() != given()


def test_over_tls_the_cookie_stays_on_tls():
    assert "Secure" in given(scheme="https")


def test_who_has_the_cookie_keeps_it():
    assert given(cookie=f"theme=dark; {COOKIE}=abc") == ""
    assert given(cookie="theme=dark") != ""


def test_a_file_of_a_page_brings_none():
    assert given(kind="text/javascript", path="/static/index.js") == ""
    assert given(kind="", status=304, path="/static/index.js") == ""


def test_a_page_that_the_browser_kept_without_its_cookie_brings_one():
    assert given(kind="", status=304)


def visiting(monkeypatch, cookie: str) -> str:
    """The id of the browser that sends this cookie."""
    monkeypatch.setattr(ContextProxy, "cookies", {COOKIE: cookie} if cookie else {})
    monkeypatch.setattr(visitor.state, "is_lecturer", lambda: False)
    return visitor.user().id


def test_a_browser_is_the_same_over_a_reload_and_its_id_does_not_tell_its_cookie(monkeypatch):
    mine, other = "a" * 32, "b" * 32
    assert visiting(monkeypatch, mine) == visiting(monkeypatch, mine) != ""
    assert visiting(monkeypatch, mine) != visiting(monkeypatch, other)
    assert mine not in visiting(monkeypatch, mine)


@pytest.mark.parametrize("cookie", ["", "short", "a" * 500, "é" * 32, "a b" * 12])
def test_a_cookie_that_is_none_of_ours_is_nobody(monkeypatch, cookie):
    assert visiting(monkeypatch, cookie) == ""


def test_the_key_makes_a_lecturer(monkeypatch):
    assert not visitor.is_key("") and not visitor.has_key()  # no key is set: nobody has it
    monkeypatch.setenv(visitor.KEY, "Schlüssel")
    assert visitor.is_key("Schlüssel")
    assert not visitor.is_key("schlüssel") and not visitor.is_key("")


def test_in_a_room_with_a_key_only_who_has_it_brings_images(monkeypatch):
    monkeypatch.setenv(visitor.KEY, "k")
    monkeypatch.setattr(visitor.state, "is_lecturer", lambda: False)
    assert not visitor.may_add_images()
    monkeypatch.setattr(visitor.state, "is_lecturer", lambda: True)
    assert visitor.may_add_images()
