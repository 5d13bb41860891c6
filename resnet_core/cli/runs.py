"""runs: what has been trained on this machine, here or in the app."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime

from resnet_core.folder import data_folder

from .options import FINE, RUN_FAILED
from .show import Table, number, printable, show, show_json
from .training import open_engine


def arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("--last", type=int, default=20, metavar="N", help="default: 20")


def run(args: argparse.Namespace) -> int:
    """The newest runs first."""
    from resnet_core.runs.run import EngineError

    engine = open_engine()
    try:
        if problem := engine.problem():
            raise EngineError(problem)
        runs = engine.runs(max(1, min(args.last, 1000)))
    except EngineError as e:
        print(f"resnet_core: {printable(str(e))}", file=sys.stderr)
        return RUN_FAILED
    finally:
        engine.close()
    if any(not run.is_over for run in runs) and not _are_minded():
        print(f"resnet_core: {UNMINDED}", file=sys.stderr)
    if args.json:
        show_json([_value(run) for run in runs])
        return FINE
    headings = ("run", "net ", "data ", "steps", "state ", "queued ", "by ", "what happened ")
    title = f"{len(runs):,} run{'' if len(runs) == 1 else 's'} in {data_folder()}"
    show(Table(title, headings, [_row(run) for run in runs]))
    return FINE


def _are_minded() -> bool:
    from resnet_core.runs.locks import Lock

    return Lock(data_folder() / "supervisor.lock").is_held()


def _value(run) -> dict:
    return {
        "id": run.id,
        "net": run.config.net.name,
        "dataset": run.config.dataset,
        "steps": [model.steps_done for model in run.models],
        "total_steps": run.total_steps,
        "state": run.state,
        "ended": run.ended,
        "reason": run.reason,
        "sentence": run.sentence,
        "queued_at": run.queued_at,
        "elapsed_s": run.elapsed_s,
        "owner": run.owner,
        "series": run.series.id if run.series else None,
    }


def _name(run) -> str:
    """Of the net, with what tells a run of a series from the others, which its net may say too."""
    name = run.config.net.name
    if run.series is None:
        return name[:40]
    told = f", {run.series.label}"
    return name.removesuffix(told)[:40] + told


def _row(run) -> tuple[str, ...]:
    return (
        str(run.id),
        printable(_name(run)),
        run.config.dataset,
        number(max((model.steps_done for model in run.models), default=0)),
        run.ended or run.state,
        datetime.fromtimestamp(run.queued_at).strftime("%Y-%m-%d %H:%M"),
        printable(run.owner[:20]),
        printable(run.sentence),
    )


UNMINDED = (
    "Nothing minds the runs that are not over: queued ones wait, and one that died, as when the "
    "machine started anew, is still listed as if it lived. Open the app, or start another run."
)
