"""export: a net as a file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .nets import UsageError, checked_net, pick_row
from .options import FINE, NET, input_arguments
from .show import show_json


def arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("net", help=NET)
    p.add_argument(
        "--to",
        metavar="KIND",
        help="py, py-training, onnx, json, csv, markdown (md), latex (tex), dot, svg, pdf; "
        "left out, the end of FILE decides",
    )
    p.add_argument("-o", "--output", metavar="FILE", help="left out, standard output")
    p.add_argument(
        "--open",
        default="net",
        metavar="DEPTH",
        help="how far dot, svg and pdf are opened: net (default), stages, blocks, layers",
    )
    p.add_argument("--slide", action="store_true", help="svg, pdf: 16:9, in several columns")
    p.add_argument("--dark", action="store_true", help="svg, pdf: for a dark slide or page")
    input_arguments(p)


def run(args: argparse.Namespace) -> int:
    """A file of one of the kinds of export.EXPORTS, or the same on standard output."""
    from resnet_core.export import EXPORTS
    from resnet_core.export import export as exported
    from resnet_core.graph import trace
    from resnet_core.picture import Frame, openable

    if args.json and not args.output:
        raise UsageError("--json tells about a file. Name it with -o.")
    kind = _kind(args, EXPORTS)
    if (args.slide or args.dark) and not EXPORTS[kind].is_framed:
        raise UsageError(f"--slide and --dark are for svg and pdf, not for {kind}.")
    graph = trace(checked_net(args.net, args))
    opened = pick_row(openable(graph), "--open", args.open)
    frame = Frame(opened, shape="slide" if args.slide else "page", dark=args.dark)
    data = exported(graph, kind, frame)
    if args.output:
        Path(args.output).write_bytes(data)
        if args.json:
            show_json({"file": args.output, "kind": kind, "bytes": len(data)})
    elif sys.stdout is not None:
        if EXPORTS[kind].mime in BINARY and sys.stdout.isatty():
            raise UsageError(f"{EXPORTS[kind].title} is no text. Name a file with -o.")
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    return FINE


def _kind(args: argparse.Namespace, exports: dict) -> str:
    """The key that --to means, or the end of the file's name."""
    if not (args.to or args.output):
        raise UsageError(f"Say what to write with --to: {', '.join(exports)}.")
    ends = {row.suffix.lstrip("."): key for key, row in exports.items()}
    wanted = args.to or Path(args.output).suffix.lstrip(".")
    key = ends.get(wanted, wanted)
    pick_row(exports, "--to", key)
    return key


#: MIME types that no terminal shows
BINARY = ("application/octet-stream", "application/pdf")
