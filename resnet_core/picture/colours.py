"""Value -> colour: one logarithmic scale for all pictures that are to be compared.

Lightness rises or falls steadily along the scale, so that it is read with any colour vision and in
print; and it stays where the page's own ink can be read on it (a contrast of 4.5 at least).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import count
from math import ceil, floor, isfinite, log

import numpy as np

from .quantities import QUANTITIES, Quantity

SHADES = 64  # of a scale
MOST_TICKS = 6


@dataclass(frozen=True)
class Scale:
    """What the colours of one quantity mean, from the first shade (`low`) to the last (`high`)."""

    key: str  # of QUANTITIES
    low: float
    high: float
    zeros: bool = False  # whether a value is exactly 0: it has no place on the scale
    broken: bool = False  # whether a value is not finite

    @property
    def quantity(self) -> Quantity:
        return QUANTITIES[self.key]

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high end."""
        return min(1.0, max(0.0, log(value / self.low) / log(self.high / self.low)))

    def shade(self, value: float) -> int:
        return min(SHADES - 1, int(self.place(value) * SHADES))

    @cached_property
    def ticks(self) -> list[tuple[float, str]]:
        """(place, text) of round values on the scale."""
        marks = round_values(self.low, self.high, self.quantity.base)
        return [(self.place(value), self.quantity.tick(value)) for value in marks]


def scale_of(key: str, tables: Iterable[np.ndarray]) -> Scale:
    """The scale that holds every value in `tables`, of any shape."""
    parts = [np.ravel(table) for table in tables]
    every = np.concatenate(parts) if parts else np.empty(0)
    finite = every[np.isfinite(every) & (every > 0)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (1.0, 1.0)
    if high < 1.01 * low:  # one value: in the middle of a decade
        low, high = low / 10**0.5, high * 10**0.5
    return Scale(key, low, high, bool((every == 0).any()), bool((~np.isfinite(every)).any()))


def round_values(low: float, high: float, base: int) -> list[float]:
    """Powers of `base`, as many as can be read; their halves and fifths where there are few."""
    start, end = log(low, base), log(high, base)
    for every in count(1):
        powers = [k for k in range(ceil(start), floor(end) + 1) if k % every == 0]
        if len(powers) <= MOST_TICKS:
            break
    values = [float(base) ** k for k in powers]
    if base == 10 and every == 1 and len(values) < 3:
        finer = [m * 10.0**k for k in range(floor(start), ceil(end)) for m in (1, 2, 5)]
        inside = [value for value in finer if low <= value <= high]
        values = inside if len(inside) <= MOST_TICKS else values
    return values if len(values) > 1 else [low, high]


def colour_of(value: float | None, scale: Scale, dark: bool) -> str | None:
    """ "#rrggbb"; None for a box that has no value."""
    if value is None:
        return None
    if not isfinite(value):
        return BROKEN[dark]
    return shades(dark)[scale.shade(value)] if value else ZERO[dark]


def colours_of(values: dict[str, float | None], scale: Scale, dark: bool) -> dict[str, str]:
    """Id -> colour of those that have a value."""
    return {id: colour_of(value, scale, dark) for id, value in values.items() if value is not None}


@lru_cache(maxsize=2)
def shades(dark: bool) -> tuple[str, ...]:
    """SHADES colours from low to high."""
    stops = np.array([[int(s[i : i + 2], 16) for i in (1, 3, 5)] for s in STOPS[dark].split()])
    at = np.linspace(0, len(stops) - 1, SHADES)
    channels = [np.interp(at, range(len(stops)), stops[:, i]).round().astype(int) for i in range(3)]
    return tuple("#" + bytes(map(int, rgb)).hex() for rgb in zip(*channels, strict=True))


#: By `dark`. Even steps of lightness in Oklab, 0.965 to 0.665 and 0.275 to 0.515; on a light page
#: more is darker and on a dark page brighter, hues as different as red-green blindness allows
STOPS = {
    False: "#fbf6c4 #e4eda1 #c4e785 #8ee098 #57d4ae #25c6d1 #4cb0e5 #7399f0 #9b7ee5",
    True: "#2a1d4d #2a275f #273271 #164174 #004f74 #005b67 #00675b #1a714c #447631",
}
ZERO = {False: "#9c9c9c", True: "#000000"}  # no scale has a grey
BROKEN = {False: "#ff8a80", True: "#a11d1d"}
