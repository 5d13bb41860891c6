"""What a run measured at one block, in both nets. Pure: no streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.curve import Curve

#: probe -> (as HTML, what it is); norms are L2, over a whole batch
ROWS = {
    "x_norm": ("‖x‖", "x"),
    "f_norm": ("‖F(x)‖", "F(x) at the (+)"),
    "y_norm": ("‖y‖", "y, before the activation behind it"),
    "grad_skip": ("‖∂L/∂x‖ through the shortcut", "the gradient's part that skipped F"),
    "grad_residual": ("‖∂L/∂x‖ through F", "the gradient's other part"),
}
SHARE = "share_skip"


@dataclass(frozen=True)
class Seen:
    """What one net showed at a block, at the newest step at which it was measured."""

    role: str  # "residual" or "plain"
    step: int
    values: dict[str, float]  # probe -> value; without those that this net does not have


def seen(curves: Sequence[Curve], path: str) -> list[Seen]:
    """The newest numbers of the block `path`; nets in which nothing was measured are left out."""
    return [found for curve in curves if (found := newest(curve, path))]


def newest(curve: Curve, path: str) -> Seen | None:
    columns = {}
    for key in (*ROWS, SHARE):
        labels = curve.records.labels.get(key, ())
        if path in labels and key in curve.records.per_op:
            columns[key] = curve.records.per_op[key][:, labels.index(path)]
    measured = np.any([np.isfinite(column) for column in columns.values()], axis=0)
    if not np.any(measured):
        return None
    last = int(np.flatnonzero(measured)[-1])
    found = {key: float(column[last]) for key, column in columns.items()}
    finite = {key: value for key, value in found.items() if np.isfinite(value)}
    return Seen(curve.role, int(curve.records.steps[last]), finite)


def sentence(found: Sequence[Seen]) -> str:
    """What the residual net's numbers show at this block; "" if they are not there."""
    values = next((one.values for one in found if one.role == "residual"), {})
    said = []
    if values.get("x_norm") and "f_norm" in values:
        said.append(f"F(x) is {values['f_norm'] / values['x_norm']:.2g} times as large as x.")
    if SHARE in values:
        share = values[SHARE]
        if 0 <= share <= 1:
            said.append(
                f"Of the gradient that reaches x, {share:.0%} came through the shortcut and "
                f"{1 - share:.0%} through F."
            )
        else:
            winner = "the shortcut's part" if share > 1 else "F's part"
            said.append(f"The two parts of the gradient at x partly cancel: {winner} wins.")
    return " ".join(said)
