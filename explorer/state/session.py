"""The experiment of a session, its undo, and the URL that says the same; the root of `state`.

The URL is the state: `x` is the experiment (link.py), `named` its name if it has one, `run` the run
that is watched, `replay` the name of a recording, `view` the presentation mode; look.py has the
words for the picture. A rerun reads the URL only when it changed behind our back: first load,
pasted link, Back and Forward.
"""

from __future__ import annotations

import re
import uuid
from contextlib import suppress
from dataclasses import replace

import streamlit as st

from explorer import cached, link, look, replay, stage_table
from explorer.link import Experiment
from explorer.look import Look
from explorer.viewers import FAST
from resnet_core.experiments import EXPERIMENTS
from resnet_core.graph import LayerGraph, trace, trace_to_mismatch
from resnet_core.runs.engine import EngineError
from resnet_core.spec import NetSpec, ShapeMismatch, SpecError

SS = st.session_state
HISTORY = 100  # steps of undo
WORDS = (link.WORD, "run", "replay", "named")  # of the URL


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
    _read_url()
    words = {name: st.query_params[name] for name in look.WORDS if name in st.query_params}
    if words != SS.looked:
        SS.looked, SS.look, SS.stamp = words, Look.of(words, graph()), SS.stamp + 1


def _read_url() -> None:
    before, now = SS.seen, tuple(st.query_params.get(word) for word in WORDS)
    SS.seen = now
    if now[1:3] != before[1:3]:
        SS.run, SS.run_missing = _run_named(*now[1:3])
    code, SS.named = now[0], now[3] or SS.named
    if code == before[0] and (code or before[0] or now == before):
        return
    try:
        shown = link.decode(code) if code else _without_code()
    except SpecError as e:
        SS.refused = e
        return
    SS.refused = None
    if before[0] is not None:
        remember()
    show_experiment(shown)


def _run_named(run: str | None, tape: str | None) -> tuple[int | None, str | None]:
    """(id, None) of the run or recording that an address names, or (None, what is missing)."""
    if run is None and tape is not None:
        found = replay.played(cached.engine(), tape)
        return found, None if found is not None else tape
    known = run and re.fullmatch(r"-?\d{1,15}", run, re.ASCII)
    return (int(run), None) if known else (None, run)


def _without_code() -> Experiment:
    """For an address without `x`: what the run or the experiment has that it names."""
    with suppress(EngineError):
        found = cached.engine().run(SS.run) if SS.run is not None else None
        if found is not None:
            return Experiment.of_run(found.config)
    if SS.named in EXPERIMENTS:
        return Experiment.of_run(EXPERIMENTS[SS.named].config)
    return Experiment()


def remember() -> None:
    """A step of undo. What was undone before cannot be redone after another change."""
    SS.undo.append(SS.experiment)
    del SS.undo[:-HISTORY]
    SS.redo.clear()


def show_experiment(experiment: Experiment) -> None:
    if "experiment" in SS and experiment.net != SS.experiment.net:
        before, after = trace(SS.experiment.net), trace(experiment.net)
        SS.look, SS.stamp = SS.look.carried(before, after), SS.stamp + 1
    SS.experiment, SS.problem, SS.draft_net = experiment, None, None
    SS.draft = stage_table.draft_of(experiment.net)


def write_url() -> None:
    SS.looked, code = SS.look.words(graph()), link.encode(SS.experiment)
    SS.seen = code, *SS.seen[1:3], named()
    put_in_url(**{link.WORD: code}, named=named())


def put_in_url(**words: str | None) -> None:
    """These words of the URL, and those of the Look, at once: one step of the browser's history.

    None takes a word away.
    """
    kept = {k: v for k, v in st.query_params.to_dict().items() if k not in look.WORDS}
    now = {k: v for k, v in (kept | words | SS.looked).items() if v is not None}
    if now != st.query_params.to_dict():
        st.query_params.from_dict(now)


def commit(experiment: Experiment) -> None:
    """The one way to change what is on screen, with undo. Call it from callbacks."""
    SS.refused = None
    if experiment != SS.experiment:
        remember()
    show_experiment(experiment)
    write_url()


def experiment() -> Experiment:
    return SS.experiment


def named() -> str | None:
    """The key of the experiment that was chosen, while net and settings are as it has them."""
    if SS.named not in EXPERIMENTS:
        return None
    row, now = EXPERIMENTS[SS.named], SS.experiment
    wanted = (Experiment.of_run(config) for config in (row.config, row.gpu))
    return SS.named if any(replace(one, seed=now.seed) == now for one in wanted) else None


def net() -> NetSpec:
    """The last good net: what is drawn, counted and run."""
    return SS.experiment.net


def problem() -> SpecError | None:
    """What is wrong with the draft in the form, if it is not the net that is shown."""
    return SS.problem


def draft_net() -> NetSpec | None:
    """What the form describes while it cannot be built; None if a value is wrong in itself."""
    return SS.draft_net


def graph() -> LayerGraph:
    """What the picture shows: the last good net, or the draft up to a (+) that cannot add."""
    if isinstance(SS.problem, ShapeMismatch):
        return trace_to_mismatch(SS.draft_net)
    return trace(net())


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


def refuse(error: Exception) -> None:
    """Something asked for cannot be done: shown until the next change."""
    SS.refused = error


def refused() -> Exception | None:
    return SS.refused


def on_screen() -> tuple:
    """Changes when anything does that other panels show: a fragment then reruns the whole page."""
    return SS.experiment, SS.selected, SS.run, SS.refused, SS.step


def presenting() -> bool:
    """Presentation mode: fonts for the back row, only run controls, chart and picture."""
    return st.query_params.get("view") == "present"


def toggle_presenting() -> None:
    if presenting():
        del st.query_params["view"]
    else:
        st.query_params["view"] = "present"


def is_lecturer() -> bool:
    """Whether the key was entered in this session."""
    return SS.is_lecturer


def let_in(refusal: str) -> None:
    """Why the key that was entered does not open, or "" if it does."""
    SS.is_lecturer, SS.was_refused = not refusal, refusal


def key_refusal() -> str:
    """What is said of the key that was entered last; "" if none was refused."""
    return SS.was_refused
