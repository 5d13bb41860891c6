"""What a run shows: a class for each question and net, then what is behind it and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from explorer import state, theme
from explorer.curve import Curve
from resnet_core.run_config import RunConfig
from resnet_core.runs.run import ModelEnd, ModelProgress, Run
from resnet_core.spec import in_words
from resnet_core.verdict import Finding, NetVerdict, Note, Outcome, Verdict, outcome_of, verdict_of


def of_run(run: Run, curves: Sequence[Curve]) -> Verdict:
    """Of what the records say so far; the nets in the order of `curves`."""
    return verdict_of([c.graph.net for c in curves], outcomes_of(run, curves), config_of(run))


def outcomes_of(run: Run, curves: Sequence[Curve]) -> list[Outcome]:
    """What the nets of a run showed and how they ended, in the order of `curves`."""
    progress = {model.model: model for model in run.models}
    return [outcome_of(c.records, progress.get(c.records.model)) for c in curves]


def config_of(run: Run) -> RunConfig:
    """As it was settled before step 0, or as it was asked for."""
    return run.resolved.config if run.resolved else run.config


def trains(run: Run) -> bool:
    """A run that was to be one step is not asked how it trains."""
    return config_of(run).steps > 1


def show(run: Run, curves: Sequence[Curve], found: Verdict) -> None:
    """The chips of both nets, and how they learned in one sentence."""
    ends = {c.role: end_of(run.models, c.records.model) for c in curves}
    with st.container(key="verdict", gap="small"):
        st.html(chips(found, ends, state.presenting(), trains(run)))
        if trains(run):
            st.markdown(theme.literal(found.headline))


def show_notes(found: Verdict) -> None:
    """What is behind the figures, with sources."""
    st.html(notes(found.notes, state.presenting()))


def end_of(models: Sequence[ModelProgress], model: int) -> ModelEnd | None:
    return next((m.end for m in models if m.model == model), None)


def chips(
    found: Verdict, ends: dict[str, ModelEnd | None], presented: bool = False, trains: bool = True
) -> str:
    """HTML: a column for each net, the residual one first; large when it is presented.

    Unless the run `trains`, what it has too few steps for is left out.
    """
    nets = sorted(found.nets, key=lambda net: net.role != "residual")
    columns = [column(net, ends.get(net.role), trains) for net in nets]
    return side_by_side("what each net shows", columns, presented)


def side_by_side(label: str, columns: Sequence[str], presented: bool) -> str:
    size = "verdict large" if presented else "verdict"
    return f'<div class="{size}" role="group" aria-label="{label}">{"".join(columns)}</div>'


def column(net: NetVerdict, end: ModelEnd | None, trains: bool = True) -> str:
    has_diverged = end is not None and end.how == "diverged"
    asked = [("gradients", net.at_start, "at step 0"), ("", net.in_training, "in training")]
    if net.signal.tone == "bad":
        asked.insert(0, ("signal", net.signal, "at step 0"))
    asked.append(("training", net.training, ""))
    rows = []
    for what, found, when in asked:
        in_a_box = found is net.training and has_diverged  # where it did
        if trains or found.key != "early":
            rows.append(row(what, chip_of(found), when, "" if in_a_box else found.sentence))
    return headed(net.role, "".join(rows) + (diverged(end) if has_diverged else ""))


def headed(role: str, rows: str) -> str:
    """The column of a net, under its name in its colour and dash."""
    return f'<div class="net"><h3 class="{role}"><i></i>{role} net</h3>{rows}</div>'


def row(question: str, chips: str, when: str = "", figures: str = "") -> str:
    """The answer to a question in HTML, when it held, and the figures that make it so."""
    when = f'<span class="when">{when}</span>' if when else ""
    figures = f'<p class="figures">{escape(figures)}</p>' if figures else ""
    return (
        f'<div class="found"><span class="what">{question}</span>'
        f"<span>{chips}{when}</span>{figures}</div>"
    )


def chip_of(found: Finding) -> str:
    return chip(found.title, found.tone)


def chip(title: str, tone: str, what: str = "") -> str:
    """A class with its sign and word; `what` is told on hovering."""
    sign, meaning = TONES[tone]
    return (
        f'<b class="chip {tone}" title="{escape(what or meaning)}">'
        f'<span aria-hidden="true">{sign}</span>{escape(title)}</b>'
    )


def diverged(end: ModelEnd) -> str:
    """Where a net's numbers stopped being finite, and the likely cause."""
    where = f"{in_words(end.path)} ({end.path})" if end.path else "an unknown place"
    text = f"Diverged at step {end.step:,}, first at {where}: its {end.what} is not finite."
    cause = f" Likely cause: {end.cause}" if end.cause else ""
    return f'<p class="diverged">{escape(text + cause)} Its curves are kept.</p>'


def notes(found: Sequence[Note], presented: bool = False) -> str:
    said = [(note.kind, escape(note.text), note.source) for note in found]
    return listed(said, presented)


def listed(said: Sequence[tuple[str, str, str]], presented: bool) -> str:
    """(kind, HTML, source) -> HTML: a list under each heading that has something.

    From the back row only the first kinds are read.
    """
    kinds = PRESENTED if presented else tuple(KINDS)
    parts = []
    for kind in kinds:
        items = [f"<li>{text} {source(where)}</li>" for k, text, where in said if k == kind]
        if items:
            heading = f'<h3 class="{kind.split()[0]}">{KINDS[kind]}</h3>'
            parts.append(f"{heading}<ul>{''.join(items)}</ul>")
    return f'<div class="notes">{"".join(parts)}</div>'


def source(text: str) -> str:
    return f'<span class="source">{escape(text)}</span>' if text else ""


#: tone of a class -> its sign, for who sees no colours, and what it means
TONES = {
    "good": ("✓", "as it should be"),
    "neutral": ("•", "neither good nor bad"),
    "warn": ("▲", "worse than its twin"),
    "bad": ("✕", "trouble for training"),
}
#: kind of a note -> its heading
KINDS = {
    "shows": "What this run shows",
    "does not show": "What it does not show",
    "mind": "Keep in mind",
}
PRESENTED = ("shows", "does not show")
