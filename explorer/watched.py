"""The run that the address names and, if it is one of a series, those that belong to it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from explorer import state
from resnet_core.runs.engine import Engine, EngineError, Run, User
from resnet_core.spec import NetSpec


@dataclass(frozen=True)
class Watched:
    run: Run  # whose curves are shown
    runs: tuple[Run, ...]  # its series in its order, or itself alone

    @property
    def now(self) -> Run:
        """What the buttons act on: the run of the series that trains, else the one that is next.

        Of several that train it is the one watched; so it is when all are over.
        """
        active = (run for run in (self.run, *self.runs) if run.is_active)
        queued = (run for run in self.runs if run.state == "queued")
        return next(active, None) or next(queued, self.run)

    @property
    def going(self) -> tuple[Run, ...]:
        """The runs that are not over."""
        return tuple(run for run in self.runs if not run.is_over)

    def may_change(self, user: User) -> bool:
        return user.may_change(self.now)


def watched(engine: Engine) -> Watched | None:
    """None if no run is watched, or there is none. Raises EngineError if it cannot be read now."""
    run = engine.run(state.run_id()) if state.run_id() is not None else None
    if run is None:
        return None
    if run.series is None:
        return Watched(run, (run,))
    # a recording that is played has begun anew; and it is read later than the run
    others = engine.series(run.series.id)
    runs = (run if one.series.index == run.series.index else one for one in others)
    return Watched(run, tuple(runs) or (run,))


def watched_run_of(engine: Engine, net: NetSpec) -> Run | None:
    """The run that is watched, if it is of this net. Why it cannot be read, its own panel says."""
    with suppress(EngineError):
        found = watched(engine)
        if found and found.run.config.net == net:
            return found.run
    return None
