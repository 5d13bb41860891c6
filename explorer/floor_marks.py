"""Where a precision ends: what tiny gradients become, and what is said of it on the chart."""

from __future__ import annotations

from explorer.plotting import SMALL, across, text_at, title_at
from explorer.span import Span
from resnet_core.precisions import PRECISIONS


def floor_marks(span: Span, scale: float, number: int = 1) -> tuple[list[dict], list[dict]]:
    """(lines, texts) of the chart with these axes.

    An exact 0 is told from what fell below the smallest number: a gradient that never came near
    that one, and is 0 all the same, was cut off (a ReLU that is dead, an F that starts at 0).
    """
    lines, texts = [], []
    if span.smallest is not None:
        lines.append(across(span.smallest, "muted", "dot", number))
        texts.append(
            text_at(span.smallest, f"smallest normal number, {SMALLEST}", scale, number, "right")
        )
    if span.zeros:
        lines.append(across(span.floor, "muted", "dot", number))
        why = ": smaller numbers are flushed to 0" if span.smallest is not None else ""
        texts.append(text_at(span.floor, f"exactly 0{why}", scale, number, "right"))
    return lines, texts


def precision_text(precision: str, scale: float, top: float) -> dict:
    """What the run computed in, at the upper right corner inside the chart."""
    row = PRECISIONS[precision]
    text = title_at(top, f"{row.title}: {row.what}", scale, SMALL, 1.0)
    return text | {"xanchor": "right", "yanchor": "top"}


SMALLEST = "1.2·10<sup>−38</sup>"
