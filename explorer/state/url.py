"""The URL is the state: it says what is on screen, and a link restores it.

`x` is the experiment (link.py), `named` its name if it has one, `run` the run that is watched,
`replay` the name of a recording, `view` the presentation mode; look.py has the words for the
picture. A rerun reads the URL only when it changed behind our back: first load, pasted link, Back
and Forward.
"""

from __future__ import annotations

import re
from contextlib import suppress

import streamlit as st

from explorer import cached, link, look, replay
from explorer.link import Experiment
from explorer.look import Look
from explorer.state.shown import PROBE, SS, graph, named, remember, show_experiment
from resnet_core.experiments import EXPERIMENTS
from resnet_core.runs.engine import EngineError
from resnet_core.spec import SpecError

WORDS = (link.WORD, "run", "replay", "named")  # of the URL


def read_url() -> None:
    """What the URL says, as far as it has changed since it was read or written last."""
    _read_words()
    words = {name: st.query_params[name] for name in look.WORDS if name in st.query_params}
    if words != SS.looked:
        SS.looked, SS.look, SS.stamp = words, Look.of(words, graph()), SS.stamp + 1


def _read_words() -> None:
    before, now = SS.seen, tuple(st.query_params.get(word) for word in WORDS)
    SS.seen = now
    if now[1:3] != before[1:3]:
        SS.run, SS.run_missing = _run_named(*now[1:3])
    code = now[0]
    SS.named = now[3] or (SS.named if code else None)  # with the code it may be one that was edited
    if now[3] != before[3] and now[3] in EXPERIMENTS:
        SS[PROBE] = EXPERIMENTS[now[3]].probe  # what it tells its reader to look at
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


def presenting() -> bool:
    """Presentation mode: fonts for the back row, only run controls, chart and picture."""
    return st.query_params.get("view") == "present"


def toggle_presenting() -> None:
    if presenting():
        del st.query_params["view"]
    else:
        st.query_params["view"] = "present"
