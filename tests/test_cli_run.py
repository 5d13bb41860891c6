"""`python -m resnet_core run, runs, data`: the same engine and database as the app's."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from engines import FAKE, engine_in, kill, processes_of, wait_for
from test_images import good, unzipped

from resnet_core.cli.options import CANNOT_BE_BUILT, CODES, INTERRUPTED, RUN_FAILED
from resnet_core.data import AUGMENTATIONS
from resnet_core.optimizers import OPTIMIZERS
from resnet_core.precisions import PRECISIONS
from resnet_core.presets import digits
from resnet_core.run_config import RunConfig
from resnet_core.runs.locks import Lock
from resnet_core.schedules import SCHEDULES

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """The one that the command line opens, with a trainer that does as the net's name says."""
    monkeypatch.setenv("RESIDUAL_EXPLORER_DATA", str(tmp_path / "data"))
    with engine_in(tmp_path / "data", FAKE) as engine:
        monkeypatch.setattr(engine, "close", lambda: None)
        for command in ("run", "runs"):
            monkeypatch.setattr(f"resnet_core.cli.{command}.open_engine", lambda: engine)
        yield engine


@pytest.fixture
def spec(tmp_path):
    """spec("1:raise@3") -> a file with a net of that name."""

    def write(behaviour: str) -> str:
        path = tmp_path / "net.json"
        path.write_text(replace(digits(8), name=behaviour).to_json())
        return str(path)

    return write


def test_a_run_is_trained_told_and_listed(run, engine, spec):
    code, out, err = run("run", spec("plain words"), "--steps", "9", "--device", "cpu")
    assert code == 0
    assert "Run 1: All 9 steps are done." in out and "/?run=1" in out
    assert 1 <= err.count("Run 1: ") <= 5  # each state that it saw, once
    (known,) = engine.runs()
    assert known.config.steps == 9 and known.owner.startswith("shell:")
    code, out, _ = run("runs")
    assert code == 0 and "1 run in" in out and "plain words" in out and "shell:" in out
    (row,) = json.loads(run("runs", "--json")[1])
    assert (row["id"], row["steps"], row["ended"]) == (1, [9, 9], "steps")


def test_json_is_one_object_on_standard_output_and_nothing_else(run, engine, spec):
    argv = ("--steps", "8", "--lr", "0.5", "--batch", "16", "--seed", "3", "--device", "cpu")
    code, out, err = run("run", spec("a"), *argv, "--seeds", "2", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    first, second = found["runs"]
    assert [r["config"]["seed"] for r in (first, second)] == [3, 4]
    assert (first["config"]["lr"], first["config"]["batch_size"]) == (0.5, 16)
    net, twin = first["nets"]
    assert (net["role"], net["steps"], net["loss"]) == ("net", 8, 7)
    assert (twin["loss"], twin["first_gradient"], twin["last_gradient"]) == (7.5, 71, 72)
    assert net["held_out_accuracy"] == 0.5 and first["verdict"]
    assert len(engine.series(engine.run(1).series.id)) == 2


@pytest.mark.parametrize("seeds", ["1", "2"])
def test_what_does_not_fit_the_machine_is_refused_before_it_is_queued(
    run, engine, spec, monkeypatch, seeds
):
    monkeypatch.setattr("resnet_core.estimate.free_bytes", lambda device: 10**8)
    argv = ("--steps", "9", "--device", "cpu", "--seeds", seeds)
    code, out, err = run("run", spec("plain words"), *argv)
    assert (code, out) == (CANNOT_BE_BUILT, "") and engine.runs() == []
    assert "the net and its twin need about 0." in err and "0.1 GiB are free. Use a smaller" in err


def test_a_run_that_fails_says_why_and_exits_so(run, engine, spec):
    code, out, _ = run("run", spec("0:raise@3 1:raise@3"), "--steps", "9", "--device", "cpu")
    assert code == RUN_FAILED and code in CODES
    assert "stopped with an error" in out and "Traceback" not in out


def test_a_net_that_diverges_is_a_result(run, engine, spec):
    argv = ("--steps", "9", "--device", "cpu", "--json")
    code, out, _ = run("run", spec("1:diverge@4"), *argv)
    assert code == 0
    twin = json.loads(out)["runs"][0]["nets"][1]
    assert (twin["ended"], twin["loss"]) == ("diverged", None)  # NaN is no JSON
    assert twin["diverged_at"] == "stage1.1.residual.conv2"


def test_ctrl_c_stops_the_run_softly(run, engine, spec):
    def interrupt():
        wait_for(lambda: engine.runs() and engine.runs()[0].models and engine.records(1))
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    argv = ("--steps", "10000", "--device", "cpu")
    code, out, err = run("run", spec("step=0.02"), *argv)
    thread.join()
    assert code == INTERRUPTED
    assert "Stopping; what is recorded is kept" in err and "Run 1: Stopped." in out
    assert engine.run(1).ended == "stopped" and len(engine.records(1)[0].steps) > 0


WRONG = {  # command line, exit code, words of the sentence
    "lr": (["digits20", "--lr", "nan"], 1, "Lr: nan will not do"),
    "steps": (["digits20", "--steps", "0"], 1, "Steps: 0 will not do"),
    "no number": (["digits20", "--steps", "x"], 2, "invalid int value"),
    "data": (["digits20", "--dataset", "mnist"], 1, "Use one of digits, shapes"),
    "missing": (["digits20", "--dataset", "cifar10"], 2, "data download cifar10"),
    "images": (["digits20", "--dataset", "images:pets"], 2, "no images called pets"),
    "optimizer": (["digits20", "--optimizer", "adam"], 1, "Use one of sgd"),
    "device": (["digits20", "--device", "cuda:9"], 1, "there is no cuda:9 here. Use "),
    "seeds": (["digits20", "--seeds", "0"], 2, "--seeds: write a number from 1 to 8"),
    "budget": (["digits20", "--seconds", "5", "--steps", "10"], 2, "limited by one of them"),
    "net": (["digits21"], 2, "There is no preset 'digits21'"),
    "too small": (["digits20", "--input", "1x0x8"], 1, "0 is out of range"),
}


@pytest.mark.parametrize(("argv", "code", "words"), WRONG.values(), ids=WRONG)
def test_a_run_that_cannot_be_is_a_sentence_and_starts_nothing(
    argv, code, words, run, tmp_path, monkeypatch
):
    monkeypatch.setenv("RESIDUAL_EXPLORER_DATA", str(tmp_path / "data"))
    found, out, err = run("run", *argv)
    assert (found, out) == (code, "") and words in err and "Traceback" not in err
    assert not (tmp_path / "data").exists()


def test_a_folder_that_takes_nothing_is_a_sentence(run, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RESIDUAL_EXPLORER_DATA", str(tmp_path / "file"))
    for argv in (["run", "digits20", "--device", "cpu"], ["runs"]):
        code, out, err = run(*argv)
        assert (code, out) == (RUN_FAILED, "") and str(tmp_path / "file") in err


def test_the_help_names_every_choice_of_a_run(run):
    _, out, _ = run("run", "--help")
    words = "".join(out.split())  # argparse breaks lines at hyphens, too
    tables = (AUGMENTATIONS, OPTIMIZERS, PRECISIONS, SCHEDULES)
    keys = [key.replace(" ", "") for table in tables for key in table]
    assert [key for key in keys if key not in words] == []


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RESIDUAL_EXPLORER_DATA", str(tmp_path / "data"))
    return tmp_path


def test_data_lists_what_is_here_and_why_the_rest_is_not(run, folder):
    code, out, _ = run("data")
    assert code == 0 and "digits" in out and "data download cifar10" in out
    rows = {row["key"]: row for row in json.loads(run("data", "--json")[1])}
    assert rows["shapes"]["missing"] is None and rows["shapes"]["shape"] == [3, 16, 16]
    assert rows["fashion"]["missing"].startswith("Fashion-MNIST, 28×28 is not on this machine.")


def test_images_are_added_and_removed(run, folder):
    source = unzipped(good(), folder / "my")
    code, out, _ = run("data", "add", str(source), "--name", "pets", "--side", "8")
    assert code == 0 and "--dataset images:pets" in out
    assert "images:pets" in run("data")[1]
    code, out, _ = run("data", "remove", "images:pets", "--json")
    assert code == 0 and json.loads(out)["dataset"] is None
    assert "images:pets" not in run("data")[1]


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["add"], 2, "data add: say what"),
        (["add", "here"], 2, "say with --name"),
        (["add", "no-such-folder", "--name", "x"], 1, "no-such-folder: No such file"),
        (["download", "imagenet"], 2, "Use one of cifar10, cifar100, fashion"),
        (["download", "cifar10", "--from", "no-such-folder"], 1, "cifar-10-binary.tar.gz cannot"),
        (["remove", "pets"], 2, "there are no images called pets"),
        (["remove", "../x"], 1, "images cannot be called '../x'"),
        (["explode"], 2, "invalid choice"),
    ],
)
def test_a_wrong_word_about_data_is_a_sentence(argv, code, words, run, folder):
    found, out, err = run("data", *argv)
    assert (found, out) == (code, "") and words in err and "Traceback" not in err


def test_runs_that_nothing_minds_are_told(run, engine, monkeypatch):
    """As after a reboot: a run of before is called running until somebody looks after it."""
    monkeypatch.setattr(engine, "start", lambda: None)
    assert "minds" not in run("runs")[2]  # there are none
    engine.submit(RunConfig(net=digits(8)), "x")
    for argv in (["runs"], ["runs", "--json"]):
        code, _, err = run(*argv)
        assert code == 0 and "Nothing minds the runs that are not over" in err
    lock = Lock(engine.folder / "supervisor.lock")
    assert lock.take()
    assert "minds" not in run("runs")[2]
    lock.give()


@pytest.mark.slow
def test_a_real_run_on_a_terminal_shows_both_nets_and_leaves_no_process(tmp_path):
    """Without an app: the engine starts for it and ends by itself."""
    folder = tmp_path / "data"
    ours, theirs = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CI")}
    env |= {"RESIDUAL_EXPLORER_DATA": str(folder), "TERM": "xterm-256color", "COLUMNS": "140"}
    argv = [sys.executable, "-m", "resnet_core", "run", "digits8.json", "--steps", "12"]
    (tmp_path / "digits8.json").write_text(digits(8).to_json())
    env["PYTHONPATH"] = str(ROOT)
    argv += ["--device", "cpu", "--json"]
    live = [*argv[:-1]]
    with subprocess.Popen(live, cwd=tmp_path, stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        shown = read_all(ours)
    assert process.returncode == 0, shown
    for words in (
        "residual",
        "plain",
        "12/12",
        "loss",
        "at the first block",
        "held out",
        "12 steps are too few to compare",
    ):
        assert words in shown, words
    kill(*processes_of(folder))


def read_all(descriptor: int) -> str:
    text, deadline = b"", time.monotonic() + 100
    while time.monotonic() < deadline:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not part:
            break
        text += part
    os.close(descriptor)
    return text.decode()
