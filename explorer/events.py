"""What a browser reports, read with care: anybody can send anything over a socket. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

MOST_IDS = 4000  # open cards of one picture


def path(value: object) -> str | None:
    """A module path or the id of a run of blocks; None for anything else."""
    return value if isinstance(value, str) and re.fullmatch(ID, value) else None


def ids(value: object) -> frozenset[str]:
    """The ids in a list, without what is none."""
    found = value[:MOST_IDS] if isinstance(value, list) else []
    return frozenset(filter(None, map(path, found)))


def stamp(value: object) -> int:
    """A count of clicks; 0 for anything else."""
    return value if type(value) is int and 0 <= value < 2**31 else 0


def edit(value: object, places: Collection[str]) -> dict[str, str] | None:
    """An edit at one of `places`, {"action", "where", "value"}; None for anything else."""
    if not isinstance(value, dict) or value.get("action") not in ACTIONS:
        return None
    where, text = value.get("where"), value.get("value")
    if not isinstance(where, str) or where not in places:
        return None
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        return None
    return {"action": value["action"], "where": where, "value": text}


#: "stage2", "stage2.0.residual.conv1", "stage2.2..8"
ID = r"(?=.{1,120}$)[a-z]+\d{0,6}(\.\w+)*(\.\d{1,6}\.\.\d{1,6})?"
#: of a form (net_form) and of a picture (diagram)
ACTIONS = ("set", "add", "remove", "cycle")
MOST_TEXT = 500  # characters that are typed into a field
