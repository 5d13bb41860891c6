"""What several runs show together: of seeds, how many say what; of a board, each its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from html import escape

import streamlit as st

from explorer import state, theme, verdict_panel
from explorer.verdict_panel import chip, headed, listed, row, side_by_side
from resnet_core.verdict import Finding, SeriesVerdict, Verdict, verdict_of_series

ROLES = ("residual", "plain")
#: what is told of each net: its place in a NetVerdict, question, time, and row of several.FIGURES
QUESTIONS = (
    ("at_start", "gradients", "at step 0", "at start"),
    ("in_training", "", "in training", "in training"),
    ("training", "training", "", "loss"),
)


def show(members, shown_as: str, size: int, is_over: bool) -> None:
    """`members` of series_panel, each with records, of `size` runs in all.

    `is_over`: none of the runs goes on or waits.
    """
    presented = state.presenting()
    if shown_as == "band":
        if found := of_seeds(members, size, is_over):
            with st.container(key="verdict", gap="small"):
                st.html(seeds(found, presented))
                st.markdown(theme.literal(found.headline))
            labels = [members[place].label for place in found.places]
            st.html(shared_notes(found, labels, presented))
        return
    judged = [(m.label, verdict_panel.of_run(m.run, m.curves)) for m in members]
    with st.container(key="verdict", gap="small"):
        st.html(board(judged, presented))
        if not presented:
            with st.expander("Figures", key="board_figures"):
                st.html(figures(judged))
    st.html(notes_by_run(judged, presented))


def of_seeds(members, size: int, is_over: bool) -> SeriesVerdict | None:
    runs = []
    for member in members:
        nets = [curve.graph.net for curve in member.curves]
        seen = verdict_panel.outcomes_of(member.run, member.curves)
        runs.append((nets, seen, verdict_panel.config_of(member.run)))
    return verdict_of_series(runs, size, is_over)


def seeds(found: SeriesVerdict, presented: bool) -> str:
    """HTML: a column for each net; each class with the number of its seeds."""
    columns = []
    for role in ROLES:
        nets = [verdict.of(role) for verdict in found.verdicts]
        rows = []
        for name, question, when, figure in QUESTIONS:
            counted = counts([getattr(net, name) for net in nets])
            spread = next(s for s in found.spreads if (s.key, s.role) == (figure, role))
            text = f"{spread.title}: {spread.text}" if spread.known else ""
            rows.append(row(question, counted, when, text))
        columns.append(headed(role, "".join(rows)))
    return side_by_side("what the seeds show of each net", columns, presented)


def counts(findings: Iterable[Finding]) -> str:
    findings = list(findings)
    found = Counter((finding.title, finding.tone) for finding in findings)
    several = len(found) > 1
    return " ".join(
        chip(f"{title} · {count} of {len(findings)}" if several else title, tone)
        for (title, tone), count in found.most_common()
    )


def board(judged: list[tuple[str, Verdict]], presented: bool) -> str:
    """HTML: a column for each net, a row of chips for each run."""
    columns = []
    for role in ROLES:
        rows = []
        for label, found in judged:
            net = found.of(role)
            rows.append(f"<strong>{escape(label)}</strong>")
            for name, question, when, _ in QUESTIONS:
                answer: Finding = getattr(net, name)
                rows.append(row(question, chip(answer.title, answer.tone, answer.sentence), when))
        columns.append(headed(role, "".join(rows)))
    return side_by_side("what the nets show", columns, presented)


def figures(judged: list[tuple[str, Verdict]]) -> str:
    """HTML: the figures behind each chip of a board, in words."""
    said = []
    for label, found in judged:
        for role in ROLES:
            net = found.of(role)
            told = " ".join(getattr(net, name).sentence for name, *_ in QUESTIONS)
            said.append(f"<li><strong>{escape(label)}, {role}:</strong> {escape(told)}</li>")
    return f'<div class="notes"><ul>{"".join(said)}</ul></div>'


def shared_notes(found: SeriesVerdict, labels: list[str], presented: bool) -> str:
    """HTML: the notes of the seeds, with how many have them and whose figures are quoted."""
    groups: dict[str, list] = {}
    for label, verdict in zip(labels, found.verdicts):
        for note in verdict.notes:
            if note.key != "one seed" or found.seeds == 1:
                groups.setdefault(note.key, []).append((label, note))
    said = []
    for rows in groups.values():
        label, note = rows[0]
        count = f"{len(rows)} of {found.seeds} seeds; " if found.seeds > 1 else ""
        where = f"{count}figures of {label}"
        said.append((note.kind, f"{escape(note.text)} <em>({escape(where)})</em>", note.source))
    if found.caution:
        said.append(("mind", escape(found.caution), ""))
    return listed(said, presented)


def notes_by_run(judged: list[tuple[str, Verdict]], presented: bool) -> str:
    said = [
        (note.kind, f"<strong>{escape(label)}:</strong> {escape(note.text)}", note.source)
        for label, found in judged
        for note in found.notes
        if note.kind != "mind"
    ]
    return listed(said, presented)
