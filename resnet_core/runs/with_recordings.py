"""An engine whose recorded runs have negative ids: pages need not tell the two apart."""

from __future__ import annotations

from .engine import NOBODY, Engine, EngineError, ModelRecords, Run, User
from .recordings import RECORDED, Recordings


class WithRecordings:
    """What concerns a recorded run goes to the recordings, all else to the engine."""

    def __init__(self, engine: Engine, recordings: Recordings):
        self.engine, self.recordings = engine, recordings

    def __getattr__(self, name: str):  # submit, start, problem, ...: the engine's alone
        return getattr(self.engine, name)

    def run(self, run_id: int) -> Run | None:
        return self._home(run_id).run(run_id)

    def records(self, run_id: int, since: int = 0) -> list[ModelRecords]:
        return self._home(run_id).records(run_id, since)

    def series(self, series_id: str) -> list[Run]:
        home = self.recordings if series_id.startswith(RECORDED) else self.engine
        return home.series(series_id)

    def pause(self, run_id: int, by: User = NOBODY) -> None:
        self._home(run_id).pause(run_id, by)

    def resume(self, run_id: int, by: User = NOBODY) -> None:
        self._home(run_id).resume(run_id, by)

    def stop(self, run_id: int, by: User = NOBODY) -> None:
        self._home(run_id).stop(run_id, by)

    def set_lr(self, run_id: int, lr: float, by: User = NOBODY) -> None:
        if run_id < 0:
            raise EngineError("A recorded run keeps its learning rate. Run it again to change it.")
        self.engine.set_lr(run_id, lr, by)

    def _home(self, run_id: int) -> Engine | Recordings:
        return self.recordings if run_id < 0 else self.engine
