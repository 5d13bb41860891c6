"""Tables and numbers for a terminal; plain, aligned columns where there is none."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from resnet_core.units import memory


@dataclass(frozen=True)
class Table:
    """Rows of text. A column whose heading ends in a space is flush left, others flush right."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[Sequence[str]]


def show(*tables: Table) -> None:
    """With lines and bold headings on a terminal, unless NO_COLOR asks for plain text."""
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    draw = _show_rich if on_terminal and not os.environ.get("NO_COLOR") else _show_plain
    for number, table in enumerate(tables):
        if number:
            print()
        draw(table)


def show_json(value: object) -> None:
    print(json.dumps(value))


def _show_plain(table: Table) -> None:
    print(table.title)
    lines = [[heading.strip() for heading in table.headings], *table.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (
            cell.ljust(width) if heading.endswith(" ") else cell.rjust(width)
            for cell, width, heading in zip(line, widths, table.headings, strict=True)
        )
        print("  ".join(cells).rstrip())


def _show_rich(table: Table) -> None:
    from rich import box
    from rich import table as rich_table
    from rich.console import Console
    from rich.text import Text

    drawn = rich_table.Table(title=Text(table.title), title_justify="left", box=box.SIMPLE_HEAD)
    for heading in table.headings:
        justify = "left" if heading.endswith(" ") else "right"
        drawn.add_column(heading.strip(), justify=justify, overflow="fold")
    for row in table.rows:
        drawn.add_row(*map(Text, row))  # as Text, so that brackets in names are not read as markup
    Console().print(drawn)


def printable(text: str) -> str:
    """Without what could steer a terminal: a field of a spec may be called anything."""
    return "".join(c if c.isprintable() else "�" for c in text)


def number(value: int | None) -> str:
    """1234567 -> "1,234,567"; nothing for None."""
    return "" if value is None else f"{value:,}"


def amount(value: int | None, unit: str) -> str:
    """Bytes with a prefix, everything else with its digits."""
    return memory(value) if unit == "bytes" and value is not None else number(value)


def signed(value: int, unit: str) -> str:
    """ "+1,234", "-1.5 MiB", "0"."""
    return f"{'+' if value > 0 else ''}{amount(value, unit)}"
