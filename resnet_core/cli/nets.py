"""What a user wrote -> NetSpec, and rows of tables by their keys."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from resnet_core.presets import PRESETS
from resnet_core.spec import MAX_JSON, NetSpec, SpecError

#: endings of files that hold weights
WEIGHTS = (".pth", ".pt", ".safetensors")


class UsageError(Exception):
    """A sentence: what was asked for does not exist."""


def checked_net(text: str, args: argparse.Namespace) -> NetSpec:
    """The net that `text` names, with the input and classes of the options; it can be built.

    Raises SpecError otherwise, and UsageError or OSError where there is nothing to read.
    """
    from resnet_core.resolve import blocks_of  # imports torch

    with naming(text):
        net = read_net(text)
        options = {"input_shape": args.input, "num_classes": args.classes}
        net = replace(net, **{name: value for name, value in options.items() if value is not None})
        blocks_of(net)
    return net


@contextmanager
def naming(text: str):
    """Says of a SpecError which net it is about."""
    try:
        yield
    except SpecError as e:
        e.add_note("standard input" if text == "-" else text)
        raise


def read_net(text: str) -> NetSpec:
    """A preset, else the spec in a file or on standard input, or what a checkpoint's keys tell."""
    if text in PRESETS:
        return PRESETS[text].net
    if Path(text).suffix.lower() in WEIGHTS:
        from resnet_core.checkpoints import infer, read  # imports torch

        found = infer(read(Path(text)))
        for assumed in found.assumptions:
            print(f"Assumed: {assumed}", file=sys.stderr)
        return found.net
    try:
        return NetSpec.from_json(_contents(text).decode("utf-8-sig"))
    except UnicodeDecodeError as e:
        remedy = "Give a spec, as `export --to json` writes it"
        raise SpecError("spec", "this is not text", remedy) from e


def _contents(text: str) -> bytes:
    most = 4 * MAX_JSON + 8  # bytes: more than any text that from_json reads
    if text == "-":
        return sys.stdin.buffer.read(most) if sys.stdin else b""
    try:
        with Path(text).open("rb") as file:
            return file.read(most)
    except FileNotFoundError as e:
        if Path(text).suffix:
            raise
        near = " or ".join(get_close_matches(text, PRESETS, n=3))
        hint = f"Did you mean {near}?" if near else "`presets` lists all that there are."
        raise UsageError(f"There is no preset {text!r:.80}. {hint}") from e


def pick_row(table: dict, option: str, key: str):
    """The row of a table. Raises UsageError with the keys for one that it does not have."""
    if key not in table:
        raise UsageError(f"{option}: there is no {key!r:.40}. Use one of {', '.join(table)}.")
    return table[key]
