"""Recorded runs by the names that addresses have for them. No streamlit."""

from __future__ import annotations

import re

from resnet_core.runs.engine import NOBODY, User
from resnet_core.runs.recording import Recording
from resnet_core.runs.recordings import PACES
from resnet_core.runs.with_recordings import WithRecordings


def name_of(recording: Recording) -> str:
    """ "Degradation: 56 layers" -> "degradation-56-layers", for `?replay=`."""
    return re.sub(r"[^a-z0-9]+", "-", recording.title.lower()).strip("-")[:60]


def played(engine: WithRecordings, name: str) -> int | None:
    """The id of a replay that begins now, at the pace of the run; None if there is no such one.

    The beginning of a name will do where it is that of one name alone.
    Of recordings that ship: what a user opened has no address but its number, so that no file
    can take another's name.
    """
    tapes = shipped(engine)
    begun = [known for known in tapes if name and known.startswith(name)]
    found = name if name in tapes else begun[0] if len(begun) == 1 else None
    return engine.recordings.play(tapes[found]) if found else None


def shipped(engine: WithRecordings) -> dict[str, int]:
    """Name -> id of a recording; of a series the first, which shows all of it."""
    found: dict[str, int] = {}
    for run_id, recording in engine.recordings.shelf().items():
        found.setdefault(name_of(recording), run_id)
    return found


def missing(engine: WithRecordings, name: str) -> str:
    """What is said of a name that no recording has."""
    names = ", ".join(shipped(engine))
    there_is = f" There are: {names}." if names else ""
    return f"There is no recording {name[:60]!r} here.{there_is}"


def play(engine: WithRecordings, run_id: int, pace: str, by: User = NOBODY) -> int:
    """The id of a replay at that pace, a key of PACES, of the recording that `run_id` is of."""
    return engine.recordings.play(run_id, PACES[pace], by)
