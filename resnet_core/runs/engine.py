"""What pages may ask of training runs, whoever carries them out.

`embedded.Embedded` does it on this machine; `recording.Recordings` plays what was recorded. An
engine on many machines has the same functions. None of them blocks a page for longer than it
takes to read a local file, and all of them give plain data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .run import (
    WAITS,
    EngineError,
    ModelRecords,
    NotYours,
    Run,
    SeriesPlace,
    Speed,
    StoreError,
    User,
)

if TYPE_CHECKING:  # importing them costs torch, and a page may want to paint first
    from resnet_core.run_config import RunConfig
    from resnet_core.series import Series

__all__ = [
    "NOBODY",
    "WAITS",
    "Engine",
    "EngineError",
    "ModelRecords",
    "NotYours",
    "Reads",
    "Run",
    "SeriesPlace",
    "Speed",
    "StoreError",
    "User",
]

NOBODY = User()


class Reads(Protocol):
    """What a page needs to show runs."""

    def run(self, run_id: int) -> Run | None:
        """The run as it is or, while that cannot be read, as it was read last.

        None only if there is no such run. Raises StoreError, a sentence, if it cannot be read now
        and never was before.
        """

    def runs(self, limit: int = 20) -> list[Run]:
        """The newest runs first."""

    def series(self, series_id: str) -> list[Run]:
        """The runs of a series in their order; [] if there is none."""

    def records(self, run_id: int, since: int = 0) -> list[ModelRecords]:
        """The curves from step `since` on, one entry per net."""


class Engine(Reads, Protocol):
    """What a page needs to start runs and to change them.

    Everything but `submit` and `submit_series` may be called as often as a page likes. Whoever
    changes a run has to be its owner or a lecturer: NotYours otherwise.
    """

    def submit(self, config: RunConfig, request_id: str, by: User = NOBODY) -> int:
        """Queues a run and gives its id; the same request id gives the same run.

        Raises EngineError with a sentence when nothing can be stored or trained, or when this
        user has too many runs already.
        """

    def submit_series(self, series: Series, request_id: str, by: User = NOBODY) -> list[int]:
        """Queues all its runs, or none."""

    def pause(self, run_id: int, by: User = NOBODY) -> None: ...

    def resume(self, run_id: int, by: User = NOBODY) -> None: ...

    def stop(self, run_id: int, by: User = NOBODY) -> None:
        """Asks the run to end; what it has recorded is kept. Softly, and hard after a while."""

    def set_lr(self, run_id: int, lr: float, by: User = NOBODY) -> None:
        """Another learning rate, for both nets from the same step on; it is recorded.

        Raises SpecError for one that no run may have, and EngineError for a run of a series:
        those are averaged or compared.
        """

    def start(self) -> None:
        """Makes sure that runs are looked after. Cheap: call it in every script run."""

    def close(self) -> None:
        """Says that this app is gone, as the end of its process does. Runs go on."""

    def problem(self) -> str | None:
        """One sentence when nothing can be stored or trained here, else None."""

    def notice(self) -> str | None:
        """One sentence about something that was repaired, such as a damaged database."""

    def speed(self, device: str) -> Speed | None:
        """None until it is known."""
