"""The hero: depth against a probe's numbers for both nets, with their depth x step maps below.

x is depth: conv and linear layers from the input. Runs of a series stand side by side on one scale,
or seeds as a band. Lines, bands and maps are made empty; the browser fills them in from `scrub`,
so that the step slider needs no server. Pure: no streamlit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.depth_layout import DRAWING, Drawing, arranged, with_maps_below
from explorer.depth_map import depth_map
from explorer.depth_profile import Panel, Profile
from explorer.plotting import View, across, faded, numbered
from explorer.scrub import encoded, scrub
from explorer.span import span_of
from resnet_core.precisions import PRECISIONS
from resnet_core.probes import PROBES
from resnet_core.spec import in_words


@dataclass(frozen=True, kw_only=True)
class DepthView(View):
    """The figure, and what the browser's step slider needs to fill it in."""

    scrub: dict


def draw(panels: Sequence[Panel], probe: str, total: int, how: Drawing = DRAWING) -> DepthView:
    """`total` is the last step of the run."""
    profiles = [profile for panel in panels for profile in panel.profiles]
    span = span_of(profiles, PROBES[probe].is_log, PRECISIONS[how.precision].floor)
    with_maps = how.maps and len(panels) == 1
    traces, parts, paths = [], [], {}
    for number, panel in enumerate(panels, start=1):
        for place, profile in enumerate(panel.profiles, start=2):
            part = {"line": None, "marks": None, "fill": None, "map": None}
            for name, trace in lines(profile, number, how.scale).items():
                part[name] = len(traces)
                traces.append(trace)
            if with_maps:
                part["map"] = len(traces)
                paths[str(len(traces))] = profile.paths
                traces.append(depth_map(place, profile))
            parts.append(part | encoded(profile, span))
    sent = scrub(profiles, span, total) | {"parts": parts, "paths": paths, "cursors": []}
    if with_maps:
        layout, narrow = with_maps_below(panels, probe, total, span, how), None
        first = len(layout["shapes"])
        sent["cursors"] = list(range(first, first + len(parts)))
        layout["shapes"] += [across(0, "mark", "solid", 2 + n, along=1) for n in range(len(parts))]
    else:
        layout = arranged(panels, probe, min(2, len(panels)), span, how)
        narrow = arranged(panels, probe, 1, span, how) if len(panels) > 1 else None
    plain = {"data": traces, "layout": layout}
    return DepthView(plain=plain, narrow=narrow, scrub=sent)


def lines(profile: Profile, number: int, scale: float) -> dict[str, dict]:
    """What a net is drawn with: "fill" between its seeds, "line", and "marks".

    Marks are for what a log axis has no place for: exact zeros below, what is not finite above.
    """
    curve = profile.curve
    cross = {"width": 2, "color": curve.colour}
    common = {
        "type": "scatter",
        "x": profile.places,
        "y": [],
        "xaxis": numbered("x", number),
        "yaxis": numbered("y", number),
        "customdata": [
            [path, in_words(path)] for path in profile.paths
        ],  # for a click; for a reader
        "hovertemplate": "%{customdata[1]}<br>%{text}<extra>%{fullData.name}</extra>",
        "name": curve.role,
        "legendgroup": curve.role,
    }
    fill = {
        "type": "scatter",
        "mode": "lines",
        "fill": "toself",
        "fillcolor": faded(curve.colour),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": curve.role,
    }
    drawn = {"fill": {**fill, "xaxis": common["xaxis"], "yaxis": common["yaxis"]}}
    drawn["line"] = common | {
        "mode": "lines+markers",
        "line": {"color": curve.colour, "width": 2.5 * scale, "dash": curve.dash},
        "marker": {"size": 6 * scale, "color": curve.colour},
        "showlegend": number == 1,
    }
    drawn["marks"] = common | {
        "mode": "markers",
        "showlegend": False,
        "marker": {"size": 9, "symbol": "x-thin", "line": cross},
    }
    return drawn if profile.spread else {name: drawn[name] for name in ("line", "marks")}
