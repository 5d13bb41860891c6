"""A real server and a real Chromium for the browser tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

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


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextmanager
def server(folder: Path):
    """`streamlit run explorer/app.py` from another folder than the project's; gives its address."""
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
        try:
            wait_for(lambda: not processes_of(folder), 60)  # they end by themselves
        finally:
            kill(*processes_of(folder))  # a test that failed may have left a long run


def answers(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def settled(page) -> None:
    """Waits until the page's script has run to its end."""
    page.wait_for_selector(QUIET, timeout=60_000)
    page.wait_for_timeout(150)
    page.wait_for_selector(QUIET, timeout=60_000)


def shoot(page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def field(page, name: str):
    return page.get_by_role("textbox", name=name, exact=True)
