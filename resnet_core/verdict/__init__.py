"""What a run shows: classes of gradients, signals and training, from the records alone.

Cheap enough to be asked for at every tick of a run in progress. It needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence

from resnet_core.spec import NetSpec

from .case import NetVerdict, Note
from .classes import GRADIENTS, SIGNALS, TRAINING, Class, Finding
from .mechanism import NOTES
from .outcome import Outcome, outcome_of, outcome_of_events
from .pair import Verdict, gradients_in_words, verdict_of
from .several import SeriesVerdict, verdict_of_series

__all__ = [
    "GRADIENTS",
    "NOTES",
    "SIGNALS",
    "TRAINING",
    "Class",
    "Finding",
    "NetVerdict",
    "Note",
    "Outcome",
    "SeriesVerdict",
    "Verdict",
    "outcome_of",
    "outcome_of_events",
    "verdict",
    "verdict_of",
    "verdict_of_series",
]


def verdict(nets: Sequence[NetSpec], outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """A verdict as plain statements: how both learned, their gradients, what to make of it."""
    found = verdict_of(nets, outcomes)
    said = (found.headline, gradients_in_words(found), *(n.sentence for n in found.notes))
    return tuple(statement for statement in said if statement)
