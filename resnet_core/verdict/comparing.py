"""What is told of how both nets learn, one against the other: rows of mechanism.NOTES."""

from __future__ import annotations

from .case import NORM_WORDS, Case, NetVerdict
from .words import count, nats, signed

#: classes of gradients whose first block gets as much as it needs, as far as norms tell
CALM = ("healthy", "growing", "shrinking")
FADED = ("vanishing", "underflow")
TRAINS = 0.5  # accuracy of batches from which on a net is said to train
CALM_LEAST = 20  # steps of both nets before gradients in training count as a reason
#: class of TRAINING -> what the net does
FAILS = {
    "stuck": "is guessing",
    "slower": "learns more slowly",
    "diverged": "diverged",
    "thrown": "was thrown back",
}


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
        f"The plain net is harder to optimise: over its last steps its gradients are about "
        f"as large at the first block as at the last, and its loss is the higher one{above}. That "
        "is a training loss, so it is not overfitting. The paper found it as degradation, among "
        "plain nets of several depths trained to the end; this is one depth after "
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


def figures(net: NetVerdict) -> str:
    return f"{brief(net.at_start)} at step 0, {brief(net.in_training)} over its last steps"


def brief(found) -> str:
    """A gradient's class by its figure: "+3.5 decades" from the last block to the first."""
    return found.title if found.decades is None else signed(found.decades)
