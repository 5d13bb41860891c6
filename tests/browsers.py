"""A real server and a real Chromium for the browser tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from engines import kill, processes_of, wait_for

ROOT = Path(__file__).resolve().parents[1]
SCREENSHOTS = ROOT / "screenshots"  # git-ignored: to be looked at
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
KEY = "the key of these tests"  # with which all runs of their servers can be changed
QUIET = (
    '[data-testid=stApp][data-test-script-state="notRunning"]'
    '[data-test-connection-state="CONNECTED"]'
)
#: of each net's line in the loss chart: its number of points, or its newest step, -1 for none
LOSS_LINES = """value => [...document.querySelectorAll('.rx-figure .plot')]
    .filter(p => p.data?.length >= 8).flatMap(p => [0, 4].map(i => {
        const steps = p.data[i].x;
        return value === "length" ? steps.length : steps.length ? steps.at(-1) : -1;
    }))"""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextmanager
def serving(folder: Path):
    """`streamlit run explorer/app.py` from another folder than the project's; gives its address.

    Who trains for it outlives it, for as long as a server that starts anew may need.
    """
    port = free_port()
    streamlit = Path(sys.executable).with_name("streamlit")
    command = [streamlit, "run", ROOT / "explorer" / "app.py", "--server.headless", "true"]
    environment = {**os.environ, "RESIDUAL_EXPLORER_DATA": str(folder / "data")}
    environment["RESIDUAL_EXPLORER_KEY"] = KEY
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--server.port", str(port)],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(lambda: answers(port), 60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@contextmanager
def server(folder: Path):
    """The same, and no process of it is left: nobody waits for another server."""
    try:
        with serving(folder) as url:
            yield url
    finally:
        for supervisor in processes_of(folder, "supervisor"):
            with suppress(psutil.Error):  # it may have left by itself
                supervisor.terminate()
        try:
            wait_for(lambda: not processes_of(folder), 60)
        finally:
            kill(*processes_of(folder))  # a test that failed may have left a long run


def answers(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def settled(page) -> None:
    """Waits until the page's script has run to its end.

    After a click only where something of the answer was seen: before that it has not begun.
    """
    page.wait_for_selector(QUIET, timeout=60_000)
    page.wait_for_timeout(150)
    page.wait_for_selector(QUIET, timeout=60_000)


def points(page) -> list[int]:
    """Number of points that the loss chart has of each net: not of every step, if they are many."""
    return page.evaluate(LOSS_LINES, "length")


def newest(page) -> list[int]:
    """The newest step that the loss chart shows of each net; -1 for none."""
    return page.evaluate(LOSS_LINES, "newest")


def points_at_rest(page) -> list[int]:
    """`points`, once the chart has shown no more for 1.2 s: what was on its way has arrived."""
    seen, since = [], time.monotonic()

    def is_at_rest():
        nonlocal seen, since
        if (now := points(page)) != seen:
            seen, since = now, time.monotonic()
        return seen and time.monotonic() - since > 1.2

    wait_for(is_at_rest)
    return seen


def grown(page, count, seen: list[int]) -> list[int]:
    """`count`, which is `points` or `newest`, once it is more for each net than all of `seen`."""

    def is_more():
        now = count(page)  # of nothing for a moment, where the chart is drawn anew
        return now if now and min(now) > max(seen) else None

    return wait_for(is_more)


def shoot(page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def field(page, name: str):
    return page.get_by_role("textbox", name=name, exact=True)
