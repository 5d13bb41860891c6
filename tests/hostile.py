"""Seeded random specs at the level of JSON, sane and hostile mixed: what a link may bring."""

from __future__ import annotations

import json
import random

from resnet_core.blocks import BLOCKS
from resnet_core.layers import ATTENTIONS
from resnet_core.resolve import TABLES
from resnet_core.shortcuts import SHORTCUTS
from resnet_core.spec import LIMITS

#: values that no field takes, or only a field of another kind
STRANGE = (
    None, True, "", " ", "basic", "\x00", "ü" * 200, -1, 0, 2**31, 10**400, 1.5, float("nan"),
    float("inf"), [], {}, [[]], [3, 64], [[3, 64]] * 9, [[2, 8]], [[3, 10**9]], {"a": 1},
)  # fmt: skip
ODDS = 0.01  # that a value is one of these


def any_json(rng: random.Random) -> str:
    """One spec: mostly near to what builds, some fields strange, some missing or unknown."""
    net = {
        "name": "net",
        "stages": [any_row(rng) for _ in range(rng.choice((1, 2, 3, 4, 4, 16)))],
        **{field: rng.choice(list(table)) for field, table in TABLES.items()},
        "stem_width": any_number(rng, "stem_width"),
        "stochastic_depth": rng.choice((0, 0, 50, any_number(rng, "stochastic_depth"))),
        "input_shape": [any_number(rng, f) for f in LIMITS if f.startswith("input_shape")],
        "num_classes": any_number(rng, "num_classes"),
    }  # fmt: skip
    return json.dumps(spoilt(rng, net))


def any_row(rng: random.Random) -> dict:
    block, width = rng.choice(list(BLOCKS)), any_number(rng, "width")
    row = {
        "num_blocks": rng.choice((1, 2, 3, 8, any_number(rng, "num_blocks"))),
        "width": width,
        "stride": rng.choice((1, 1, 2, rng.randint(1, 4))),
        "block": block,
        "shortcut": rng.choice((*SHORTCUTS, "B", "C", "D", "none")),
        "attention": rng.choice(list(ATTENTIONS)),
    }
    if BLOCKS[block].has_groups:
        row["cardinality"] = rng.choice((1, 1, 8, any_number(rng, "cardinality")))
        row["base_width"] = rng.choice((8, 64, any_number(rng, "base_width")))
    if block == "composed":
        kernels = [rng.choice((1, 3, 5, 15)) for _ in range(rng.randint(1, 4))]
        row["layers"] = [[kernel, width] for kernel in kernels]
    return spoilt(rng, row)


def any_number(rng: random.Random, field: str) -> int:
    """In range; the usual powers of two are likelier than the ends."""
    least, most = LIMITS[field]
    if rng.random() < 0.8:
        return max(least, min(most, 2 ** rng.randint(3, 8)))
    return rng.choice((least, most, rng.randint(least, most)))


def spoilt(rng: random.Random, fields: dict) -> dict:
    fields = {key: rng.choice(STRANGE) if rng.random() < ODDS else v for key, v in fields.items()}
    if rng.random() < ODDS:
        fields.pop(rng.choice(list(fields)))
    if rng.random() < ODDS:
        fields["colour"] = "red"
    return fields
