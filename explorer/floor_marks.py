"""Where a precision ends: what becomes of tiny gradients, told on the chart."""

from __future__ import annotations

from explorer.plotting import across, text_at
from explorer.span import Span


def floor_marks(
    span: Span, scale: float, number: int = 1, device: str = "cpu"
) -> tuple[list[dict], list[dict]]:
    """(lines, texts) of the chart with these axes, of a run on that device.

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
        # torch.set_flush_denormal, of devices.settle, is of the CPU alone
        is_flushed = span.smallest is not None and device.startswith("cpu")
        why = ": smaller numbers are flushed to 0" if is_flushed else ""
        text = text_at(span.floor, f"exactly 0{why}", scale, number, "right")
        # below the crosses: above them the curves come down
        texts.append(text | {"yanchor": "top", "yshift": -4 * scale})
    return lines, texts


SMALLEST = "1.2·10<sup>−38</sup>"
