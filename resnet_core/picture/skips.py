"""One sign for each kind of shortcut, the same at every depth: the arc itself is the identity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from resnet_core.graph import Op

GRID = 12  # signs are drawn from -6 to 6


@dataclass(frozen=True)
class Sign:
    """A row of SIGNS."""

    word: str  # on the arc of a closed block; an identity has none
    name: str  # in a legend, and in words
    d: str = ""  # outline, filled; what turns the other way round is a hole
    has: Callable | None = None  # whether it says best what stands on a shortcut and in its sum
    line: str = ""  # class of the arc itself, if that is not drawn through


def skip_sign(ops: tuple[Op, ...]) -> str:
    """How a block treats x, a key of SIGNS: "conv", "gate", ...; "" in a plain block."""
    if sum(op.kind == "add" for op in ops) > 1:
        return "layers"
    lane = {op.kind for op in ops if "shortcut" in op.path.split(".")}
    names = {op.path.rpartition(".")[2] for op in ops if ".add." in op.path}
    for key, sign in SIGNS.items():
        if sign.has and sign.has(lane, names):
            return key
    return "identity" if any(op.kind == "add" for op in ops) else ""


def sign(key: str, x: int, y: int, size: int = GRID) -> str:
    """The sign with its middle at x, y; nothing for an identity."""
    d, wrong = SIGNS[key].d, " r" if key == "broken" else ""
    scale = f" scale({size / GRID:.3g})" if size != GRID else ""
    place = f"translate({x} {y}){scale}"
    return f'<path class="i{wrong}" transform="{place}" d="{d}"/>' if d else ""


def coin(key: str, x: int, y: int) -> str:
    """The sign on a small disc, for what is one layer of a shortcut."""
    return f'<circle class="q" cx="{x}" cy="{y}" r="9"/>{sign(key, x, y, 11)}'


def stroke(key: str) -> str:
    """Classes of a closed card's arc."""
    return " ".join(filter(None, ("s z", SIGNS[key].line)))


def in_words(skips: Iterable[str]) -> str:
    """ "1 × zero-pad, 8 × identity"; "gate" of one block; "" of plain ones."""
    counts = Counter(key for key in skips if key)
    if sum(counts.values()) == 1:
        return SIGNS[next(iter(counts))].name
    return ", ".join(f"{count} × {SIGNS[key].name}" for key, count in counts.items())


def _dots() -> str:
    one = "a1.8 1.8 0 1 1 3.6 0a1.8 1.8 0 1 1-3.6 0z"
    return "".join(
        f"M{x - 1.8:g} {y}{one}" for x, y in [(-4, -4), (4, -4), (0, 0), (-4, 4), (4, 4)]
    )


#: key -> its sign; the first whose `has` (kinds on the shortcut, names in the sum) is true
SIGNS = {
    "gate-x": Sign(
        "gate x",
        "gate of x alone",
        "M-6-5l6 5l-6 5zM6-5v10l-6-5zM2.4 0l2.4 2v-4z",
        lambda lane, names: "gate" in names and "weigh_F" not in names,
    ),
    "gate": Sign(
        "gate", "gate", "M-6-5l6 5l-6 5zM6-5v10l-6-5z", lambda lane, names: "gate" in names
    ),
    "scale": Sign(
        "scaled",
        "scaled",
        "M0-6a6 6 0 0 1 0 12a6 6 0 0 1 0-12zM0-4.4a4.4 4.4 0 0 0 0 8.8z",
        lambda lane, names: "scale_x" in names,
    ),
    "dropout": Sign("dropout", "dropout", _dots(), lambda lane, names: "drop" in lane, "gap"),
    "pooled": Sign(
        "pool, 1×1",
        "pool, then projection 1×1",
        "M-6-6h12l-6 6zM-2.5 1h5v5h-5z",
        lambda lane, names: {"pool", "conv"} <= lane,
    ),
    "conv": Sign(
        "1×1", "projection 1×1", "M-4.5-4.5h9v9h-9z", lambda lane, names: "conv" in lane
    ),
    "zeropad": Sign(
        "zeros",
        "zero-pad",
        "M-6-5h5v10h-5zM1-5h5v10h-5zM2.6-3.4v6.8h1.8v-6.8z",
        lambda lane, names: "zeropad" in lane,
    ),
    "identity": Sign("", "identity"),
    "layers": Sign(
        "each layer",
        "around every layer",
        "M-6-5.2h12v2.4h-12zM-6-1.2h12v2.4h-12zM-6 2.8h12v2.4h-12z",
    ),
    "broken": Sign(
        "cannot add", "cannot add", "M-5-3.6h10v2h-10zM-5 1.6h10v2h-10zM2-6h2.4l-6.4 12h-2.4z",
        line="r",
    ),
}  # fmt: skip
#: kind of a layer on the shortcut -> its sign
PILL_SIGNS = {
    "conv": "conv",
    "pool": "pooled",
    "zeropad": "zeropad",
    "scale": "scale",
    "drop": "dropout",
}
