"""Where pages start runs and read them. Pages call this and nothing else of `runs`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from .run import EngineError, ModelRecords, Run, Speed, StoreError

if TYPE_CHECKING:  # importing it costs torch, and a page may want to paint first
    from ..train import RunConfig

__all__ = ["Engine", "EngineError", "ModelRecords", "Run", "Speed", "StoreError", "default_folder"]


def default_folder() -> Path:
    """Where runs are kept: RESIDUAL_EXPLORER_DATA, or the platform's place for user data."""
    named = os.environ.get("RESIDUAL_EXPLORER_DATA")
    return Path(named) if named else Path(platformdirs.user_data_dir("residual-explorer"))


class Engine:
    """Runs of one data folder. One per web server; safe to use from any thread.

    Reads never raise for a folder that cannot be used: they show nothing and `problem` says why.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    def start(self) -> None:
        """Makes sure that a supervisor lives. Cheap: call it in every script run."""
        raise NotImplementedError

    def submit(self, config: RunConfig, request_id: str) -> int:
        """Queues a run and gives its id; the same request id gives the same run.

        Raises EngineError with a sentence when nothing can be stored or trained.
        """
        raise NotImplementedError

    def run(self, run_id: int) -> Run | None:
        raise NotImplementedError

    def recent(self, limit: int = 20) -> list[Run]:
        """The newest runs first."""
        raise NotImplementedError

    def records(self, run_id: int) -> list[ModelRecords]:
        """The curves, one entry per net; reads only what is new since the last call."""
        raise NotImplementedError

    def pause(self, run_id: int) -> None:
        raise NotImplementedError

    def resume(self, run_id: int) -> None:
        raise NotImplementedError

    def stop(self, run_id: int) -> None:
        """Asks the run to end; what it has recorded is kept. Softly, and hard after a while."""
        raise NotImplementedError

    def problem(self) -> str | None:
        """One sentence when nothing can be stored or trained here, else None."""
        raise NotImplementedError

    def speed(self, device: str) -> Speed | None:
        """None until a training process has measured it."""
        raise NotImplementedError
