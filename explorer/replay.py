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

    Of recordings that ship: what a user opened has no address but its number, so that no file
    can take another's name.
    """
    for run_id, recording in engine.recordings.shelf().items():
        if name_of(recording) == name:
            return engine.recordings.play(run_id)
    return None


def play(engine: WithRecordings, run_id: int, pace: str, by: User = NOBODY) -> int:
    """The id of a replay at that pace, a key of PACES, of the recording that `run_id` is of."""
    return engine.recordings.play(run_id, PACES[pace], by)
