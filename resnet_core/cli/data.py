"""data: the sets of images that can be trained on; getting and adding some."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from resnet_core.units import shape

from .nets import UsageError, pick_row
from .options import FINE
from .show import Table, number, show, show_json


def arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=ACTIONS,
        help="list (default); download KEY; add FOLDER or ZIP; remove NAME",
    )
    p.add_argument("what", nargs="?", help="the key, folder, zip or name of the action")
    p.add_argument("--from", dest="folder", metavar="FOLDER", help="download: archives lie there")
    p.add_argument("--name", help="add: how the images are to be called")
    p.add_argument("--side", type=int, default=32, metavar="N", help="add: pixels (default: 32)")


def run(args: argparse.Namespace) -> int:
    """What can be trained on. In a folder or zip of images each class has a folder of its own."""
    if args.action != "list" and not args.what:
        raise UsageError(f"data {args.action}: say what. `data --help` tells.")
    return ACTIONS[args.action](args)


def _list(args: argparse.Namespace) -> int:
    from resnet_core.data import datasets

    rows = datasets()
    if args.json:
        show_json(
            [
                {
                    "key": key,
                    "title": row.title,
                    "source": row.source,
                    "shape": row.shape,
                    "classes": row.classes,
                    "num_train": row.num_train,
                    "num_test": row.num_test,
                    "missing": row.available(),
                }
                for key, row in rows.items()
            ]
        )
        return FINE
    problems = {key: row.available() for key, row in rows.items()}
    table = [
        (
            key,
            row.title,
            shape(row.shape),
            number(len(row.classes)),
            number(row.num_train),
            number(row.num_test),
            "no" if problems[key] else "yes",
        )
        for key, row in rows.items()
    ]
    headings = ("data set ", "title ", "image ", "classes", "training", "held out", "here ")
    show(Table(f"{len(rows)} sets of images", headings, table))
    for problem in filter(None, problems.values()):
        print(problem)
    return FINE


def _download(args: argparse.Namespace) -> int:
    from resnet_core.data import ORIGINALS, download
    from resnet_core.data.originals import install, own_file

    row = pick_row(ORIGINALS, "data download", args.what)
    if args.folder and not own_file(args.what).exists():
        install(args.what, Path(args.folder))
    else:
        with progress(args.json, row.title, "download") as report:
            download(args.what, report)
    return _said(args.json, args.what, str(own_file(args.what)))


def _add(args: argparse.Namespace) -> int:
    from resnet_core.data import add_images
    from resnet_core.data.images import PREFIX, file_of

    if not args.name:
        raise UsageError("data add: say with --name how the images are to be called.")
    with progress(args.json, args.name, "count") as report:
        key = add_images(Path(args.what), args.name, args.side, report)
    return _said(args.json, key, str(file_of(key.removeprefix(PREFIX))))


def _remove(args: argparse.Namespace) -> int:
    from resnet_core.data import remove_images
    from resnet_core.data.images import PREFIX, file_of

    name = args.what.removeprefix(PREFIX)
    path = file_of(name)
    if not path.exists():
        raise UsageError(f"data remove: there are no images called {name}.")
    remove_images(name)
    return _said(args.json, None, str(path))


def _said(as_json: bool, key: str | None, file: str) -> int:
    if as_json:
        show_json({"dataset": key, "file": file})
    elif key:
        print(f"Train on it with --dataset {key}. The images are in {file}")
    else:
        print(f"Removed {file}")
    return FINE


class progress:
    """A bar on standard error while this goes on; `with` gives report(done, all)."""

    def __init__(self, quiet: bool, title: str, kind: str):
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress

        console = Console(file=sys.stderr)
        amounts = DownloadColumn() if kind == "download" else MofNCompleteColumn()
        off = quiet or not console.is_terminal
        self.bar = Progress(BarColumn(), amounts, console=console, disable=off)

    def __enter__(self):
        self.bar.start()
        task = self.bar.add_task("", total=None)
        return lambda done, size: self.bar.update(task, completed=done, total=size)

    def __exit__(self, *error) -> None:
        self.bar.stop()


ACTIONS = {"list": _list, "download": _download, "add": _add, "remove": _remove}
