"""What a run shows of the mechanisms that the literature names, what it does not, what to mind.

Each row of NOTES looks at a Case and either has a sentence with the run's own figures or is silent.
A sentence says no more than the records and the settings do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .case import NORM_WORDS, Case, NetVerdict, Note
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
from .direct_way import SAME
from .words import count, nats, signed

#: classes of gradients whose first block gets as much as it needs, as far as norms tell
CALM = ("healthy", "growing", "shrinking")
FADED = ("vanishing", "underflow")
TRAINS = 0.5  # accuracy of batches from which on a net is said to train
CALM_LEAST = 20  # steps of both nets before gradients in training count as a reason


def notes_of(case: Case) -> tuple[Note, ...]:
    """In the order of the table; none before the first step.

    With a learning rate that was changed by hand, none on why a net is ahead or behind.
    """
    if case.steps < 1:
        return ()
    rows = {k: row for k, row in NOTES.items() if not (case.changed and row.compares)}
    found = ((key, row, row.say(case)) for key, row in rows.items())
    return tuple(Note(key, row.kind, text, row.source) for key, row, text in found if text)


def vanishing(case: Case) -> str | None:
    plain, residual = case.plain, case.residual
    if not (plain.at_start.key in FADED and plain.in_training.key in FADED):
        return None
    if plain.training.key != "stuck" or residual.in_training.key in (*FADED, "zero", "not finite"):
        return None
    text = (
        "Vanishing gradients. From the last block to the first the plain net's gradients change by "
        f"{figures(plain)}; it is guessing."
    )
    if plain.signal.key in ("fading", "dying"):
        text += f" Its signal fades on the way forward as well ({brief(plain.signal)})."
    if residual.training.key != "learns":
        return text
    return f"{text} Those of the residual net change by {figures(residual)}; it learns."


def vanishing_at_start(case: Case) -> str | None:
    """Before there is anything to be said of training."""
    if case.plain.at_start.key not in FADED or case.plain.training.key != "early":
        return None
    return (
        f"The plain net's gradients vanish at step 0: {brief(case.plain.at_start)}, against "
        f"{brief(case.residual.at_start)} with shortcuts. Whether that keeps it from learning "
        "takes more steps to see."
    )


def not_vanishing(case: Case) -> str | None:
    if not (case.has_norm and case.plain_lags and case.steps >= CALM_LEAST):
        return None
    kept = (*CALM, "exploding")
    if case.plain.at_start.key not in kept or case.plain.in_training.key not in kept:
        return None
    return (
        f"This is not vanishing gradients: {NORM_WORDS[case.net.norm]} is on, and from the last "
        f"block to the first the plain net's gradients change by {figures(case.plain)}."
    )


def degradation(case: Case) -> str | None:
    if not (case.has_norm and case.plain_lags and case.steps >= CALM_LEAST):
        return None
    if case.plain.in_training.key != "healthy":  # else its gradients may be a reason
        return None
    if case.residual.training.key != "learns" or case.residual.training.tone != "good":
        return None
    if case.setting("clip") is not None and case.plain.at_start.key == "exploding":
        return None  # clipping alone could keep it from learning
    above = f", by {nats(case.lead.behind)}" if case.lead else ""
    trains = " It does train, only more slowly." if case.plain.accuracy > TRAINS else ""
    return (
        f"The plain net is harder to optimise: over its last steps its gradients are "
        f"{case.plain.in_training.title}, and its loss is the higher one{above}. That is a "
        "training loss, so it is not overfitting. The paper found it as degradation, among plain "
        "nets of several depths trained to the end; this is one depth after "
        f"{count(case.steps)}.{trains}"
    )


def lags_while_growing(case: Case) -> str | None:
    return _lags(case, ("growing", "exploding"), "grow", "large")


def lags_while_shrinking(case: Case) -> str | None:
    return _lags(case, ("shrinking",), "shrink", "small")


def _lags(case: Case, keys: tuple[str, ...], how: str, size: str) -> str | None:
    if not (case.has_norm and case.plain_lags and case.steps >= CALM_LEAST):
        return None
    if case.plain.in_training.key not in keys:
        return None
    return (
        f"The plain net lags behind, and over its last steps its gradients {how} from the last "
        f"block to the first ({brief(case.plain.in_training)}): too {size} a gradient may be a "
        "reason as well, so this run alone does not show degradation."
    )


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
        text += f"; over its last steps it is {brief(case.plain.in_training)}"
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


def plain_learns_too(case: Case) -> str | None:
    if case.plain.training.tone != "good" or case.residual.training.tone != "good":
        return None
    if case.lead is None or not case.lead.is_alike:
        return None
    return "The plain net trains, too: at this depth and in these steps no degradation is shown."


def residual_fails(case: Case) -> str | None:
    key = case.residual.training.key
    if key not in FAILS:
        return None
    return (
        f"The residual net {FAILS[key]}: this run is no case for shortcuts. Look at its signal, "
        "its init and the learning rate first."
    )


#: class of TRAINING -> what the net does
FAILS = {
    "stuck": "is guessing",
    "slower": "learns more slowly",
    "diverged": "diverged",
    "thrown": "was thrown back",
}


def figures(net: NetVerdict) -> str:
    return f"{brief(net.at_start)} at step 0, {brief(net.in_training)} over its last steps"


def brief(found) -> str:
    """A gradient's class by its figure: "+3.5 decades" from the last block to the first."""
    return found.title if found.decades is None else signed(found.decades)


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
