"""Colours into the SVG text of a picture that goes into a file, and the legend beside it."""

from __future__ import annotations

from .colours import BROKEN, SHADES, ZERO, Scale, shades
from .lettering import fit, text_width
from .marks import write
from .style import PALETTES

BAR = 10  # height of the strip of shades


def painted(svg: str, colours: dict[str, str], dark: bool = False) -> str:
    """The picture with the boxes in `colours` (id -> "#rrggbb") filled, open cards framed in them.

    Writing on a filled box has the full ink, and layers lose the colours of their kinds.
    """
    start, *groups = svg.split(GROUP)
    palette = PALETTES["dark" if dark else "light"]
    rule = f"<style>.painted>text{{fill:{palette['ink']};fill-opacity:1}}</style>"
    return start + rule + "".join(_filled(group, colours, palette) for group in groups)


def _filled(group: str, colours: dict[str, str], palette: dict[str, str]) -> str:
    """What follows GROUP, up to the next one."""
    head, _, inner = group.partition(">")
    words = head.partition('"')[0].split()
    colour = colours.get(head.partition('data-id="')[2].partition('"')[0])
    if colour is None and ("open" in words or "y" not in words):
        return GROUP + group
    if "open" in words:
        framed = f'<rect style="stroke:{colour};stroke-width:3" class="b'
        inner = inner.replace('<rect class="b', framed, 1)
        return f"{GROUP}{head}>{inner}"
    style = f"fill:{colour or palette['paper']};fill-opacity:1"
    if "y" in words and 'class="b p"' not in inner:  # those on a shortcut keep its colour
        style += f";stroke:{palette['line']}"
    for shape in ("rect", "circle"):
        inner = inner.replace(f'<{shape} class="b', f'<{shape} style="{style}" class="b', 1)
    return f"{GROUP}{'painted ' if colour else ''}{head}>{inner}"


def legend_svg(scale: Scale, width: int, dark: bool = False, note: str = "") -> tuple[str, int]:
    """(SVG text, height): title and unit, the shades with ticks, and what stands beside them.

    `note` ends the first line: a measured quantity is that of a step.
    """
    palette, quantity = PALETTES["dark" if dark else "light"], scale.quantity
    start = text_width(quantity.title, 14, True) + 8
    room = width - start - (text_width(note, 12) + 8 if note else 0)
    marks = [
        write(0, 14, quantity.title, "u"),
        write(start, 14, fit(quantity.unit, room, 12), "m"),
    ]
    marks += [write(width, 14, note, "", "end")] if note else []
    every = shades(dark)
    for place, shade in enumerate(every):  # each a little under the next, so that no seam shows
        x, end = (round(width * n / SHADES) for n in (place, min(place + 2, SHADES)))
        marks.append(f'<rect x="{x}" y="24" width="{end - x}" height="{BAR}" fill="{shade}"/>')
    for place, text in scale.ticks:
        half = text_width(text, 12) // 2 + 1
        x = round(width * place)
        marks.append(f'<path d="M{x} {24 + BAR}v4" stroke="{palette["muted"]}"/>')
        marks.append(write(min(max(x, half), width - half), 50, text, "", "middle"))
    x = 0
    for colour, text in notes(scale, dark):
        marks.append(
            f'<rect x="{x}" y="60" width="12" height="12" rx="3" fill="{colour}" '
            f'stroke="{palette["line"]}"/>'
        )
        marks.append(write(x + 17, 70, text, "m"))
        x += 17 + text_width(text, 12) + 14
    return "".join(marks), 78


def notes(scale: Scale, dark: bool) -> list[tuple[str, str]]:
    """(colour, meaning) of what is not on the scale."""
    found = [(PALETTES["dark" if dark else "light"]["paper"], scale.quantity.blank)]
    found += [(ZERO[dark], "exactly 0")] if scale.zeros else []
    return found + ([(BROKEN[dark], "not finite")] if scale.broken else [])


GROUP = '<g class="n '
