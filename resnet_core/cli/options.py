"""What several commands take, and what the exit codes mean."""

from __future__ import annotations

import argparse
import re

FINE, CANNOT_BE_BUILT, WRONG_USE, THEY_DIFFER, RUN_FAILED = 0, 1, 2, 3, 4
INTERRUPTED, CLOSED_PIPE = 130, 141
#: exit code -> when
CODES = {
    FINE: "done",
    CANNOT_BE_BUILT: "the net or the run cannot be made; the sentence says where, what and what "
    "would do",
    WRONG_USE: "an option, a preset's name or a file is wrong",
    THEY_DIFFER: "compare --exit-code: the nets differ",
    RUN_FAILED: "run: it failed; the sentence says why. A net that diverges is a result, not this",
    INTERRUPTED: "interrupted, or a run was stopped before its end",
    CLOSED_PIPE: "whoever read the output stopped reading",
}
NET = "a preset, a .json spec, a checkpoint (.pth, .safetensors), or - for a spec on standard input"


def input_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--input", type=shape, metavar="CxHxW", help="other input than the net's: 3x224x224"
    )
    p.add_argument("--classes", type=int, metavar="N", help="other number of classes")


def batch_argument(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--batch", type=batch_size, default=32, metavar="N", help="for the memory (default: 32)"
    )


def shape(text: str) -> tuple[int, ...]:
    """ "3x224x224" -> (3, 224, 224)."""
    if not re.fullmatch(r"\d{1,6}([x×,]\d{1,6}){2}", text):
        raise argparse.ArgumentTypeError("write channels, height and width: 3x224x224")
    return tuple(map(int, re.split("[x×,]", text)))


def batch_size(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,6}", text, re.ASCII):
        raise argparse.ArgumentTypeError("write a whole number from 1 to 9999999")
    return int(text)
