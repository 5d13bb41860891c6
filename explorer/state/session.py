"""What a session begins with, how the experiment is changed, and the way back from each change."""

from __future__ import annotations

import uuid

from explorer.link import Experiment
from explorer.look import Look
from explorer.state.shown import SS, remember, show_experiment
from explorer.state.url import WORDS, read_url, write_url
from explorer.viewers import FAST


def begin() -> None:
    """Once per script run, before anything is shown: defaults, then what the URL says."""
    if "experiment" not in SS:
        SS.undo, SS.redo = [], []
        SS.look, SS.stamp, SS.selected = Look(), 0, None
        SS.request_id, SS.session_id = uuid.uuid4().hex, uuid.uuid4().hex
        SS.seen, SS.looked = (None,) * len(WORDS), {}  # WORDS and look.WORDS, as last seen
        SS.run = SS.run_missing = SS.refused = SS.device = SS.step = None
        SS.file_error = SS.checkpoint = SS.named = None
        SS.is_lecturer, SS.was_refused, SS.tick = False, "", FAST
        show_experiment(Experiment())
    read_url()


def commit(experiment: Experiment) -> None:
    """The one way to change what is on screen, with undo. Call it from callbacks."""
    SS.refused = None
    if experiment != SS.experiment:
        remember()
    show_experiment(experiment)
    write_url()


def revert() -> None:
    """Callback: the form goes back to the last good net."""
    show_experiment(SS.experiment)


def can_undo() -> bool:
    return bool(SS.undo) or SS.problem is not None


def can_redo() -> bool:
    return bool(SS.redo)


def undo() -> None:
    """Callback. A mistake in the form is the last change, so it goes first."""
    if SS.problem is not None:
        revert()
    elif SS.undo:
        SS.redo.append(SS.experiment)
        show_experiment(SS.undo.pop())
        write_url()


def redo() -> None:
    if SS.redo:
        SS.undo.append(SS.experiment)
        show_experiment(SS.redo.pop())
        write_url()


def on_screen() -> tuple:
    """Changes when anything does that other panels show: a fragment then reruns the whole page."""
    return SS.experiment, SS.selected, SS.run, SS.refused, SS.step


def is_lecturer() -> bool:
    """Whether the key was entered in this session."""
    return SS.is_lecturer


def let_in(refusal: str) -> None:
    """Why the key that was entered does not open, or "" if it does."""
    SS.is_lecturer, SS.was_refused = not refusal, refusal


def key_refusal() -> str:
    """What is said of the key that was entered last; "" if none was refused."""
    return SS.was_refused
