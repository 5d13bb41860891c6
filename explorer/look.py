"""How the picture is looked at, and the words of the URL that say so. Pure: no streamlit.

`open` is a level ("stages") or the ids of the open cards; `look` lists switches ("folds,both");
`colour` is a key of QUANTITIES.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from resnet_core.graph import LayerGraph
from resnet_core.picture import View, openable
from resnet_core.picture.quantities import QUANTITIES
from resnet_core.picture.view import VIEW

MAX_OPEN = 4000  # characters of the URL for open cards


@dataclass(frozen=True)
class Look:
    """What a reader has chosen to see of any net."""

    opened: frozenset[str] = frozenset()  # ids of picture nodes
    view: View = VIEW
    twin: str = "net"  # key of TWINS
    colour: str | None = None  # key of QUANTITIES; None for the colours of kinds
    as_dot: bool = False  # drawn by Graphviz

    def words(self, graph: LayerGraph) -> dict[str, str]:
        """The URL's parameters; a usual one is left out."""
        levels = {level: ids for level, ids in openable(graph).items() if ids == self.opened}
        opened = next(iter(levels), None) or ",".join(sorted(self.opened))
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
        ids = openable(graph).get(opened)
        if ids is None:
            ids = frozenset(id for id in opened.split(",") if re.fullmatch(ID, id))
        return Look(
            opened=ids,
            view=View(**{name: name in look for name in SWITCHES}),
            twin=next((key for key in TWINS if key in look), "net"),
            colour=words["colour"] if words.get("colour") in QUANTITIES else None,
            as_dot="dot" in look,
        )

    def with_opened(self, ids: object) -> Look:
        """With the cards open that a browser reports, if that is what it reports."""
        known = [id for id in ids if isinstance(id, str)] if isinstance(ids, list) else []
        return replace(self, opened=frozenset(id for id in known if re.fullmatch(ID, id)))


#: an id of a card, or of a run of blocks
ID = r"[a-z]+\d*(\.\w+)*(\.\d+\.\.\d+)?"
WORDS = ("open", "look", "colour")  # of the URL
SWITCHES = tuple(field.name for field in fields(View))
#: what is drawn: the net on screen, its twin, or both side by side
TWINS = ("net", "twin", "both")
