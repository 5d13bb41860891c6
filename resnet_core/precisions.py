"""The number formats that runs compute in. It needs no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Precision:
    """A row of PRECISIONS."""

    title: str
    memory: str  # key of memory.PRECISIONS
    devices: tuple[str, ...]  # kinds of device that can do it
    what: str  # for help
    #: the smallest normal number of what flows through the net; below it gradients become 0 on a
    #: CPU, where subnormal numbers are flushed
    floor: float = 2.0**-126
    short: str = ""  # for a chart, beside its quantity; "" for the usual one


#: bfloat16 has float32's exponents: the same floor, with 8 instead of 24 bits of precision
PRECISIONS = {
    "float32": Precision("float32", "float32", ("cpu", "cuda", "mps"), "24 bits of precision"),
    "tf32": Precision(
        "TF32",
        "float32",
        ("cuda",),
        "float32 whose products have 11 bits, on Ampere or newer",
        short="TF32: 11 bits",
    ),
    "mixed": Precision(
        "bfloat16 autocast",
        "mixed",
        ("cpu", "cuda"),
        "convolutions in bfloat16, 8 bits of precision; weights and norms stay float32",
        short="bfloat16: 8 bits",
    ),
}
