"""What a reader has opened, selected, coloured and scrubbed to: nothing of it changes the net."""

from __future__ import annotations

from dataclasses import replace

from explorer import events, look
from explorer.look import Look
from explorer.state.shown import PROBE, SS, graph
from explorer.state.url import put_in_url, write_url
from resnet_core import picture

#: keys of the widgets and components that the page mounts
DIAGRAM, DEPTH = "diagram", "depth"
LOOK, COLOUR = "look_", "colour"


def look_of() -> Look:
    """How the picture is looked at: what is open, the switches, the twin, the colours."""
    return SS.look


def opened() -> frozenset[str]:
    """Ids that the picture shows opened; a (+) that cannot add is always in sight."""
    return SS.look.opened | picture.opened_for(graph())


def stamp() -> int:
    """Counts what was opened: a browser that is ahead of it waits for its own clicks' answer."""
    return SS.stamp


def look_at(**changes) -> None:
    """Callback: changes fields of the Look, and the URL with them."""
    if "opened" in changes:
        SS.stamp += 1
    show_look(replace(SS.look, **changes))


def show_look(changed: Look) -> None:
    SS.look, SS.looked = changed, changed.words(graph())
    put_in_url()


def look_afresh() -> None:
    """Another net: nothing of it is open or selected."""
    SS.selected, SS.look = None, replace(SS.look, opened=frozenset())
    SS.stamp += 1


def colour_menu(usual: str) -> str:
    """Key of the menu of colours, set to the Look's; `usual` stands for those of kinds."""
    SS[COLOUR] = SS.look.colour or usual
    return COLOUR


def choose_colour(usual: str) -> None:
    """Callback of that menu."""
    look_at(colour=None if SS[COLOUR] == usual else SS[COLOUR])


def look_widget(name: str) -> str:
    """Key of the widget for a switch of the picture, set to what the Look says."""
    key = LOOK + name
    SS[key] = getattr(SS.look.view if name in look.SWITCHES else SS.look, name)
    return key


def look_from(name: str) -> None:
    """Callback of such a widget."""
    change = {name: SS[LOOK + name]}
    look_at(**{"view": replace(SS.look.view, **change)} if name in look.SWITCHES else change)


def open_in_diagram() -> None:
    """Callback of the picture, which has drawn it already."""
    report = SS[DIAGRAM].opened
    if isinstance(report, dict):
        SS.stamp = max(SS.stamp, events.stamp(report.get("stamp")))
        show_look(replace(SS.look, opened=events.ids(report.get("ids"))))


def select(path: str | None) -> None:
    SS.selected = path


def selected() -> str | None:
    """Path of the part that picture, form, details and charts mark."""
    return SS.selected


def probe() -> str:
    """Key of PROBES: the quantity that the charts show."""
    return SS[PROBE]


def tick_rows(key: str, rows: list[int]) -> None:
    """Before a table of `selectable` is shown: the rows that have a tick."""
    SS[key] = {"selection": {"rows": rows}}


def ticked_rows(key: str):
    """What a click left selected in such a table: its `rows` and its `cells`."""
    return SS[key].selection


def select_in_diagram() -> None:
    _select_by_click(events.path(SS[DIAGRAM].selected))


def select_in_chart() -> None:
    point = SS[DEPTH].point
    _select_by_click(events.path(point.get("path")) if isinstance(point, dict) else None)


def _select_by_click(path: str | None) -> None:
    select(path)
    # two clicks in a row: the second may come with the address from before the first
    write_url()


def step() -> int | None:
    """The step that the depth chart's slider was left at; None follows the newest."""
    return SS.step


def choose_step() -> None:
    """Callback of that slider."""
    chosen = SS[DEPTH].step
    SS.step = chosen if type(chosen) is int and chosen >= 0 else None
