"""The lecturer's key: who enters it may change every run. Guessing it takes long. No streamlit."""

from __future__ import annotations

import hmac
import os
import threading
import time
from collections import deque
from collections.abc import Callable

#: environment variable with the key; without one there is no lecturer
KEY = "RESIDUAL_EXPLORER_KEY"
#: wrong keys in a minute after which even the right one has to wait: of a browser, and from an
#: address, which a whole room may share, but which cannot be thrown away like a cookie
OF_A_BROWSER, FROM_AN_ADDRESS = 5, 30
MINUTE_S = 60.0
MAX_TRIES = 10_000  # remembered ones, from all addresses
WRONG = "This is not the key."
TOO_MANY = "Too many wrong keys were entered. Wait a minute, then enter yours."


def has_key() -> bool:
    """Whether this server has a lecturer's key, as one for a classroom does."""
    return bool(os.environ.get(KEY))


def is_key(given: str) -> bool:
    """Compared in a time that does not tell how much of it was right."""
    wanted = os.environ.get(KEY, "").encode(errors="surrogateescape")  # whatever its bytes are
    return has_key() and hmac.compare_digest(given.encode(errors="surrogatepass"), wanted)


class Door:
    """Counts wrong keys over all sessions of this server. Safe to use from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock, self._lock = clock, threading.Lock()
        # (time, browser, address) of each wrong key
        self._tries: deque[tuple[float, str, str | None]] = deque(maxlen=MAX_TRIES)

    def refusal(self, given: str, browser: str, address: str | None) -> str:
        """Why this key does not open, or "" if it does. Those without a cookie are one browser."""
        with self._lock:
            now = self._clock()
            while self._tries and self._tries[0][0] <= now - MINUTE_S:
                self._tries.popleft()
            of_browser = sum(known == browser for _, known, _ in self._tries)
            from_address = sum(known == address for _, _, known in self._tries)
            if of_browser >= OF_A_BROWSER or from_address >= FROM_AN_ADDRESS:
                return TOO_MANY
            if is_key(given):
                return ""
            self._tries.append((now, browser, address))
            return WRONG


#: the one of this server
DOOR = Door()
