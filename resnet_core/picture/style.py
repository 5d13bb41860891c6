"""What the classes of a picture look like. Colours are variables: a page sets them, a file has
them replaced by the fixed ones of PALETTES.
"""

from __future__ import annotations

FONT = "Inter, 'Source Sans 3', 'Helvetica Neue', Arial, sans-serif"

SHEET = """
text{font-size:12px;fill:var(--ink)}
.t{font-size:15px;font-weight:600}
.u{font-size:14px;font-weight:600}
.l{font-size:13px}
.m{fill-opacity:.72}
.f{font-style:italic}
.b{fill:var(--paper);stroke:var(--line)}
.stage>.b,.stem>.b,.head>.b{fill:var(--panel)}
.block>.b,.run>.b,.attention>.b{fill:var(--paper)}
.run.open>.b{fill:none;stroke-dasharray:4 4}
.input>.b{fill:none;stroke:none}
.d{fill:var(--paper);stroke:var(--line)}
.e{fill:none;stroke:var(--muted);stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}
.s{fill:none;stroke:var(--skip);stroke-width:3.5;stroke-linecap:round;stroke-linejoin:round}
.s.z{stroke-width:2.5}
.o{fill:var(--skip)}
.q{fill:var(--paper);stroke:var(--skip);stroke-width:2}
.k{fill:var(--skip)}
.s.r,.q.r,.e.r,.d.r{stroke:var(--wrong)}
.broken>.b{stroke:var(--wrong);stroke-width:2}
.o.r,.k.r,.s.r~.k{fill:var(--wrong)}
.s.r~.q{stroke:var(--wrong)}
.dash{stroke-dasharray:4 5}
.g{fill:var(--paper);stroke:var(--muted)}
.v{fill:none;stroke:var(--muted);stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.h{fill:none}
.identity>.b{stroke:none}
.w{fill:var(--paper)}
.y>.b{fill:var(--hue);fill-opacity:.16;stroke:var(--hue);stroke-width:1.25}
.y>.p{stroke:var(--skip);stroke-width:2}
.i{fill:var(--skip)}
.i.r{fill:var(--wrong)}
.gap{stroke-dasharray:3 6}
.j{fill:none;stroke:var(--conv);stroke-opacity:.5}
.a{fill:var(--norm)}
.a.act{fill:var(--act)}
.through{display:none}
.ghost .through{display:inline}
.ghost .skip,.ghost .s,.ghost .o,.ghost .q,.ghost .i,.ghost .k{opacity:.16}
.ghost .skip *{opacity:1}
"""

#: kinds of layers that have a colour of their own; every other kind is as quiet as a norm
HUES = ("conv", "norm", "act", "pool", "linear")

PALETTES = {
    "light": {
        "paper": "#ffffff",
        "panel": "#f3f5f8",
        "ink": "#1f2733",
        "line": "#c9d1db",
        "muted": "#6b7787",
        "skip": "#0072b2",
        "wrong": "#c62828",
        "conv": "#6f55c2",
        "norm": "#7d8794",
        "act": "#c08a00",
        "pool": "#6b8e23",
        "linear": "#b0479c",
    },
    "dark": {
        "paper": "#10151d",
        "panel": "#1a212c",
        "ink": "#e8edf4",
        "line": "#3a4657",
        "muted": "#93a1b5",
        "skip": "#56b4e9",
        "wrong": "#ff7b72",
        "conv": "#a793f0",
        "norm": "#93a1b5",
        "act": "#e0b040",
        "pool": "#a5c763",
        "linear": "#e08fd0",
    },
}


def sheet() -> str:
    """The style sheet with variables for colours: --paper, --ink, --skip, --conv, ..."""
    kinds = "".join(f".{kind}>.b{{--hue:var(--{kind})}}\n" for kind in HUES)
    return SHEET + ".y>.b{--hue:var(--norm)}\n" + kinds


def fixed_sheet(dark: bool) -> str:
    """The same with plain colours, for programs that know no CSS variables."""
    colours = PALETTES["dark" if dark else "light"]
    rules = SHEET.replace("var(--hue)", "var(--norm)")
    for kind in HUES:
        rules += f".{kind}>.b{{fill:var(--{kind})}}.{kind}>.b:not(.p){{stroke:var(--{kind})}}\n"
    for name, value in colours.items():
        rules = rules.replace(f"var(--{name})", value)
    return rules
