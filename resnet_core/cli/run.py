"""run: train a net and its twin, by the engine and into the database that the app shows."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from resnet_core.folder import data_folder

from .nets import UsageError, naming, read_net
from .options import FINE, INTERRUPTED, NET, RUN_FAILED, shape
from .show import printable, show, show_json
from .training import model_values, open_engine, result_table, sentences, user
from .watch import Display

POLL_S = 0.2
METAVARS = {int: "N", float: "X", str: "KEY"}
#: how a run ends -> exit code
EXITS = {"stopped": INTERRUPTED, "failed": RUN_FAILED, "interrupted": RUN_FAILED}


def arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("net", help=NET)
    p.add_argument("--input", type=shape, metavar="CxHxW", help="other input than the net's")
    for field, (option, kind, text) in OPTIONS.items():
        p.add_argument(option, dest=field, type=kind, metavar=METAVARS[kind], help=text)
    p.add_argument(
        "--seeds", type=int, default=1, metavar="N", help=f"repeat with N seeds, up to {MOST_SEEDS}"
    )


def run(args: argparse.Namespace) -> int:
    """Queues the run, shows how it goes, and ends with what it shows. Ctrl-C stops it softly."""
    from resnet_core.estimate import check_fits, estimate
    from resnet_core.runs.run import EngineError

    config = _config(args)
    engine, by = open_engine(), user()
    try:
        check_fits(config, estimate(config, engine.speed(config.device)))
        with _interrupts() as asked_to_stop:  # from here on: a run may be queued at any moment
            ids = _submit(engine, config, args.seeds, by)
            runs = _follow(engine, ids, by, Display(args.json), asked_to_stop)
        _report(engine, runs, args.json)
    except EngineError as e:
        print(f"resnet_core: {printable(str(e))}", file=sys.stderr)
        return RUN_FAILED
    finally:
        engine.close()
    codes = {EXITS.get(run.ended, FINE) for run in runs}
    return next(code for code in (RUN_FAILED, INTERRUPTED, FINE) if code in codes)


def _config(args: argparse.Namespace):
    """The run that was asked for. Raises SpecError or UsageError if this machine cannot do it."""
    from resnet_core.data import dataset_row
    from resnet_core.devices import available_devices, check_device
    from resnet_core.resolve import blocks_of
    from resnet_core.run_config import RunConfig
    from resnet_core.twins import pair_of

    if not 1 <= args.seeds <= MOST_SEEDS:
        raise UsageError(f"--seeds: write a number from 1 to {MOST_SEEDS}.")
    if args.seconds is not None and args.steps is not None:
        raise UsageError("--seconds, --steps: a run is limited by one of them. Leave one out.")
    given = {field: getattr(args, field) for field in OPTIONS}
    given = {field: value for field, value in given.items() if value is not None}
    given.setdefault("device", available_devices()[0][0])
    if problem := dataset_row(given.get("dataset", "digits")).available():
        raise UsageError(problem)
    with naming(args.net):
        net = read_net(args.net)
        if args.input:
            net = replace(net, input_shape=args.input)
        blocks_of(net)
    config = RunConfig(net=net, **given)
    check_device(config.device, config.precision, config.fast_path)
    with naming(args.net):
        pair_of(config)  # with the classes of the data
    return config


def _submit(engine, config, count: int, by) -> list[int]:
    from resnet_core.series import seeds

    engine.start()
    request = uuid.uuid4().hex
    if count == 1:
        return [engine.submit(config, request, by)]
    return engine.submit_series(seeds(config, count), request, by)


def _follow(engine, ids: list[int], by, display: Display, asked_to_stop: threading.Event) -> list:
    """The runs when all are over. The first Ctrl-C asks them to stop, a second one leaves them."""
    from resnet_core.runs.supervision import Trouble

    said, trouble = False, Trouble()
    with display:
        while True:
            engine.start()  # as a page does: a supervisor that died is started again
            runs = [_run(engine, run_id) for run_id in ids]
            for run in runs:
                display.show(run, engine.records(run.id) if run.state != "queued" else [])
            if all(run.is_over for run in runs):
                return runs
            _check_that_they_can_start(engine, runs, by, trouble)
            if asked_to_stop.wait(POLL_S) and not said:
                said = True
                display.say("Stopping; what is recorded is kept. Ctrl-C again leaves at once.")
                _stop(engine, runs, by)
            elif said:
                time.sleep(POLL_S)


def _check_that_they_can_start(engine, runs: list, by, trouble) -> None:
    """Raises EngineError if all still wait, and for long nothing could be trained here.

    None is left behind.
    """
    from resnet_core.runs.run import EngineError

    if any(run.state != "queued" for run in runs):
        return
    problem = engine.problem()
    if trouble.lasts(problem, time.monotonic()):
        with suppress(EngineError):
            _stop(engine, runs, by)
        raise EngineError(problem)


def _stop(engine, runs: list, by) -> None:
    """Those that are not over, each of them; then raises EngineError if one of them could not."""
    from resnet_core.runs.run import EngineError

    failed = None
    for run in runs:
        try:
            if not run.is_over:
                engine.stop(run.id, by)
        except EngineError as e:
            failed = failed or e
    if failed:
        raise failed


def _run(engine, run_id: int):
    from resnet_core.runs.run import EngineError

    if (run := engine.run(run_id)) is None:
        raise EngineError(f"Run {run_id} is gone: somebody removed it.")
    return run


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C, which then disturbs nothing half done; the next one ends all."""
    asked = threading.Event()

    def heard(number, frame) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, heard)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def _report(engine, runs: list, as_json: bool) -> None:
    from resnet_core.data import adaptations

    records = [engine.records(run.id) for run in runs]
    if as_json:
        values = [_value(*pair) for pair in zip(runs, records)]
        show_json({"data_folder": str(data_folder()), "runs": values})
        return
    show(*(result_table(*pair) for pair in zip(runs, records)))
    for run, curves in zip(runs, records):
        print()
        if len(runs) > 1:
            print(f"{run.series.label}:")
        for sentence in sentences(run, curves):
            print(printable(sentence))
    if changes := adaptations(runs[0].config.net, runs[0].config.dataset):
        print(f"\nFor the data: {', '.join(changes)}.")
    print(
        f"\nThe curves: `streamlit run explorer/app.py`, then http://localhost:8501/?run={runs[-1].id}"
        f" (data folder {data_folder()})"
    )


def _value(run, records: list) -> dict:
    config = run.resolved.config if run.resolved else run.config
    return {
        "id": run.id,
        "ended": run.ended,
        "reason": run.reason,
        "sentence": run.sentence,
        "elapsed_s": run.elapsed_s,
        "device": run.resolved.device if run.resolved else None,
        "config": json.loads(config.to_json()),
        "nets": model_values(run, records),
        "verdict": sentences(run, records),
    }


MOST_SEEDS = 8  # as many as one person may have in the queue
#: field of RunConfig that can be given -> (its option, type, help)
OPTIONS = {
    "seconds": ("--seconds", int, "time budget of the training, instead of steps"),
    "steps": ("--steps", int, "default: 120"),
    "lr": ("--lr", float, "learning rate at its peak (default: 0.02)"),
    "batch_size": ("--batch", int, "images in a batch (default: 64)"),
    "seed": ("--seed", int, "default: 0"),
    "dataset": ("--dataset", str, "`data` lists them (default: digits)"),
    "augment": ("--augment", str, "none (default), shift, or 'flip + shift'"),
    "device": ("--device", str, "cpu, cuda:0, mps (default: the best there is)"),
    "precision": ("--precision", str, "float32 (default), tf32, mixed"),
    "optimizer": ("--optimizer", str, "sgd (default), adamw"),
    "schedule": ("--schedule", str, "of the learning rate: constant (default), cosine, one-cycle"),
    "warmup": ("--warmup", int, "steps in which the learning rate rises (default: 0)"),
    "weight_decay": ("--weight-decay", float, "default: 0.0001"),
    "clip": ("--clip", float, "largest norm of the gradient that is let through"),
}
