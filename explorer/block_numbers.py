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
    values: dict[str, float]  # probe -> value; without those that this net does not have


def seen(curves: Sequence[Curve], path: str) -> list[Seen]:
    """The numbers of the block `path` at the newest step that every net with any has measured."""
    columns = {curve.role: columns_of(curve, path) for curve in curves}
    steps = {curve.role: measured_steps(curve, columns[curve.role]) for curve in curves}
    known = [set(found) for found in steps.values() if found]
    common = set.intersection(*known) if known else set()
    if not common:
        return []
    newest = max(common)
    return [
        Seen(curve.role, newest, values_at(columns[curve.role], steps[curve.role][newest]))
        for curve in curves
        if steps[curve.role]
    ]


def columns_of(curve: Curve, path: str) -> dict[str, np.ndarray]:
    """probe -> its values at this block, step by step."""
    labels, per_op = curve.records.labels, curve.records.per_op
    keys = [key for key in (*ROWS, SHARE) if key in per_op and path in labels.get(key, ())]
    return {key: per_op[key][:, labels[key].index(path)] for key in keys}


def measured_steps(curve: Curve, columns: dict[str, np.ndarray]) -> dict[int, int]:
    """step -> row of the records, of those at which the block was looked at closely."""
    close = [np.isfinite(column) for key, column in columns.items() if key != TOTAL]
    rows = np.flatnonzero(np.any(close, axis=0)) if close else ()
    return {int(curve.records.steps[row]): int(row) for row in rows}


def values_at(columns: dict[str, np.ndarray], row: int) -> dict[str, float]:
    found = {key: float(column[row]) for key, column in columns.items()}
    return {key: value for key, value in found.items() if np.isfinite(value)}


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
