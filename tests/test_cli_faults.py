"""`python -m resnet_core run` where things go wrong around it, not in its net."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from engines import FAKE, engine_in

from resnet_core.cli.options import CLOSED_PIPE, INTERRUPTED, RUN_FAILED

ROOT = Path(__file__).resolve().parents[1]
ARGV = ("run", "digits20", "--device", "cpu", "--steps")


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """The one that the command line opens, with a trainer that needs no torch."""
    monkeypatch.setenv("RESIDUAL_EXPLORER_DATA", str(tmp_path / "data"))
    with engine_in(tmp_path / "data", FAKE) as engine:
        monkeypatch.setattr(engine, "close", lambda: None)
        monkeypatch.setattr("resnet_core.cli.run.open_engine", lambda: engine)
        yield engine


def test_ctrl_c_in_the_moment_of_queueing_leaves_no_run_behind(run, engine, monkeypatch):
    submit = engine.submit

    def interrupted(*args):
        run_id = submit(*args)
        os.kill(os.getpid(), signal.SIGINT)
        return run_id

    monkeypatch.setattr(engine, "submit", interrupted)
    code, _, err = run(*ARGV, "20000")
    assert code == INTERRUPTED and "Stopping" in err
    (found,) = engine.runs()
    assert found.ended == "stopped"


def test_a_run_that_nobody_will_start_is_taken_back_and_it_is_said(run, engine, monkeypatch):
    """The supervisor fails after the run was queued: a script would wait for ever."""
    said = iter([None])
    monkeypatch.setattr(engine, "start", lambda: None)
    monkeypatch.setattr(engine, "problem", lambda: next(said, "Training cannot start here."))
    code, out, err = run(*ARGV, "9")
    assert (code, out) == (RUN_FAILED, "") and "Training cannot start here." in err
    (found,) = engine.runs()
    assert (found.ended, found.sentence) == ("stopped", "Taken out of the queue.")


def test_whoever_stops_reading_ends_it_without_a_word(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "resnet_core", "runs", "--json"],
        cwd=ROOT,
        env=os.environ | {"RESIDUAL_EXPLORER_DATA": str(tmp_path)},
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (CLOSED_PIPE, b"")
