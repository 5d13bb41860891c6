"""presets: the nets with a name. Imports no torch unless it counts."""

from __future__ import annotations

import argparse

from resnet_core.presets import PRESETS

from .options import FINE
from .show import Table, number, show, show_json


def arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("search", nargs="*", help="words that name, family or source contain")
    p.add_argument("--counts", action="store_true", help="with depth, parameters and MACs")


def run(args: argparse.Namespace) -> int:
    """The nets with a name, by family; only those that contain every word of the search."""
    found = {
        key: row
        for key, row in PRESETS.items()
        if all(
            word.lower() in f"{key} {row.net.name} {row.family} {row.source}".lower()
            for word in args.search
        )
    }
    counts = {key: _counts(row.net) if args.counts else {} for key, row in found.items()}
    if args.json:
        show_json(
            [
                {"key": key, "name": row.net.name, "family": row.family, "source": row.source}
                | counts[key]
                for key, row in found.items()
            ]
        )
        return FINE
    columns = ("depth", "params", "macs") if args.counts else ()
    rows = [
        (row.family, key, row.net.name, *(number(counts[key][c]) for c in columns), row.source)
        for key, row in found.items()
    ]
    headings = ("family ", "preset ", "net ", *columns, "source ")
    show(Table(f"{len(rows):,} of {len(PRESETS):,} presets", headings, rows))
    return FINE


def _counts(net) -> dict[str, int]:
    from resnet_core.graph import trace

    graph = trace(net)
    return {"depth": graph.depth, "params": graph.params, "macs": graph.macs}
