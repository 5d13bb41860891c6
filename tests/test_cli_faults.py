"""`python -m resnet_core run` where things go wrong around it, not in its net."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from engines import FAKE, engine_in

from resnet_core.cli.options import CLOSED_PIPE, INTERRUPTED, RUN_FAILED
from resnet_core.presets import digits
from resnet_core.runs import supervision
from resnet_core.runs.run import EngineError
from resnet_core.runs.supervision import Trouble

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


NO_START = "Training cannot start here."


def test_runs_that_nobody_will_start_are_taken_back_and_it_is_said(run, engine, monkeypatch):
    """The supervisor fails after they were queued: a script would wait for ever."""
    said, stop = iter([None]), engine.stop

    def stop_but_the_first(run_id, by):
        if run_id == 1:
            raise EngineError("Run 1 cannot be stopped: the database is locked.")
        stop(run_id, by)

    monkeypatch.setattr(supervision, "LASTS_S", 0.1)
    monkeypatch.setattr(engine, "start", lambda: None)
    monkeypatch.setattr(engine, "stop", stop_but_the_first)
    monkeypatch.setattr(engine, "problem", lambda: next(said, NO_START))
    code, out, err = run(*ARGV, "9", "--seeds", "3")
    assert (code, out) == (RUN_FAILED, "") and NO_START in err
    *others, first = engine.runs()
    assert first.state == "queued"
    assert {(found.ended, found.sentence) for found in others} == {
        ("stopped", "Taken out of the queue.")
    }


def test_a_run_waits_for_a_supervisor_that_fails_once(run, engine, monkeypatch, tmp_path):
    said, start = [NO_START, NO_START, None], engine.start
    monkeypatch.setattr(engine, "start", lambda: None if said else start())
    monkeypatch.setattr(engine, "problem", lambda: said.pop() if said else None)
    net = tmp_path / "net.json"
    net.write_text(digits(8).to_json())
    code, out, err = run("run", str(net), "--device", "cpu", "--steps", "3")
    assert (code, said) == (0, []), err
    assert "All 3 steps are done." in out


def test_a_problem_lasts_if_it_comes_back_with_every_supervisor():
    trouble = Trouble()
    once = [trouble.lasts("it fails", now) for now in (0.0, 1.0, 2.9)]
    assert not any(once) and not trouble.lasts(None, 3.0)  # the next one is being started
    assert not trouble.lasts("it fails", 3.5) and not trouble.lasts(None, 6.5)
    assert not trouble.lasts("it fails", 7.0) and trouble.lasts("it fails", 9.5)
    assert not trouble.lasts(None, 10.0)
    assert not trouble.lasts("it fails", 60.0)  # one had lived in between


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
