"""What a run shows: classes of gradients, signals and training, from the records alone.

Cheap enough to be asked for at every tick of a run in progress. It needs no torch.
"""

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
    "gradients_in_words",
    "outcome_of",
    "outcome_of_events",
    "verdict_of",
    "verdict_of_series",
]
