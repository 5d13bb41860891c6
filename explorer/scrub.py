"""What the step slider needs to draw any step in the browser, in few bytes.

A number goes as a 16-bit count: log10 of a norm in 1/SCALE decades, a share in 1/FINEST or, where
the parts cancel and shares are large, in coarser steps. Two counts are marks.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from explorer.depth_profile import Profile
from explorer.span import Span

SCALE, FINEST, ZERO, MISSING, LARGEST = 500, 10_000, -32768, 32767, 32_000


def scale_of(span: Span) -> float:
    """Counts for 1 on the way to the browser."""
    size = max(abs(span.low), abs(span.high))
    return SCALE if span.is_log else min(FINEST, LARGEST / size)


def scrub(profiles: Sequence[Profile], span: Span, total: int) -> dict:
    """All but the numbers of the nets; `total` is the last step of the run."""
    longest = max(profiles, key=lambda profile: len(profile.steps))
    spread = longest.spread
    return {
        "steps": longest.steps.tolist(),
        "notes": [spread.of(row) for row in range(len(longest.steps))] if spread else [],
        "total": total,
        "floor": span.floor,
        "ceiling": span.ceiling,
        "scale": scale_of(span),
        "log": span.is_log,
        "zero": ZERO,
        "missing": MISSING,
    }


def encoded(profile: Profile, span: Span) -> dict:
    """The numbers of a net, for the browser; [] for `band` where there is one seed."""
    band = profile.spread and [profile.spread.low, profile.spread.high]
    return {
        "width": max(1, len(profile.places)),
        "values": as_text(profile.values, span),
        "band": [as_text(values, span) for values in band or ()],
    }


def as_text(values: np.ndarray, span: Span) -> str:
    return base64.b64encode(counts(values, span).tobytes()).decode()


def counts(values: np.ndarray, span: Span) -> np.ndarray:
    """float32 -> int16 counts of 1/scale, with marks for a log axis' zeros and for NaN."""
    numbers = values.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        numbers = np.log10(numbers) if span.is_log else numbers
    counts = np.where(np.isfinite(numbers), np.round(numbers * scale_of(span)), 0)
    counts = np.where((values == 0) & span.is_log, ZERO, counts)
    return np.where(~np.isfinite(values), MISSING, counts).astype("<i2")
