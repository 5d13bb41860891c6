"""How many look at a run: many viewers of one run are served at half the rate."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable

#: seconds between two looks at a run that goes on, for a few viewers of it and for many
FAST, SLOW = 0.5, 1.0
MANY = 5  # viewers that are still served fast
#: seconds after which a viewer that did not look again is gone
GONE = 3.0


class Viewers:
    """Safe to use from any thread; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock, self._lock = clock, threading.Lock()
        self._seen: dict[int, dict[str, float]] = defaultdict(dict)  # run -> session -> when

    def tick(self, run_id: int, session: str, before: float = FAST) -> float:
        """Seconds until this session should look at the run again.

        `before` is what it was told last: around the limit it stays as it is.
        """
        with self._lock:
            now, seen = self._clock(), self._seen[run_id]
            seen[session] = now
            for gone in [name for name, when in seen.items() if now - when > GONE]:
                del seen[gone]
            for empty in [key for key in self._seen if self._is_left(key, now)]:
                del self._seen[empty]
            most = MANY if before == FAST else MANY - 1
            return FAST if len(seen) <= most else SLOW

    def runs(self) -> list[int]:
        """Those that somebody has looked at lately."""
        with self._lock:
            return list(self._seen)

    def _is_left(self, run_id: int, now: float) -> bool:
        return all(now - when > GONE for when in self._seen[run_id].values())


#: of this server
VIEWERS = Viewers()
