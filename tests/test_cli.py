"""`python -m resnet_core`: what it prints, and how it ends."""

import io
import json
import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resnet_core import PRESETS, NetSpec, build, preset, trace
from resnet_core.cli.commands import COMMANDS, parser
from resnet_core.cli.options import CODES
from resnet_core.cli.show import Table, show
from resnet_core.export import EXPORTS
from resnet_core.memory import OPTIMIZERS, PRECISIONS

ROOT = Path(__file__).resolve().parents[1]
SPEC = json.loads(preset("digits20").to_json())
PROGRAM = [sys.executable, "-m", "resnet_core"]


def dumps(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.fixture
def broken(tmp_path):
    """A spec file whose second stage cannot be built."""
    net = preset("resnet20")
    stages = (net.stages[0], replace(net.stages[1], shortcut="identity"), net.stages[2])
    path = tmp_path / "broken.json"
    path.write_text(replace(net, stages=stages).to_json())
    return str(path)


def test_count_tells_the_counts_with_units_and_conditions(run):
    code, out, err = run("count", "resnet50")
    assert (code, err) == (0, "")
    for words in ("25,557,032", "4,089,184,256", "one example of 3×224×224", "batch 32, float32"):
        assert words in out


def test_count_as_json_is_exact(run):
    argv = ("--input", "3x33x17", "--classes", "7", "--layers", "--batch", "8", "--json")
    code, out, _ = run("count", "resnet20", *argv)
    net = replace(preset("resnet20"), input_shape=(3, 33, 17), num_classes=7)
    found, graph = json.loads(out), trace(net)
    assert code == 0
    assert (found["params"], found["macs"], found["depth"]) == (graph.params, graph.macs, 20)
    assert sum(layer["macs"] for layer in found["layers"]) == graph.macs
    assert found["input_shape"] == [3, 33, 17] and found["batch_size"] == 8
    assert found["training_memory_bytes"]["weights"] == 4 * graph.params


def test_count_lists_each_layer(run):
    _, out, _ = run("count", "resnet20", "--layers")
    assert all(op.path in out for op in trace(preset("resnet20")).ops[1:])


def test_a_spec_comes_from_a_file_or_from_standard_input(run, tmp_path, monkeypatch):
    spec = preset("resnet20").to_json()
    path = tmp_path / "my net.json"
    path.write_text(f"\ufeff{spec}\n")  # as editors on Windows write it
    assert "269,722" in run("count", str(path))[1]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(spec.encode())))
    assert "269,722" in run("count", "-")[1]


@pytest.mark.parametrize("kind", EXPORTS)
def test_every_kind_of_export_is_written_and_told_in_the_help(kind, run, tmp_path):
    path = tmp_path / f"net{EXPORTS[kind].suffix}"
    code, out, err = run("export", "digits20", "--to", kind, "-o", str(path), "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"file": str(path), "kind": kind, "bytes": path.stat().st_size}
    assert path.stat().st_size > 100
    assert kind in run("export", "--help")[1]


@pytest.mark.parametrize("end, kind", [("md", "markdown"), ("tex", "latex"), ("svg", "svg")])
def test_the_end_of_the_files_name_decides_the_kind(end, kind, run, tmp_path):
    path = tmp_path / f"net.{end}"
    assert run("export", "digits20", "-o", str(path))[0] == 0
    assert path.read_text() == run("export", "digits20", "--to", kind)[1]


def test_what_is_exported_as_json_is_read_back(run, tmp_path):
    path = tmp_path / "net.json"
    run("export", "resnet18", "-o", str(path), "--input", "3x64x96")
    code, out, _ = run("compare", "resnet18", str(path), "--json")
    found = json.loads(out)
    assert code == 0 and [s["where"] for s in found["settings"]] == ["input_shape"]


def test_a_picture_is_opened_as_far_as_asked(run):
    sizes = [
        len(run("export", "resnet20", "--to", "svg", "--open", depth)[1])
        for depth in ("net", "stages", "blocks", "layers")
    ]
    assert sizes == sorted(sizes) and len(set(sizes)) > 2


def test_compare_gives_sign_and_percent(run):
    code, out, _ = run("compare", "resnet50", "resnet18")
    assert code == 0
    assert "-13,867,520" in out and "-54.3 %" in out and "stage1.block" in out
    code, out, _ = run("compare", "resnet18", "resnet50", "--json")
    totals = {d["what"]: d for d in json.loads(out)["totals"]}
    assert totals["parameters"]["change"] == 13_867_520
    assert totals["depth"]["percent"] == pytest.approx(100 * 32 / 18)


def test_compare_exits_with_the_answer_if_asked(run):
    assert run("compare", "resnet18", "resnet34", "--exit-code")[0] == 3
    assert run("compare", "resnet18", "resnet18", "--exit-code")[0] == 0


def test_presets_are_searched_by_all_words(run):
    code, out, _ = run("presets", "--json")
    assert code == 0 and [row["key"] for row in json.loads(out)] == list(PRESETS)
    keys = [row["key"] for row in json.loads(run("presets", "WIDE", "zagoruyko", "--json")[1])]
    assert "wrn28-10" in keys and "resnet20" not in keys
    assert "0 of" in run("presets", "no such net")[1]


def test_presets_are_counted_if_asked(run):
    rows = json.loads(run("presets", "digits", "--counts", "--json")[1])
    assert {row["key"]: row["depth"] for row in rows} == {"digits20": 20, "digits56": 56}
    assert "852,730" in run("presets", "digits", "--counts")[1]


def test_check_says_where_what_and_what_would_do(run, broken):
    code, out, err = run("check", "resnet20", broken)
    assert (code, err) == (1, "")
    assert "resnet20: can be built" in out
    assert "Stage 2, block 1, shortcut" in out and "Use shortcut A, B or D" in out
    rows = json.loads(run("check", "resnet20", broken, "--json")[1])
    assert [row["ok"] for row in rows] == [True, False]
    assert rows[1]["where"] == "stage2.0.shortcut"
    assert "would do: Projection shortcut (B) in stage 2" in out
    repaired = [NetSpec.from_dict(repair["net"]) for repair in rows[1]["repairs"]]
    assert len(repaired) > 2 and all(trace(net) for net in repaired)
    assert run("check", "resnet20")[0] == 0


USES = {  # what is wrong -> command line, exit code, words of the sentence
    "unknown preset": (["count", "resnet51"], 2, "Did you mean resnet"),
    "no file": (["count", "no.json"], 2, "no.json: No such file"),
    "a folder": (["count", "/"], 2, "Is a directory"),
    "binary file": (["count", sys.executable], 1, "this is not text"),
    "endless file": (["count", "/dev/zero"], 1, "too long"),
    "not a spec": (["check", "resnet20", "count"], 2, "no preset 'count'"),
    "size out of range": (["count", "resnet20", "--input", "3x0x9"], 1, "0 is out of range"),
    "too small": (["count", "resnet50", "--input", "3x1x1"], 1, "nothing to subsample"),
    "many classes": (["count", "resnet20", "--classes", "9" * 30], 1, "more than 15 digits"),
    "precision": (["count", "resnet20", "--precision", "int8"], 2, "float32, "),
    "kind": (["export", "resnet20", "--to", "gif"], 2, "there is no 'gif'"),
    "no kind": (["export", "resnet20"], 2, "--to"),
    "no ending": (["export", "resnet20", "-o", "net"], 2, "there is no ''"),
    "depth": (["export", "resnet20", "--to", "svg", "--open", "x"], 2, "net, stages, blocks"),
    "json of nothing": (["export", "resnet20", "--to", "py", "--json"], 2, "Name it with -o"),
    "no such folder": (["export", "resnet20", "-o", "/nowhere/net.py"], 2, "/nowhere/net.py: No"),
    "no command": ([], 2, "required: command"),
    "shape": (["count", "resnet20", "--input", "224"], 2, "write channels, height and width"),
    "batch": (["count", "resnet20", "--batch", "0"], 2, "write a whole number from 1"),
    "steers a terminal": (["count", "\x1b[31mred"], 2, "There is no preset"),
}


@pytest.mark.parametrize("argv, code, words", USES.values(), ids=USES)
def test_a_mistake_is_a_sentence_on_stderr(argv, code, words, run):
    found, out, err = run(*argv)
    assert found == code and found in CODES
    assert out == "" and words in err
    assert "Traceback" not in err and "\x1b" not in err


def test_a_broken_spec_names_its_file(run, broken, tmp_path):
    path = tmp_path / "net.py"
    argvs = ["count", broken], ["compare", "resnet20", broken], ["export", broken, "-o", str(path)]
    for argv in argvs:
        code, out, err = run(*argv)
        assert code == 1 and out == ""
        assert f"{broken}: Stage 2, block 1, shortcut" in err
    assert not path.exists()


@settings(
    max_examples=60,
    deadline=None,  # the first one imports torch
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.binary(max_size=60)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(dumps)
    | st.dictionaries(st.sampled_from([*SPEC, "x\x1b[2J"]), st.none() | st.integers()).map(dumps)
    | st.sampled_from(sorted(SPEC)).flatmap(
        lambda name: st.from_type(object).map(lambda value: dumps(SPEC | {name: repr(value)}))
    )
)
def test_whatever_a_file_holds_is_answered_in_sentences(run, tmp_path, content):
    path = tmp_path / "net.json"
    path.write_bytes(content)
    code, out, err = run("check", str(path))
    assert code in (0, 1) and err == "" and "\x1b" not in out
    code, out, err = run("count", str(path))
    assert (code == 0) == (err == "") and "\x1b" not in err and "Traceback" not in err


def test_the_help_tells_every_command_and_every_exit_code(run):
    code, out, _ = run("--help")
    assert code == 0
    assert all(name in out for name in COMMANDS)
    assert all(f"{number} " in out and when in out for number, when in CODES.items())


def test_the_help_names_every_precision_and_optimizer(run):
    _, out, _ = run("count", "--help")
    assert all(key in out for key in (*PRECISIONS, *OPTIMIZERS))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_speaks_json(name):
    needed = {"compare": ["a", "b"], "presets": [], "runs": [], "data": []}.get(name, ["a"])
    assert parser().parse_args([name, *needed, "--json"]).json


def test_names_with_brackets_are_no_markup(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    show(Table("[red]net[/red]", ("one ", "two"), [("[bold]", "[/]")]))
    out = capsys.readouterr().out
    assert all(words in out for words in ("[red]net[/red]", "[bold]", "[/]", "──"))


def test_an_interrupt_is_no_traceback(run, monkeypatch):
    def interrupted(*words):
        raise KeyboardInterrupt

    monkeypatch.setattr("resnet_core.cli.presets.show", interrupted)
    assert run("presets") == (130, "", "")


def on_terminal(argv: list[str], **environment: str) -> str:
    """What the program writes to a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    unset = ("NO_COLOR", "TERM", "CI")
    env = {k: v for k, v in os.environ.items() if k not in unset}
    env |= {"TERM": "xterm-256color", "COLUMNS": "100", **environment}
    with subprocess.Popen([*PROGRAM, *argv], cwd=ROOT, stdout=theirs, env=env) as process:
        os.close(theirs)
        text = b""
        try:
            while part := os.read(ours, 65536):
                text += part
        except OSError:  # Linux says so when the other end is closed
            pass
        os.close(ours)
    assert process.returncode == 0
    return text.decode()


def test_lines_and_bold_are_for_terminals_alone(run):
    drawn = on_terminal(["presets", "digits"])
    assert "\x1b[1m" in drawn and "──" in drawn
    plain = on_terminal(["presets", "digits"], NO_COLOR="1")
    assert plain.replace("\r\n", "\n") == run("presets", "digits")[1]
    assert "\x1b" not in plain and "──" not in plain


def test_a_reader_that_stops_ends_the_program_quietly():
    argv = f"'{sys.executable}' -m resnet_core presets; echo code $? >&2"
    shell = f"set -o pipefail; ({argv}) | true"
    done = subprocess.run(["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.strip() in ("code 141", "code 0")  # 0: it was quicker than the reader
    closed = f"'{sys.executable}' -m resnet_core presets | head -1"
    done = subprocess.run(["bash", "-c", closed], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == "" and "presets" in done.stdout


@pytest.mark.parametrize(
    "redirect, code, words",
    [(">&-", 0, ""), (">/dev/full", 2, "output: No space left on device.")],
)
def test_an_output_that_takes_nothing_is_a_sentence(redirect, code, words):
    shell = f"'{sys.executable}' -m resnet_core presets {redirect}"
    done = subprocess.run(["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == code and words in done.stderr and "Traceback" not in done.stderr


def test_a_terminal_without_unicode_gets_question_marks():
    env = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [*PROGRAM, "presets", "digits"], cwd=ROOT, capture_output=True, text=True, env=env
    )
    assert done.returncode == 0 and "8?8" in done.stdout


def test_the_net_of_a_checkpoint_is_counted_and_what_is_assumed_is_said(run, tmp_path):
    file = tmp_path / "weights.pth"
    torch.save(build(preset("resnet20")).state_dict(), file)
    code, out, err = run("count", str(file), "--json")
    assert code == 0 and json.loads(out)["params"] == 269_722
    assert "Assumed: " in err
    file.write_bytes(b"not a checkpoint")
    code, out, err = run("count", str(file))
    assert code == 1 and not out and err.count("\n") == 1
