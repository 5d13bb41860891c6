"""A browser is known by a cookie of the server's, and a lecturer by a key."""

import asyncio
import re

import pytest
from starlette.requests import HTTPConnection
from streamlit.runtime.context import ContextProxy

from explorer import key, visitor
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
    assert given(cookie=f"theme=dark; {COOKIE}={'a' * 32}") == ""
    assert given(cookie="theme=dark") != ""


@pytest.mark.parametrize("mine", ["", "short", "a" * 500, "é" * 32, "a b" * 12, '"' + "\\" * 30])
def test_a_cookie_that_is_none_of_ours_is_replaced_and_until_then_nobody(monkeypatch, mine):
    assert given(cookie=f"{COOKIE}={mine}") != ""
    assert visiting(monkeypatch, mine) == ""


def test_a_cookie_of_a_longer_name_is_another():
    assert given(cookie=f"my_{COOKIE}={'a' * 32}") != ""
    assert given(cookie=f"{COOKIE}=; {COOKIE}_2={'a' * 32}") != ""


@pytest.mark.parametrize("order", ["bad; good", "good; bad"])
def test_of_two_cookies_the_one_that_pages_see_counts(monkeypatch, order):
    sent = [f"{COOKIE}={'a' * 32 if word == 'good' else 'x'}" for word in order.split("; ")]
    headers = [(b"cookie", "; ".join(sent).encode())]
    seen = HTTPConnection({"type": "http", "headers": headers}).cookies  # as Streamlit does
    is_known = visiting(monkeypatch, seen[COOKIE]) != ""
    assert (given(cookie="; ".join(sent)) == "") == is_known


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


def test_the_key_makes_a_lecturer(monkeypatch):
    assert not key.is_key("") and not key.has_key()  # no key is set: nobody has it
    monkeypatch.setenv(key.KEY, "Schlüssel")
    assert key.is_key("Schlüssel")
    assert not key.is_key("schlüssel") and not key.is_key("")


def test_a_key_of_any_bytes_is_compared(monkeypatch):
    """A shell of another encoding may have set it."""
    monkeypatch.setenv(key.KEY, "Schl\udcfcssel")  # Latin-1, as Python reads it
    assert key.has_key() and not key.is_key("Schlüssel") and not key.is_key("\ud800")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def door(monkeypatch):
    monkeypatch.setenv(key.KEY, "open sesame")
    return key.Door(Clock())


def test_a_browser_has_five_tries_in_a_minute_in_all_its_sessions(door):
    assert {door.refusal(f"{n}", "ann", "1.2.3.4") for n in range(5)} == {key.WRONG}
    assert door.refusal("open sesame", "ann", "1.2.3.4") == key.TOO_MANY  # guessing gains nothing
    assert door.refusal("open sesame", "bob", "1.2.3.4") == ""
    door._clock.now += 61
    assert door.refusal("open sesame", "ann", "1.2.3.4") == ""


def test_tries_that_had_to_wait_do_not_make_one_wait_longer(door):
    for _ in range(20):
        door.refusal("guess", "ann", "1.2.3.4")
        door._clock.now += 3
    assert door.refusal("open sesame", "ann", "1.2.3.4") in ("", key.TOO_MANY)
    door._clock.now += 60
    assert door.refusal("open sesame", "ann", "1.2.3.4") == ""


def test_who_throws_the_cookie_away_has_no_more_tries_for_it(door):
    refused = [door.refusal("guess", f"browser {n}", "1.2.3.4") for n in range(40)]
    assert refused.count(key.WRONG) == key.FROM_AN_ADDRESS
    assert door.refusal("open sesame", "lecturer", "5.6.7.8") == ""


def test_the_right_key_is_no_try(door):
    assert {door.refusal("open sesame", "ann", None) for _ in range(100)} == {""}


def test_in_a_room_with_a_key_only_who_has_it_brings_images(monkeypatch):
    monkeypatch.setenv(key.KEY, "k")
    monkeypatch.setattr(visitor.state, "is_lecturer", lambda: False)
    assert not visitor.may_add_images()
    monkeypatch.setattr(visitor.state, "is_lecturer", lambda: True)
    assert visitor.may_add_images()
