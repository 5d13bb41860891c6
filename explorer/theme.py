"""One colour per meaning, and numbers as readers like them. Pure: no streamlit."""

from __future__ import annotations

from resnet_core.picture import colours
from resnet_core.picture.colours import shades
from resnet_core.units import memory as memory
from resnet_core.units import shape as shape

#: token -> (light, dark). Blue and vermilion stay apart for every kind of colour vision
#: (Okabe and Ito 2008); the plain twin is dashed as well, so that no meaning hangs on colour alone.
COLOURS = {
    "residual": ("#0072b2", "#56b4e9"),  # the residual net: its curves and its shortcuts
    "plain": ("#c2500a", "#ff9d5c"),  # the net without shortcuts
    "muted": ("#5c6a7d", "#93a1b5"),  # axes, chance line, stage borders
    "grid": ("#e4e9ef", "#283242"),
    "mark": ("#0e7c66", "#35c29f"),  # what is selected
    "surface": ("#ffffff", "#10151d"),
    "border": ("#dde3ea", "#2d3746"),
}
DASHES = {"residual": "solid", "plain": "dash"}
#: from the smallest value to the largest, and exactly 0: in maps as in painted pictures
SHADES = tuple(zip(shades(False)[::4], shades(True)[::4], strict=True))
ZERO = colours.ZERO[False], colours.ZERO[True]
#: all that a figure may be drawn in: the browser swaps them for those of a dark page
PAIRS = COLOURS | {f"shade{i}": pair for i, pair in enumerate(SHADES)} | {"zero": ZERO}

#: the page's type when presented: a share of the screen, since a projector fills the wall with any
BACK_ROW = "clamp(16px, min(1.85vh, 1.4vw), 40px)"


def light(token: str) -> str:
    """The light theme's colour: figures are made in it, the browser swaps it for the dark one."""
    return COLOURS[token][0]


def style_sheet(presenting: bool) -> str:
    """CSS that hands every colour to page and components as --rx-<token>, in both themes."""
    size = f"html {{ font-size: {BACK_ROW} !important; --rx-said: 1.2; }}" if presenting else ""
    pairs = (
        f"--rx-{token}: light-dark({light}, {dark});" for token, (light, dark) in COLOURS.items()
    )
    return f":root {{ {' '.join(pairs)} }} {size}"


def count(value: int) -> str:
    """853,018 -> "853.0 k", 11,689,512 -> "11.69 M": four digits and a unit prefix."""
    for size, prefix in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if abs(value) >= size:
            return f"{value / size:.2f} {prefix}"
    return f"{value / 1000:.1f} k" if abs(value) >= 10**4 else f"{value:,}"


def short(value: int) -> str:
    """Three digits and a unit prefix, where there is little room: 179,962,112 -> "180 M"."""
    for size, prefix in ((10**12, " T"), (10**9, " G"), (10**6, " M"), (10**3, " k")):
        if abs(value) >= 10 * size or (abs(value) >= size and size > 1000):
            return f"{value / size:.3g}{prefix}"
    return f"{value:,}"


def duration(seconds: float) -> str:
    """Seconds as a reader says them: 8 s, 2 min 30 s, 3 h 5 min."""
    whole = round(seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 >= 60 else "")


def roughly(seconds: float) -> str:
    """A time that is only expected, so without tenths of a second: about 8 s, about 2 min 30 s."""
    whole = max(round(seconds), 1)
    return f"about {whole} s" if whole < 10 else f"about {duration(whole)}"


def literal(text: str) -> str:
    """Text as it is, where Streamlit would read markdown, entities, or make a link of it."""
    for start in ("http", "www", "@"):  # an invisible joiner keeps addresses from being linked
        text = text.replace(start, f"{start}\u2060")
    text = text.replace("&", "&amp;")
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#+-.!|$:~" else c for c in text)
