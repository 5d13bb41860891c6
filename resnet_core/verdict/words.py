"""Figures as a verdict writes them, each with its unit."""

from __future__ import annotations

import numpy as np

from .classes import FLAT, STEEP


def nats(loss: float) -> str:
    return f"{loss:,.2f} nats" if 0.1 <= loss < 1e5 else f"{loss:.1g} nats"


def count(steps: int) -> str:
    return f"{steps:,} step" + ("" if steps == 1 else "s")


def over(steps: np.ndarray) -> str:
    """ "at step 0", "over steps 100 to 119"."""
    first, last = int(steps[0]), int(steps[-1])
    return f"at step {first:,}" if first == last else f"over steps {first:,} to {last:,}"


def by_decades(decades: float) -> str:
    return f"{abs(decades):.{_digits(decades)}f} decades"


def signed(decades: float) -> str:
    digits = _digits(decades)
    return f"{round(decades, digits) + 0.0:+.{digits}f} decades".replace("-", "−")  # never -0.0


def _digits(decades: float) -> int:
    """One more where rounded to one it is the limit of a class, and does not tell which it is."""
    return 2 if round(abs(decades), 1) in (FLAT, STEEP) else 1


def size(value: float) -> str:
    """Of a norm, over many orders of magnitude: 0.52, 3.1e-12, 0."""
    if value == 0:
        return "0"
    if 100 <= value < 1e4:
        return f"{value:,.0f}"
    text = f"{value:.2g}" if 1e-3 <= value < 100 else f"{value:.0e}"
    return text.replace("e+0", "e").replace("e+", "e").replace("e-0", "e-").replace("-", "−")


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
