"""The scale of a depth chart: what its axis must show, and where it has numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.depth_profile import Profile

#: decades: numbers that come so close to the smallest normal one are told where it is
NEAR = 8.0


@dataclass(frozen=True)
class Span:
    """What there is to show: numbers as they are, or as log10."""

    is_log: bool
    low: float  # of all that has a place on the axis
    high: float
    common: tuple[float, float]  # 1st and 99th percentile: the range of the maps' colours
    zeros: bool  # whether some norm is exactly 0, which a log axis has no place for
    broken: bool  # whether some number is not finite
    smallest: float | None = None  # log10 of the smallest normal number, if the data come near it

    @property
    def edge(self) -> float:
        return max(1.0 if self.is_log else 0.08, 0.08 * (self.high - self.low))

    @property
    def bottom(self) -> float:
        return self.low if self.smallest is None else min(self.low, self.smallest)

    @property
    def floor(self) -> float:
        """Where exact zeros are drawn on a log axis."""
        return self.bottom - self.edge

    @property
    def ceiling(self) -> float:
        """Where what is not finite is drawn."""
        return self.high + self.edge

    @property
    def range(self) -> list[float]:
        rim = 0.25 if self.is_log else 0.04 * (self.high - self.low)
        low = self.floor - 1.6 * self.edge if self.zeros else self.bottom - rim
        return [low, self.ceiling + self.edge / 2 if self.broken else self.high + rim]


def span_of(profiles: Sequence[Profile], is_log: bool, smallest: float = 0.0) -> Span:
    """Of all nets that share the axis; `smallest` is that normal number of what they compute in."""
    shown = [values.ravel() for profile in profiles for values in drawn(profile)]
    values = np.concatenate(shown).astype(np.float64) if shown else np.empty(0)
    finite = values[np.isfinite(values)]
    broken = finite.size < values.size
    if not is_log:
        low, high = min(0.0, finite.min(initial=0)), max(1.0, finite.max(initial=1))
        start, end = np.percentile(finite, [1, 99]) if finite.size else (0.0, 1.0)
        common = float(start), float(max(end, start + 0.05))
        return Span(False, float(low), float(high), common, zeros=False, broken=broken)
    zeros = bool((finite == 0).any())
    logs = np.log10(finite[finite > 0]) if (finite > 0).any() else np.array([-3.0, 1.0])
    low, high = math.floor(logs.min() * 2) / 2, math.ceil(logs.max() * 2) / 2
    start, end = np.percentile(logs, [1, 99])
    common = float(start), float(max(end, start + 0.5))
    edge = math.log10(smallest) if smallest else -math.inf
    return Span(True, low, high, common, zeros, broken, edge if low < edge + NEAR else None)


def drawn(profile: Profile) -> list[np.ndarray]:
    """All numbers of a net that have a place in the chart."""
    band = profile.spread
    return [profile.values] if band is None else [profile.values, band.low, band.high]


def ticks(span: Span) -> dict:
    """Where the axis has numbers, and the places of what it cannot show."""
    values, texts = marked(span, span.bottom, span.high, at_most=7)
    if span.zeros:
        values, texts = [*values, span.floor], [*texts, "0"]
    if span.broken:
        values, texts = [*values, span.ceiling], [*texts, "not finite"]
    return {"tickvals": values, "ticktext": texts}


def marked(span: Span, low: float, high: float, at_most: int) -> tuple[list[float], list[str]]:
    """(values, texts) of decades, or of round numbers, between `low` and `high`."""
    if span.is_log and high - low < 2:  # whole decades would leave one number, or none
        decades = range(math.floor(low), math.ceil(high) + 1)
        numbers = {math.log10(n * 10.0**d): n * 10.0**d for d in decades for n in (1, 2, 5)}
        inside = {at: f"{number:g}" for at, number in numbers.items() if low <= at <= high}
        return list(inside), list(inside.values())
    if span.is_log:
        every = max(1, math.ceil((high - low) / (at_most - 1)))
    else:
        finer = 10.0 ** math.floor(math.log10((high - low) / (at_most - 1)))
        every = next(finer * n for n in (1, 2, 5, 10) if (high - low) / (finer * n) <= at_most - 1)
    places = range(math.ceil(low / every - 1e-9), math.floor(high / every + 1e-9) + 1)
    values = [n * every for n in places]
    shown = (f"10<sup>{v}</sup>" if span.is_log else f"{v:.3g}" for v in values)
    return values, [text.replace("-", "−") for text in shown]
