"""check: can these nets be built?"""

from __future__ import annotations

import argparse
from dataclasses import asdict

from resnet_core.spec import SpecError

from .nets import read_net
from .options import CANNOT_BE_BUILT, FINE, NET
from .show import printable, show_json


def arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("nets", nargs="+", metavar="net", help=NET)


def run(args: argparse.Namespace) -> int:
    """Whether each net can be built; if not, where, why and what would do."""
    results = {text: _checked(text) for text in args.nets}
    if args.json:
        show_json([{"net": text, **result} for text, result in results.items()])
    else:
        for text, result in results.items():
            print(printable(f"{text}: {result.get('sentence', 'can be built')}"))
            for repair in result.get("repairs", ()):
                print("  would do:", " and ".join([repair["title"], *repair["also"]]))
    return FINE if all(result["ok"] for result in results.values()) else CANNOT_BE_BUILT


def _checked(text: str) -> dict:
    from resnet_core.repairs import repairs
    from resnet_core.resolve import blocks_of

    net = None
    try:
        net = read_net(text)
        blocks_of(net)
    except SpecError as e:
        found = repairs(net, e) if net else ()  # what is no spec at all has none
        return {
            "ok": False,
            "sentence": str(e),
            "where": e.where,
            "problem": e.problem,
            "remedy": e.remedy,
            "repairs": [asdict(repair) for repair in found],
        }
    return {"ok": True}
