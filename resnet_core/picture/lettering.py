"""How wide a text will be, without a browser: enough to keep it inside its box.

Advance widths in 1/1000 em: for each character the wider of Inter and Arial, rounded up to 50, so
that what fits here fits in either.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from unicodedata import category, east_asian_width

BOLD = 1.05  # semi-bold to regular, at most
DEFAULT = 800  # a letter that is not in the table: as wide as a capital
EM = 1000  # Chinese, Japanese and Korean signs and emoji fill their square


@lru_cache(maxsize=4096)
def text_width(text: str, size: int, bold: bool = False) -> int:
    """Pixels, rounded up."""
    return ceil(sum(map(_advance, text)) * size / EM * (BOLD if bold else 1))


@lru_cache(maxsize=4096)
def fit(text: str, width: int, size: int, bold: bool = False) -> str:
    """`text`, or as much of its beginning as fits into `width` pixels, and an ellipsis."""
    if text_width(text, size, bold) <= width:
        return text
    end = len(text)
    while end and text_width(text[:end].rstrip() + "…", size, bold) > width:
        end -= 1
    return text[:end].rstrip() + "…"


def first_fit(texts: list[str], width: int, size: int, bold: bool = False) -> str:
    """The first of `texts` that has room; as much of the last as fits if none has."""
    for text in texts:
        if text_width(text, size, bold) <= width:
            return text
    return fit(texts[-1], width, size, bold)


def _advance(char: str) -> int:
    if char in WIDTHS:
        return WIDTHS[char]
    if category(char) in ("Mn", "Me", "Cf"):  # combining marks and joiners take no room
        return 0
    return EM if east_asian_width(char) in "WF" else DEFAULT


#: width -> the characters that have it
_BY_WIDTH = {
    250: "ijl",
    300: " !,':.I·",
    350: ";`t|",
    400: "()/[\\]fr",
    450: "{}",
    500: '"-^',
    550: "*ksx",
    600: "157?JL_acehnouvyz–",
    650: "#$0234689FTZbdgpq",
    700: "&+<=>ABEKPSVXY~×−",
    750: "CDHRU",
    800: "GNOQ",
    850: "w",
    900: "m",
    950: "M",
    1000: "%W→…",
    1050: "@",
}
WIDTHS = {char: width for width, chars in _BY_WIDTH.items() for char in chars}
