"""Sizes as readers say them, for the screen, files and terminals."""

from __future__ import annotations

from collections.abc import Iterable


def memory(value: float) -> str:
    """Bytes with a binary prefix and three digits: 1,610,612,736 -> "1.5 GiB"."""
    power, prefix = next(
        (p, name)
        for p, name in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB"), (0, "B"))
        if abs(value) >= 0.9 * 2**p or p == 0
    )
    size = value / 2**power
    return f"{size:.0f} {prefix}" if abs(size) >= 100 else f"{size:.3g} {prefix}"


def shape(size: Iterable[int]) -> str:
    """(3, 224, 224) -> "3×224×224"."""
    return "×".join(map(str, size))
