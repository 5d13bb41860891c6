"""What a run measured at one block, in both nets. Pure: no streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from explorer.curve import Curve

#: probe -> (as HTML, what it is); norms are L2, over a whole batch
ROWS = {
    "x_norm": ("‖x‖", "x"),
    "f_norm": ("‖F(x)‖ at the (+)", "as it is added: halved or gated where the block does so"),
    "y_norm": ("‖y‖ at the (+)", "before a norm or an activation behind the (+)"),
    "input_grad": ("‖∂L/∂x‖", "the gradient at x"),
    "grad_skip": ("its part through the shortcut", "of the gradient at x"),
    "grad_residual": ("its part through F", "of the gradient at x"),
}
SHARE = "share_skip"  # of the gradient at x, by its projection on the whole
TOTAL = "input_grad"  # measured at every step, the others now and then


@dataclass(frozen=True)
class Seen:
    """What one net showed at a block."""

    role: str  # "residual" or "plain"
    step: int
    values: dict[str, float]  # probe -> value, finite or not; without what this net does not have


def seen(curves: Sequence[Curve], path: str, step: int | None = None) -> list[Seen]:
    """The numbers of the block `path` at the newest step that every net with any has measured.

    With a `step`, at the newest that is not after it; at the first if there is none.
    """
    found = {curve.role: values_by_step(curve, path) for curve in curves}
    found = {role: values for role, values in found.items() if values}
    common = set.intersection(*map(set, found.values())) if found else set()
    if not common:
        return []
    newest = max((s for s in common if step is None or s <= step), default=min(common))
    return [Seen(role, newest, values[newest]) for role, values in found.items()]


def values_by_step(curve: Curve, path: str) -> dict[int, dict[str, float]]:
    """step -> probe -> value, of the steps at which more than the whole gradient was measured.

    Not every probe looks at every step, so each has its own steps.
    """
    records, found = curve.records, {}
    for key in (*ROWS, SHARE):
        labels = records.labels.get(key, ())
        if key in records.per_op and path in labels:
            column = records.per_op[key][:, labels.index(path)]
            for step, value in zip(records.steps_of(key), column, strict=True):
                found.setdefault(int(step), {})[key] = float(value)
    return {step: values for step, values in found.items() if set(values) != {TOTAL}}


def sentence(found: Sequence[Seen]) -> str:
    """What the residual net's numbers show at this block; "" if they are not there."""
    measured = next((one.values for one in found if one.role == "residual"), {})
    values = {key: value for key, value in measured.items() if isfinite(value)}
    said = []
    if values.get("x_norm") and "f_norm" in values:
        said.append(
            f"What F adds is {values['f_norm'] / values['x_norm']:.2g} times as large as x."
        )
    if SHARE in values:
        share = values[SHARE]
        if 0 <= share <= 1:
            said.append(
                f"Of the gradient that reaches x, {share:.0%} came through the shortcut and "
                f"{1 - share:.0%} through F (by projection)."
            )
        else:
            winner = "the shortcut's part" if share > 1 else "F's part"
            said.append(f"The two parts of the gradient at x partly cancel: {winner} wins.")
    return " ".join(said)
