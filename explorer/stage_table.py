"""NetSpec <-> the form of the editor. Pure: no streamlit.

A draft is a spec as a dict that may be wrong: what was typed stays visible until it is mended.
"""

from __future__ import annotations

import copy
import json
import re

from resnet_core.blocks import BLOCKS
from resnet_core.layers import NORMS
from resnet_core.net import INITS, STEMS
from resnet_core.shortcuts import SHORTCUTS
from resnet_core.spec import LIMITS, NetSpec, SpecError

Draft = dict


def draft_of(net: NetSpec) -> Draft:
    return json.loads(net.to_json())


def form(draft: Draft, problem: SpecError | None, selected: str | None) -> dict:
    """What the form component shows: JSON-safe."""
    return {
        "fields": [{**FIELDS[where], "where": where, **reading(draft, where)} for where in FIELDS],
        "columns": [
            {k: column[k] for k in ("title", "help", "width")} for column in COLUMNS.values()
        ],
        "stages": [
            {"number": number, "where": f"stage{number}", "cells": cells(row, number)}
            for number, row in enumerate(draft["stages"], start=1)
        ],
        "marked": problem and cell_of(problem.where),
        "selected": selected and selected.split(".")[0],
    }


def cell_of(where: str) -> str:
    """The cell of the form that an error's `where` is about."""
    if where in ("input_shape.height", "input_shape.width"):
        return "size"
    return re.sub(r"^(stage\d+)\.\d+\.", r"\1.", where)


def cells(row: dict, number: int) -> list[dict]:
    return [
        {**column, "where": f"stage{number}.{field}", "value": row[field]}
        | {"name": f"stage {number}, {column['title']}"}
        for field, column in COLUMNS.items()
    ]


def reading(draft: Draft, where: str) -> dict:
    """The value that a field shows, and its name for a screen reader."""
    if where == "size":
        height, width = draft["input_shape"][1:]
        value = height if height == width else f"{height}×{width}"
    elif where == "input_shape.channels":
        value = draft["input_shape"][0]
    else:
        value = draft[where]
    return {"value": value, "name": FIELDS[where]["title"]}


def with_edit(draft: Draft, edit: dict) -> Draft:
    """The draft after an edit as the form component reports it; the old one stays as it is."""
    draft = copy.deepcopy(draft)
    where, value = edit["where"], typed(edit["value"])
    stage, _, field = where.partition(".")
    index = int(stage.removeprefix("stage") or 0) - 1 if stage.startswith("stage") else None
    if edit["action"] == "add":
        draft["stages"].insert(index + 1, copy.deepcopy(draft["stages"][index]) | {"stride": 1})
    elif edit["action"] == "remove":
        del draft["stages"][index]
    elif index is not None:
        draft["stages"][index][field] = value
    elif where == "size":
        sides = re.fullmatch(r"(-?\d+)\s*[x×*, ]\s*(-?\d+)", str(value))
        draft["input_shape"][1:] = map(int, sides.groups()) if sides else [value, value]
    elif where == "input_shape.channels":
        draft["input_shape"][0] = value
    else:
        draft[where] = value
    return draft


def typed(text: str) -> int | str:
    """Text as typed -> the number it says, or the text itself for the spec to refuse."""
    return int(text) if re.fullmatch(r"[-+]?\d{1,18}", text) else text


def number(title: str, help: str, limit: str, step: int = 1, width: str = "") -> dict:
    least, most = LIMITS[limit]
    return {
        "title": title,
        "help": f"{help} ({least} to {most:,})",
        "least": least,
        "step": step,
        "width": width,
    }


def menu(title: str, help: str, options: list[tuple[str, str]], width: str = "") -> dict:
    return {"title": title, "help": help, "options": [list(o) for o in options], "width": width}


#: key of the draft (or of a part of it) -> how the form asks for it
FIELDS = {
    "size": number(
        "Input size", "Height and width of an image; 32×48 if they differ", "input_shape.height", 8
    ),
    "input_shape.channels": number(
        "Channels", "Channels of an image: 1 grey, 3 colour", "input_shape.channels"
    ),
    "num_classes": number("Classes", "Outputs of the head; a run adapts them", "num_classes"),
    "norm": menu(
        "Norm", "The layer after each convolution", [(k, r.title) for k, r in NORMS.items()]
    ),
    "stem": menu(
        "Stem", "The layers before the first stage", [(k, r.title) for k, r in STEMS.items()]
    )
    | {"wide": True},
    "stem_width": number("Stem width", "Channels that the stem puts out", "stem_width", 16),
    "init": menu(
        "Init",
        "How the weights are drawn at step 0\n"
        + "\n".join(f"{r.title}: {r.what}" for r in INITS.values()),
        [(k, r.title) for k, r in INITS.items()],
    ),
}
#: field of a StageSpec -> how the stage table asks for it
COLUMNS = {
    "block": menu(
        "Block", "basic: two 3×3. bottleneck: 1×1, 3×3, 1×1", [(k, k) for k in BLOCKS], "29%"
    ),
    "num_blocks": number("Blocks", "Blocks in this stage", "num_blocks", width="18%"),
    "width": number("Width", "Channels of the 3×3 convolutions", "width", 16, "21%"),
    "stride": number(
        "Stride", "Of the stage's first block: 2 halves height and width", "stride", width="16%"
    ),
    "shortcut": menu(
        "Shortcut",
        "\n".join(f"{row.title}: {row.what}" for row in SHORTCUTS.values()),
        [(k, row.title) for k, row in SHORTCUTS.items()],
        "16%",
    )
    | {"short": True},
}
