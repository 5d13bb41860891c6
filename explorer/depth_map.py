"""Each net's depth x step map under its depth chart: the same x, step upwards, value as colour."""

from __future__ import annotations

from collections.abc import Sequence

from explorer import theme
from explorer.depth_profile import Profile
from explorer.plotting import SMALL, axis, numbered, title_at, titled
from explorer.span import Span, marked
from resnet_core.probes import PROBES, labels
from resnet_core.rhythm import rhythm

#: of the height of the figure: one map per net
MAPS = (0.24, 0.38), (0.0, 0.14)


def depth_map(number: int, profile: Profile) -> dict:
    """The trace on y axis `number`; empty until the browser fills it in."""
    return {
        "type": "heatmap",
        "x": profile.places,
        "y": profile.steps.tolist(),
        "z": [],
        "xaxis": "x",
        "yaxis": numbered("y", number),
        "coloraxis": "coloraxis",
        "hovertemplate": "depth %{x}, step %{y}<br>%{text}<extra></extra>",
    }


def layout_of_maps(
    profiles: Sequence[Profile], probe: str, total: int, span: Span, scale: float
) -> tuple[dict, list[dict]]:
    """(axes and colours, titles) of the maps of a run whose last step is `total`."""
    last = max((int(p.steps[-1]) for p in profiles if len(p.steps)), default=0)
    common = {"range": [-0.5, last + 0.5], "nticks": 3, "showgrid": False, "tickformat": ",d"}
    common |= {"tickvals": [0, last]} if last < 2 else {}
    axes = {
        numbered("yaxis", number): axis(scale)
        | {"domain": list(domain), "title": titled("step", scale)}
        | common
        for number, (_, domain) in enumerate(zip(profiles, MAPS), start=2)
    }
    titles = [
        title_at(top, f"{profile.curve.role}: {over_steps(profile, probe, total)}", scale, SMALL)
        for profile, (_, top) in zip(profiles, MAPS)
    ]
    return axes | {"coloraxis": colours(span, scale)}, titles


def over_steps(profile: Profile, probe: str, total: int) -> str:
    """What the map of a net shows, or why it shows nothing."""
    net = profile.curve.graph.net
    if probe in profile.curve.records.per_op:
        text = rhythm(probe, total + 1)
        seeds = profile.spread.seeds if profile.spread else 1
        return f"{text}, middle of {seeds} seeds" if seeds > 1 else text
    if not labels(net)[probe]:
        return f"nothing to measure, it has no {PROBES[probe].needs}"
    return "not recorded in this run"


def colours(span: Span, scale: float) -> dict:
    """One scale for the maps of both nets, that of painted pictures; exact zeros apart."""
    low, high = span.common
    scale_of = [[i / (len(theme.SHADES) - 1), light] for i, (light, _) in enumerate(theme.SHADES)]
    if span.zeros:
        share = (low - span.floor) / (high - span.floor)
        inner = [[share + (1 - share) * at, colour] for at, colour in scale_of]
        scale_of = [[0, theme.ZERO[0]], [share, theme.ZERO[0]], *inner]
        low = span.floor
    values, texts = marked(span, low, high, at_most=4)
    bar = {"len": 0.42, "y": 0.19, "thickness": 10, "outlinewidth": 0}
    bar |= {"tickfont": {"size": round(SMALL * scale)}, "tickvals": values, "ticktext": texts}
    return {"colorscale": scale_of, "cmin": low, "cmax": high, "colorbar": bar}
