"""How the picture is looked at, and the words of the URL that say so. Pure: no streamlit.

`open` is a level ("stages") or the ids of the open cards; `look` lists switches ("folds,both");
`colour` is a key of QUANTITIES.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from explorer import events
from resnet_core.graph import LayerGraph
from resnet_core.picture import TWINS, View, openable
from resnet_core.picture.quantities import QUANTITIES
from resnet_core.picture.view import VIEW

MAX_OPEN = 4000  # characters of the URL for open cards
MOST_OPS = 2500  # that are drawn at once


@dataclass(frozen=True)
class Look:
    """What a reader has chosen to see of any net."""

    opened: frozenset[str] = frozenset()  # ids of picture nodes
    view: View = VIEW
    twin: str = "net"  # one of TWINS
    colour: str | None = None  # key of QUANTITIES; None for the colours of kinds
    as_dot: bool = False  # drawn by Graphviz

    def words(self, graph: LayerGraph) -> dict[str, str]:
        """The URL's parameters; a usual one is left out."""
        levels = {level: ids for level, ids in openable(graph).items() if ids == self.opened}
        opened = next(reversed(levels), None) or ",".join(sorted(self.opened))
        switches = [name for name in SWITCHES if getattr(self.view, name)]
        switches += [self.twin] if self.twin != "net" else []
        switches += ["dot"] if self.as_dot else []
        found = {"open": opened, "look": ",".join(switches), "colour": self.colour or ""}
        if not self.opened or len(opened) > MAX_OPEN:
            del found["open"]
        return {name: text for name, text in found.items() if text}

    @staticmethod
    def of(words: Mapping[str, str], graph: LayerGraph) -> Look:
        """What the URL says; words that mean nothing are passed over."""
        opened, look = words.get("open", "")[:MAX_OPEN], words.get("look", "").split(",")
        if opened == "layers" and not can_open_all(graph):
            opened = "blocks"
        levels = openable(graph)
        return Look(
            opened=levels[opened] if opened in levels else events.ids(opened.split(",")),
            view=View(**{name: name in look for name in SWITCHES}),
            twin=next((key for key in TWINS if key in look), "net"),
            colour=words["colour"] if words.get("colour") in QUANTITIES else None,
            as_dot="dot" in look,
        )

    def carried(self, before: LayerGraph, after: LayerGraph) -> Look:
        """The same depth of another net: its level, or the runs of blocks that begin alike."""
        if not self.opened:
            return self
        levels, now = openable(before), openable(after)
        level = next((name for name in reversed(levels) if levels[name] == self.opened), None)
        if level == "layers" and not can_open_all(after):
            level = "blocks"
        if level:
            return replace(self, opened=now[level])
        runs = {id.partition("..")[0]: id for id in now["blocks"] if ".." in id}
        ids = (runs.get(id.partition("..")[0], id) if ".." in id else id for id in self.opened)
        return replace(self, opened=frozenset(ids))


def can_open_all(graph: LayerGraph) -> bool:
    """Whether a browser can be asked to show every layer at once; single blocks open in any net."""
    return len(graph.ops) <= MOST_OPS


WORDS = ("open", "look", "colour")  # of the URL
SWITCHES = tuple(field.name for field in fields(View))
