"""NetSpec <-> the form of the editor. Pure: no streamlit.

A draft is a spec as a dict that may be wrong: what was typed stays visible until it is mended.
"""

from __future__ import annotations

import copy
import json
import re
from contextlib import suppress
from dataclasses import fields

from resnet_core.blocks import BLOCKS, ORDERS
from resnet_core.inits import INITS
from resnet_core.layers import ACTIVATIONS, ANTIALIAS, ATTENTIONS, NORMS
from resnet_core.resolve import blocks_of, convs_of
from resnet_core.shortcuts import SHORTCUTS
from resnet_core.spec import LIMITS, NetSpec, SpecError, StageSpec, check_layers
from resnet_core.stems import POOLS, STEMS

Draft = dict


def draft_of(net: NetSpec) -> Draft:
    return json.loads(net.to_json())


def form(draft: Draft, problem: SpecError | None, selected: str | None) -> dict:
    """What the form component shows: JSON-safe."""
    return {
        "fields": [{**FIELDS[where], "where": where, **reading(draft, where)} for where in FIELDS],
        "columns": [
            {k: column[k] for k in ("title", "help", "width")}
            for column in COLUMNS.values()
            if not column.get("more")
        ],
        "stages": [stage(row, number) for number, row in enumerate(draft["stages"], start=1)],
        "is_special": any(draft[where] != USUAL[where] for where in SPECIAL),
        "marked": problem and cell_of(problem.where),
        "selected": selected and selected.split(".")[0],
    }


def stage(row: dict, number: int) -> dict:
    """A row of the table, and below it what only some blocks have."""
    cells = {
        field: {**column, "where": f"stage{number}.{field}", "value": shown(field, row[field])}
        | {"name": f"stage {number}, {column['title']}"}
        for field, column in COLUMNS.items()
    }
    block = BLOCKS.get(row["block"]) if isinstance(row["block"], str) else None
    own = {"layers"} if row["block"] == "composed" or row["layers"] else set()
    if block is None or block.has_groups or any(row[f] != USUAL[f] for f in GROUPS):
        own |= GROUPS
    more = [f for f in COLUMNS if COLUMNS[f].get("more") and (f in own or f == "attention")]
    return {
        "number": number,
        "where": f"stage{number}",
        "cells": [cells[f] for f in COLUMNS if not COLUMNS[f].get("more")],
        "more": [cells[f] for f in more],
        "is_special": any(row[f] != USUAL[f] for f in more),
    }


def shown(field: str, value: object) -> object:
    """A cell's value as it is typed: convolutions as 3×64, 1×256."""
    if field == "layers" and isinstance(value, list):
        with suppress(TypeError, ValueError):
            return ", ".join(f"{kernel}×{channels}" for kernel, channels in value)
    return value


def places(draft: Draft) -> set[str]:
    """All that an edit of this draft can be about: fields, stages, and cells of the table."""
    stages = [f"stage{number}" for number in range(1, len(draft["stages"]) + 1)]
    return {*FIELDS, *stages, *(f"{stage}.{column}" for stage in stages for column in COLUMNS)}


def cell_of(where: str) -> str:
    """The cell of the form that an error's `where` is about."""
    if where in ("input_shape.height", "input_shape.width"):
        return "size"
    return re.sub(r"^(stage\d+)\.\d+\.", r"\1.", where)


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
        draft["stages"][index] = with_cell(draft["stages"][index], field, value)
    elif where == "size":
        sides = re.fullmatch(r"(-?\d+)\s*[x×*, ]\s*(-?\d+)", str(value))
        draft["input_shape"][1:] = map(int, sides.groups()) if sides else [value, value]
    elif where == "input_shape.channels":
        draft["input_shape"][0] = value
    else:
        draft[where] = value
    return draft


def with_cell(row: dict, field: str, value: int | str) -> dict:
    """The row with one cell changed, and with what goes with it: an F of one's own begins as the
    F that was there, its last convolution puts out the stage's width, and a block without groups
    has none.
    """
    before, row = row, row | {field: value}
    if field == "layers":
        row["layers"] = convolutions(value)
        with suppress(SpecError, TypeError, IndexError):  # the width waits until F can be read
            check_layers(tuple(map(tuple, row["layers"])))
            _, row["width"] = row["layers"][-1]
    elif field == "width" and row["block"] == "composed" and isinstance(row["layers"], list):
        with suppress(TypeError, ValueError, IndexError):
            row["layers"] = [*row["layers"][:-1], [row["layers"][-1][0], value]]
    elif field == "block" and value in BLOCKS:
        row["layers"] = []
        if value == "composed":
            row["layers"] = layers_of(before)
            _, row["width"] = row["layers"][-1]
        if not BLOCKS[value].has_groups:
            row |= {f: USUAL[f] for f in GROUPS}
    return row


def handles(draft: Draft) -> dict[str, dict]:
    """What a picture needs to edit each stage, as far as its values can be read."""
    found = {}
    for number, row in enumerate(draft["stages"], start=1):
        known = row["shortcut"] in SHORTCUTS if isinstance(row["shortcut"], str) else False
        if known and isinstance(row["num_blocks"], int) and isinstance(row["width"], int):
            stage = f"stage{number}"
            found[stage] = {
                "blocks": row["num_blocks"],
                "width": row["width"],
                "shortcut": SHORTCUTS[row["shortcut"]].title,
                "next": SHORTCUTS[next_shortcut(draft, f"{stage}.shortcut")].title,
            }
    return found


def next_shortcut(draft: Draft, where: str, step: str = "1") -> str:
    """The next key of SHORTCUTS with which the net can be built, or for "-1" the one before; the
    same one if there is no other. `where` is "stage2.shortcut".
    """
    keys, row = list(SHORTCUTS), int(where.partition(".")[0].removeprefix("stage")) - 1
    now = draft["stages"][row]["shortcut"]
    here = keys.index(now) if now in keys else -1
    for distance in range(1, len(keys)):
        key = keys[(here + (-distance if step == "-1" else distance)) % len(keys)]
        edit = {"action": "set", "where": where, "value": key}
        with suppress(SpecError):
            blocks_of(NetSpec.from_dict(with_edit(draft, edit)))
            return key
    return now


def layers_of(row: dict) -> list[list[int]]:
    """The convolutions of a stage's F as a user would write them."""
    try:
        fields = row | {"layers": tuple(map(tuple, row["layers"]))}
        return [[conv.kernel, conv.channels] for conv in convs_of(StageSpec(**fields), 1)]
    except (SpecError, TypeError, ValueError):  # the row has a mistake of its own
        return [[3, 16], [3, 16]]


def convolutions(text: object) -> list | str:
    """ "3×64, 1x256" -> [[3, 64], [1, 256]]; what cannot be read stays for the spec to refuse."""
    joined = re.sub(r"\s*[xX×*]\s*", "×", str(text).strip())
    parts = [part for part in re.split(r"[,;·\s]+", joined) if part]
    pairs = [re.fullmatch(r"(\d{1,9})×(\d{1,9})", part) for part in parts]
    return [[int(n) for n in pair.groups()] for pair in pairs] if all(pairs) else str(text)


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


def menu(title: str, help: str, table: dict, width: str = "") -> dict:
    """A menu of a table's rows, with what each means."""
    options = [[key, row.title, SHORT.get(key, key)] for key, row in table.items()]
    meanings = "\n".join(
        f"{row.title}: {row.what}" for row in table.values() if getattr(row, "what", "")
    )
    return {"title": title, "help": f"{help}\n{meanings}", "options": options, "width": width}


def text(title: str, help: str) -> dict:
    return {"title": title, "help": help, "is_text": True, "width": ""}


#: what a closed menu of shortcuts has room for, where that is not the key
SHORT = {
    "identity": "x",
    "scaled": "½",
    "gated": "gate",
    "gated-x": "gate x",
    "dropout": "drop",
    "layer": "each",
}
#: key of the draft (or of a part of it) -> how the form asks for it
FIELDS = {
    "size": number(
        "Input size", "Height and width of an image; 32×48 if they differ", "input_shape.height", 8
    ),
    "input_shape.channels": number(
        "Channels", "Channels of an image: 1 grey, 3 colour", "input_shape.channels"
    ),
    "num_classes": number("Classes", "Outputs of the head; a run adapts them", "num_classes"),
    "stem": menu("Stem", "The convolutions before the first stage", STEMS),
    "stem_pool": menu("Stem pool", "What follows the stem's convolutions", POOLS),
    "stem_width": number("Stem width", "Channels that the stem puts out", "stem_width", 16),
    "norm": menu("Norm", "The layer after each convolution", NORMS),
    "init": menu("Init", "How the weights are drawn at step 0", INITS),
    "order": menu("Order", "Of norm, activation and +: He et al. 2016, fig. 4", ORDERS)
    | {"more": True},
    "activation": menu("Activation", "Between two convolutions, and after the +", ACTIVATIONS)
    | {"more": True},
    "antialias": menu("Striding", "What subsamples inside F and in the stem's pool", ANTIALIAS)
    | {"more": True},
    "stochastic_depth": number(
        "Drop F (%)",
        "Stochastic depth: chance that the last block's F is dropped in training, less before it",
        "stochastic_depth",
        5,
    )
    | {"more": True},
}
#: field of a StageSpec -> how the stage table asks for it; `more` stands below the row
COLUMNS = {
    "block": menu("Block", "What F is", BLOCKS, "27%"),
    "num_blocks": number("Blocks", "Blocks in this stage", "num_blocks", width="18%"),
    "width": number("Width", "Channels of the 3×3 convolutions", "width", 16, "21%"),
    "stride": number(
        "Stride", "Of the stage's first block: 2 halves height and width", "stride", width="15%"
    ),
    "shortcut": menu("Shortcut", "What becomes of x", SHORTCUTS, "19%") | {"short": True},
    "layers": text("F", "1 to 4 convolutions, kernel × channels each: 1×16, 3×16, 1×64")
    | {"more": True},
    "cardinality": number("Cardinality", "Groups of the 3×3: ResNeXt has 32", "cardinality")
    | {"more": True},
    "base_width": number(
        "Base width",
        "Channels of each group at width 64: ResNeXt 32×4d has 4, Wide ResNet-50-2 128",
        "base_width",
        4,
    )
    | {"more": True},
    "attention": menu("Attention", "At the end of F", ATTENTIONS) | {"more": True},
}
GROUPS = {"cardinality", "base_width"}
#: field -> its value where nobody asked for anything else
USUAL = {f.name: f.default for cls in (NetSpec, StageSpec) for f in fields(cls)} | {"layers": []}
SPECIAL = [where for where, field in FIELDS.items() if field.get("more")]
#: what a width is drawn to on the picture
WIDTHS = tuple(2**i * m // 2 for i in range(2, 11) for m in (2, 3))  # 4, 6, 8, 12, ..., 1536
