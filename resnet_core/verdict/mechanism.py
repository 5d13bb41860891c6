"""What a run shows of the mechanisms that the literature names, what it does not, what to mind.

Each row of NOTES looks at a Case and either has a sentence with the run's own figures or is silent.
A sentence says no more than the records and the settings do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .case import Case, Note
from .cautions import (
    adaptive,
    changed_rate,
    clipping,
    no_twin,
    one_rate,
    one_seed,
    precision,
    running_statistics,
    underflow,
)
from .comparing import (
    CALM,
    FADED,
    brief,
    degradation,
    lags_while_growing,
    lags_while_shrinking,
    not_vanishing,
    plain_learns_too,
    residual_fails,
    vanishing,
    vanishing_at_start,
)
from .direct_way import SAME
from .words import signed


def notes_of(case: Case) -> tuple[Note, ...]:
    """In the order of the table; none before the first step.

    With a learning rate that was changed by hand, none on why a net is ahead or behind.
    """
    if case.steps < 1:
        return ()
    rows = {k: row for k, row in NOTES.items() if not (case.changed and row.compares)}
    found = ((key, row, row.say(case)) for key, row in rows.items())
    return tuple(Note(key, row.kind, text, row.source) for key, row, text in found if text)


def collapse(case: Case) -> str | None:
    """With a norm, gradients that were large at the start and are gone later."""
    if not case.has_norm or case.plain.in_training.key not in (*FADED, "zero"):
        return None
    if case.plain.at_start.key in FADED:
        return None
    return (
        f"The plain net's gradients did not vanish at step 0 ({brief(case.plain.at_start)}); over "
        f"its last steps they do ({brief(case.plain.in_training)}). That is a collapse, not the "
        "vanishing of an init that is too small."
    )


def explodes(case: Case) -> str | None:
    if case.net.norm != "batch" or case.plain.at_start.key != "exploding":
        return None
    text = (
        f"At step 0 the plain net's gradients explode on their way back: "
        f"{brief(case.plain.at_start)}. Batch norm itself makes them grow from layer to layer when "
        "nothing goes around it"
    )
    if case.plain.in_training.key in CALM:
        text += f"; over its last steps they change by {brief(case.plain.in_training)}"
    return f"{text}."


def blow_up(case: Case) -> str | None:
    if case.residual.signal.key not in ("blow-up", "not finite") or case.has_norm:
        return None
    text = f"{case.residual.signal.sentence} There is no norm, and each block adds an F(x) to its x"
    if case.residual.training.key == "diverged" and not case.changed:
        return f"{text}. The residual net diverged: shortcuts alone do not make a net trainable."
    return f"{text}: shortcuts alone do not keep a signal's size."


def open_way(case: Case) -> str | None:
    """Of pre-activation, where the records bear it out."""
    if case.net.order != "preact" or case.direct is None or abs(case.direct - 1) > SAME:
        return None
    return (
        f"The direct way is open: past {case.net.stages[0].num_blocks - 1} blocks of stage 1 in a "
        f"row the residual net's shortcuts pass on {case.direct:.3f} of the gradient's norm at "
        "step 0. They are identities, and nothing is behind their (+); in the original order an "
        "activation is, and takes a part at each block, a ReLU by its mask."
    )


def starts_at_zero(case: Case) -> str | None:
    if case.net.init not in ("zero", "fixup"):
        return None
    text = "Each F starts at 0 in the residual net, so its blocks pass on what their shortcuts give"
    if case.residual.signal.decades is not None:
        text += f": the signal changes by {signed(case.residual.signal.decades)} at step 0"
    return f"{text}. The plain net cannot start so: its weights are drawn as usual."


def zero_head(case: Case) -> str | None:
    if case.net.init != "fixup" or case.residual.at_start.key != "zero":
        return None
    later = "" if case.residual.in_training.key in ("early", "zero") else "; later they are not 0"
    return (
        "The residual net's gradients are 0 at step 0 because Fixup starts the classifier at 0, "
        f"which passes none back{later}."
    )


@dataclass(frozen=True)
class Row:
    """A row of NOTES."""

    kind: str  # of Note
    say: Callable[[Case], str | None]
    source: str
    compares: bool = False  # says why, or that, one net learns and the other does not


NOTES = {
    "vanishing": Row(
        "shows", vanishing, "Glorot and Bengio 2010, sec. 4.2; He et al. 2015b, sec. 2.2", True
    ),
    "vanishing at start": Row("shows", vanishing_at_start, "He et al. 2015b, sec. 2.2"),
    "not vanishing": Row("does not show", not_vanishing, "He et al. 2015, sec. 4.1", True),
    "degradation": Row("shows", degradation, "He et al. 2015, sec. 1 and 4.1", True),
    "lags while growing": Row(
        "does not show", lags_while_growing, "Yang et al. 2019, sec. 3", True
    ),
    "lags while shrinking": Row(
        "does not show", lags_while_shrinking, "Glorot and Bengio 2010, sec. 4.2", True
    ),
    "collapse": Row("mind", collapse, ""),
    "explodes": Row("shows", explodes, "Yang et al. 2019, sec. 3"),
    "blow-up": Row("shows", blow_up, "Zhang et al. 2019, sec. 2; De and Smith 2020, sec. 2"),
    "open way": Row("shows", open_way, "He et al. 2016, eq. 5 and sec. 4.1"),
    "starts at zero": Row("mind", starts_at_zero, "Goyal et al. 2017, sec. 5.1; Zhang et al. 2019"),
    "zero head": Row("mind", zero_head, "Zhang et al. 2019, sec. 3"),
    "plain learns too": Row(
        "does not show", plain_learns_too, "He et al. 2015, table 6 and fig. 6", True
    ),
    "residual fails": Row("does not show", residual_fails, "", True),
    "changed rate": Row("does not show", changed_rate, ""),
    "clipping": Row("mind", clipping, "Pascanu et al. 2013, sec. 3.2"),
    "underflow": Row("mind", underflow, "IEEE 754"),
    "precision": Row("mind", precision, ""),
    "adaptive": Row("mind", adaptive, "Kingma and Ba 2015, sec. 2.1"),
    "no twin": Row("mind", no_twin, ""),
    "running statistics": Row("mind", running_statistics, "Ioffe and Szegedy 2015, sec. 3.1"),
    "one rate": Row(
        "mind", one_rate, "He et al. 2015, sec. 4.2, begin with a lower one at 110 layers"
    ),
    "one seed": Row("mind", one_seed, ""),
}
