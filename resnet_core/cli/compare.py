"""compare: what one net costs more than another."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from .nets import checked_net
from .options import FINE, NET, THEY_DIFFER, batch_argument, input_arguments
from .show import Table, amount, show, show_json, signed


def arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("before", help=NET)
    p.add_argument("after", help=NET)
    input_arguments(p)
    batch_argument(p)
    p.add_argument(
        "--exit-code", action="store_true", help=f"exit with {THEY_DIFFER} if the nets differ"
    )


def run(args: argparse.Namespace) -> int:
    """What the second net costs more than the first, in all and part by part."""
    from resnet_core.compare import differences
    from resnet_core.graph import trace

    graphs = [trace(checked_net(text, args)) for text in (args.before, args.after)]
    found = differences(*graphs, args.batch)
    if args.json:
        show_json(_value(graphs, found))
    else:
        show(*_tables(graphs, found))
    return THEY_DIFFER if args.exit_code and not found.is_same else FINE


def _value(graphs: list, found) -> dict:
    def rows(differences):
        return [{**asdict(d), "change": d.change, "percent": d.percent} for d in differences]

    return {
        "before": graphs[0].net.name,
        "after": graphs[1].net.name,
        "is_same": found.is_same,
        **asdict(found),
        "totals": rows(found.totals),
        "parts": rows(found.parts),
    }


def _tables(graphs: list, found) -> list[Table]:
    headings = ("before", "after", "change", "percent")
    title = f"{graphs[0].net.name} → {graphs[1].net.name}, memory at batch {found.batch_size:,}"
    tables = [
        Table(title, ("quantity ", *headings), _rows(found.totals)),
        Table("Part by part", ("part ", *headings, "unit "), _rows(found.parts, True)),
    ]
    if found.settings:
        rows = [(s.where, str(s.before), str(s.after)) for s in found.settings]
        tables.append(Table("What is set differently", ("setting ", "before ", "after "), rows))
    return tables


def _rows(found, with_unit: bool = False) -> list[tuple[str, ...]]:
    return [
        (
            d.what,
            amount(d.before, d.unit),
            amount(d.after, d.unit),
            signed(d.change, d.unit),
            "" if d.percent is None else f"{d.percent:+.1f} %" if d.change else "0 %",
            *([d.unit] if with_unit else []),
        )
        for d in found
    ]
