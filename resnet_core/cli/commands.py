"""What can be written on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from . import check, compare, count, data, export, presets, runs
from . import run as run_command
from .options import CODES


def parser() -> argparse.ArgumentParser:
    codes = "\n".join(f"  {code:<4} {when}" for code, when in CODES.items())
    main = argparse.ArgumentParser(
        prog="python -m resnet_core",
        description="Residual networks as data: count, export, compare, check and train them.",
        epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands_of = main.add_subparsers(metavar="command", required=True)
    for name, row in COMMANDS.items():
        one = commands_of.add_parser(name, help=row.help, description=row.help)
        row.arguments(one)
        one.add_argument("--json", action="store_true", help="print one JSON value instead")
        one.set_defaults(run=row.run)
    return main


@dataclass(frozen=True)
class Command:
    """A row of COMMANDS."""

    help: str
    arguments: Callable  # (parser) -> None, adds them
    run: Callable  # (parsed arguments) -> exit code


COMMANDS = {
    "count": Command("parameters, MACs, depth and memory", count.arguments, count.run),
    "export": Command("write a net to a file", export.arguments, export.run),
    "compare": Command("what one net costs more", compare.arguments, compare.run),
    "presets": Command("list the nets with a name", presets.arguments, presets.run),
    "run": Command("train a net beside its twin", run_command.arguments, run_command.run),
    "runs": Command("list what was trained on this machine", runs.arguments, runs.run),
    "data": Command("list, get and add sets of images", data.arguments, data.run),
    "check": Command("can these nets be built?", check.arguments, check.run),
}
