"""Every benchmark still runs and gives its figures; what they are is for their readers."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="benchmarks measure the app, too")

BENCH = Path(__file__).resolve().parents[1] / "bench"
#: the script's name -> options with which it takes the least time
LEAST = {
    "default_experiment": ["--seeds", "1"],
    "picture": [],
    "startup": ["--repeat", "1"],
    "step_overhead": ["--nets", "resnet20", "--rounds", "1", "--batch", "8"],
    "time_budget": ["--seconds", "2", "--depths", "20", "--series", "0"],
    "trace": ["--net", "resnet18"],
    "train": ["--nets", "resnet20", "--steps", "24", "--batch", "8", "--reach", "0.1"],
    "validate": [],
    "viewers": ["--viewers", "1", "--seconds", "3"],
}
PARTS = {"loops", "naive_page"}  # of others, not run by themselves


def test_every_script_is_here():
    assert {path.stem for path in BENCH.glob("*.py")} == LEAST.keys() | PARTS


@pytest.mark.slow
@pytest.mark.parametrize("name", LEAST)
def test_a_benchmark_prints_its_figures_as_one_json_object(name, tmp_path):
    command = [sys.executable, BENCH / f"{name}.py", *LEAST[name], "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    figures = list(numbers(json.loads(done.stdout)))
    assert figures and all(map(math.isfinite, figures))


def numbers(found):
    """All that are somewhere in it."""
    if isinstance(found, dict | list):
        for value in found.values() if isinstance(found, dict) else found:
            yield from numbers(value)
    elif isinstance(found, int | float):
        yield found
