"""A tiny net for each row of each table, and names that try to be code or markup."""

from dataclasses import replace

from resnet_core.blocks import BLOCKS
from resnet_core.layers import ATTENTIONS
from resnet_core.resolve import TABLES
from resnet_core.shortcuts import SHORTCUTS
from resnet_core.spec import NetSpec, StageSpec


def vocabulary() -> dict[str, NetSpec]:
    """A tiny net for each row of each table, at an odd and non-square size."""
    stages = tuple(StageSpec(num_blocks=2, width=w, stride=s) for w, s in ((8, 1), (16, 2)))
    base = NetSpec(name="tiny", stages=stages, stem_width=8, input_shape=(3, 17, 22))
    found = {
        f"{field} {key}": replace(base, **{field: key}) for field, t in TABLES.items() for key in t
    }
    for field, rows in (("block", BLOCKS), ("shortcut", SHORTCUTS), ("attention", ATTENTIONS)):
        for key in rows:
            layers = {"layers": ((3, 12), (1, 8))} if key == "composed" else {}
            row = replace(stages[0], **{field: key}, **layers)
            wide = {"layers": ((5, 16),), "width": 16} if layers else {"width": 16}
            second = replace(row, **wide, stride=1 if key == "identity" else 2)
            rows_ = (row,) if key == "identity" else (row, second)
            found[f"{field} {key}"] = replace(base, stages=rows_)
    grouped = tuple(
        replace(s, block="bottleneck", cardinality=4, base_width=b) for s, b in zip(stages, (32, 8))
    )
    return found | {
        "deep stem, blurred pool": replace(base, stem="deep", stem_pool="max", antialias="blur"),
        "averaged pool": replace(base, stem_pool="max", antialias="avg"),
        "stochastic depth": replace(base, stochastic_depth=50, order="preact"),
        "skips in stage 1 alone": replace(
            base, stages=(stages[0], replace(stages[1], shortcut="none"))
        ),
        "mixed, dropped": replace(
            base, stages=(grouped[0], replace(grouped[1], attention="se")), stochastic_depth=20
        ),
        "grouped": replace(base, stages=grouped),
        "fixup": replace(base, init="fixup", norm="fixup"),
    }


VOCABULARY = vocabulary()
HOSTILE = [
    '"""', "'''", '\\"""\\', "\\", "a\\", '"', "'", "%s %d {x} {{}}", "_", "a_b", "# noqa",
    "C:\\new", "<script>alert(1)</script>", "<b>&amp;", "*a* `b` [c](d) | e", "$x^2$ & \\\\ ~",
    "深い残差網" * 16, "Ünïcodé ∂L/∂x", "class", "lambda", "None", "print", "torch", "conv", "nn",
    "F", "net", "train", "main", "match", "50", "2 nets", "résumé", "x" * 80, "é" * 80, " spaced ",
    "-->", "]]>", "\U0001f600",
]  # fmt: skip
