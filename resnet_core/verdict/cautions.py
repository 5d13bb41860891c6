"""What to mind before a run is taken for more than it is: rows of mechanism.NOTES."""

from __future__ import annotations

from resnet_core.precisions import PRECISIONS

from .case import Case
from .words import count, size

#: keys of shortcuts.SHORTCUTS that add no parameters
FREE = ("none", "identity", "A", "scaled", "dropout")
MOMENTUM = 0.1  # of batch norm's running statistics: torch's default, which all nets have
LEFT = 0.05  # of what they start at; less is not spoken of
WORSE = 0.2  # of 1, that held-out accuracy is below that of training before a reason is given


def clipping(case: Case) -> str | None:
    clip = case.setting("clip")
    if clip is None:
        return None
    text = (
        f"Clipping at {clip:g} is on: a gradient whose norm over all layers is larger is scaled "
        "down. The chart shows norms before it"
    )
    if case.plain.at_start.key == "exploding" and case.plain_lags:
        return (
            f"{text}. The plain net's gradients explode at step 0: clipping scales all layers down "
            "for the largest one, and that alone can keep it from learning. Compare a run without."
        )
    return f"{text}."


def underflow(case: Case) -> str | None:
    if "underflow" not in {f.key for n in (case.residual, case.plain) for f in n.findings.values()}:
        return None
    floor = PRECISIONS[case.setting("precision", "float32")].floor
    if not flushes(case):
        return (
            "A zero that has faded means below the smallest number that float32 and bfloat16 have, "
            "not that nothing was left."
        )
    return (
        f"A zero that has faded means below {size(floor)}, the smallest number that float32 and "
        "bfloat16 keep when subnormal ones are flushed, not that nothing was left."
    )


def precision(case: Case) -> str | None:
    if case.setting("precision", "float32") == "float32":
        return None
    row = PRECISIONS[case.config.precision]
    apart = "eighbouring numbers lie further apart than in float32."
    if not flushes(case):
        return f"{row.title}: {row.what}. N{apart}"
    return f"{row.title}: {row.what}. Gradients below {size(row.floor)} become 0, and n{apart}"


def flushes(case: Case) -> bool:
    """Whether subnormal numbers were flushed to 0: torch's switch for it is the CPU's alone."""
    return case.setting("device", "cpu") == "cpu"


def adaptive(case: Case) -> str | None:
    if case.setting("optimizer") != "adamw":
        return None
    return (
        "AdamW divides each gradient by its own recent size: a small norm on the chart is not a "
        "small step."
    )


def running_statistics(case: Case) -> str | None:
    """Batch norm's, where they may be why a net is far worse on held-out images."""
    worse = [
        net
        for net in (case.residual, case.plain)
        if net.held_out is not None
        and net.accuracy - net.held_out >= WORSE
        and (1 - MOMENTUM) ** net.steps >= LEFT
    ]
    if case.net.norm != "batch" or not worse:
        return None
    said = "; ".join(
        f"the {net.role} net gets {net.held_out:.0%} right, of its last training batches "
        f"{net.accuracy:.0%}"
        for net in worse
    )
    steps = worse[0].steps
    return (
        f"On held-out images {said}. Held-out images are normalised with batch norm's running "
        f"statistics, which move by a tenth at each step: after {count(steps)} "
        f"{(1 - MOMENTUM) ** steps:.0%} of what they start at is left, at every layer."
    )


def no_twin(case: Case) -> str | None:
    """What differs beside the shortcuts."""
    adding = sorted({s.shortcut for s in case.net.stages} - set(FREE))
    more = []
    if adding:
        more.append(f"its shortcuts have parameters of their own ({', '.join(adding)})")
    if case.net.stochastic_depth:
        more.append("stochastic depth drops blocks of the residual net alone")
    return f"The twins differ in more than the way around F: {'; '.join(more)}." if more else None


def changed_rate(case: Case) -> str | None:
    if not case.changed:
        return None
    return f"{case.changed}: this run does not tell why one net is ahead or behind."


def one_rate(case: Case) -> str | None:
    """At one rate alone: of changes by hand, changed_rate speaks."""
    lr = case.setting("lr")
    keys = {case.plain.training.key, case.residual.training.key}
    stuck = case.plain.training.key == "stuck" and case.has_norm
    if lr is None or case.changed or not (keys & {"slower", "diverged", "thrown"} or stuck):
        return None
    for key, how in (("diverged", "diverged"), ("thrown", "was thrown back")):
        if key in keys:
            return (
                f"Learning rate {lr:g} is the same for both twins: before blaming the net that "
                f"{how}, try {lr / 3:.1g} and {lr / 10:.1g}."
            )
    return (
        f"Learning rate {lr:g} is the same for both twins and may suit one of them better: before "
        f"blaming the net that lags, try {lr / 3:.1g} and {3 * lr:.1g}."
    )


def one_seed(case: Case) -> str | None:
    seed = case.setting("seed")
    which = "One seed" if seed is None else f"One seed ({seed})"
    if "diverged" in (case.plain.training.key, case.residual.training.key):
        return f"{which}: repeat with others."
    if case.steps == 1:
        return f"{which} and one step: what is shown is of the start, before any training."
    return f"{which}, and how fast {count(case.steps)} of it went: not a converged result."
