"""The `d` of an SVG path -> pen strokes, with arcs of circles as centre and angles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import atan2, cos, degrees, pi, sin, sqrt

#: letter -> how many numbers it takes
TAKES = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "A": 7, "Z": 0}
_TOKEN = re.compile(r"[A-Za-z]|-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?")


def strokes(d: str) -> Iterator[tuple[str, tuple[float, ...]]]:
    """ "move" (x, y), "line" (x, y), "curve" (six numbers), "arc" (centre x, y, radius, start and
    extent in degrees, y pointing down), "close" (); all in absolute coordinates.
    """
    x = y = start_x = start_y = 0.0
    for letter, numbers in _commands(d):
        upper, (dx, dy) = letter.upper(), (x, y) if letter.islower() else (0.0, 0.0)
        if upper == "Z":
            yield "close", ()
            x, y = start_x, start_y
            continue
        if upper == "H":
            x = dx + numbers[0]
        elif upper == "V":
            y = dy + numbers[0]
        elif upper == "A":
            end = dx + numbers[5], dy + numbers[6]
            yield "arc", arc((x, y), end, numbers[0], bool(numbers[3]), bool(numbers[4]))
            x, y = end
            continue
        else:
            points = [n + (dy if i % 2 else dx) for i, n in enumerate(numbers)]
            x, y = points[-2:]
            if upper == "C":
                yield "curve", tuple(points)
                continue
        if upper == "M":
            start_x, start_y = x, y
        yield ("move" if upper == "M" else "line"), (x, y)


def arc(
    start: tuple[float, float], end: tuple[float, float], radius: float, large: bool, sweep: bool
) -> tuple[float, float, float, float, float]:
    """Centre, radius, first angle and extent of an arc of a circle between two points.

    W3C, SVG 1.1, appendix F.6.5; a radius that is too small grows (F.6.6).
    """
    half_x, half_y = (end[0] - start[0]) / 2, (end[1] - start[1]) / 2
    half = sqrt(half_x**2 + half_y**2)
    radius = max(radius, half)
    off = sqrt(max(0.0, radius**2 - half**2)) / half * (1 if large == sweep else -1)
    x, y = start[0] + half_x + off * half_y, start[1] + half_y - off * half_x
    first, last = atan2(start[1] - y, start[0] - x), atan2(end[1] - y, end[0] - x)
    extent = (last - first) % (2 * pi) if sweep else -((first - last) % (2 * pi))
    assert abs(x + radius * cos(last) - end[0]) + abs(y + radius * sin(last) - end[1]) < 1e-6
    return x, y, radius, degrees(first), degrees(extent)


def _commands(d: str) -> Iterator[tuple[str, list[float]]]:
    letter, numbers = "", []
    for token in _TOKEN.findall(d):
        if token.isalpha() and len(token) == 1:
            letter = token
            assert letter.upper() in TAKES, f"unknown command {letter}"
            if letter.upper() == "Z":
                yield letter, []
            continue
        numbers.append(float(token))
        if len(numbers) == TAKES[letter.upper()]:
            yield letter, numbers
            numbers = []
            letter = {"M": "L", "m": "l"}.get(letter, letter)  # more points are lines
    assert not numbers
