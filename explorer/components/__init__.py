"""The custom components: plain JavaScript and CSS beside each wrapper, no build step."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def source(name: str) -> str:
    """Text of a .js or .css file of this folder."""
    return (HERE / name).read_text(encoding="utf-8")
