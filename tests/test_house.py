"""The contract of the house: who imports whom, and what the app must not depend on."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
UI = ("streamlit", "plotly", "pandas")
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "resnet_core").rglob("*.py")
    if path.name not in ("__init__.py", "__main__.py")
)


def imported_with(modules: list[str], watched: tuple[str, ...]) -> list[str]:
    """Which of `watched` a fresh interpreter has loaded after importing `modules`."""
    code = f"import sys, importlib\nfor m in {modules}: importlib.import_module(m)\n"
    code += f"print([m for m in {watched} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return ast.literal_eval(done.stdout.strip().splitlines()[-1])


def test_core_imports_no_ui():
    assert imported_with(MODULES, UI) == []


def test_the_test_above_can_fail():
    pytest.importorskip("plotly")
    assert imported_with(["plotly"], UI) == ["plotly"]


def test_the_map_of_the_engine_names_every_file_of_it():
    folder = ROOT / "resnet_core" / "runs"
    files = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    told = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    assert set(re.findall(r"\b\w+\.py\b", told)) - {"cached.py", "test_contract.py"} == files


def test_nothing_in_explorer_shadows_the_standard_library():
    """Streamlit puts explorer/ before the standard library on the path."""
    names = {path.stem for path in (ROOT / "explorer").iterdir()}
    assert not names & set(sys.stdlib_module_names)


def test_explorer_is_imported_by_its_full_name():
    """`import state` and `from explorer import state` would be two modules with two states."""
    inner = {path.stem for path in (ROOT / "explorer").iterdir()} - {"__init__"}
    for path in [*ROOT.glob("explorer/**/*.py"), *ROOT.glob("pages/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not inner & {alias.name.split(".")[0] for alias in node.names}, path
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert node.module.split(".")[0] not in inner, path


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("*.py")), ids=lambda p: p.name)
def test_pages_are_thin(path):
    assert not any(isinstance(n, ast.FunctionDef) for n in ast.walk(ast.parse(path.read_text())))
    assert len(path.read_text().splitlines()) < 80


def test_the_hidden_streamlit_options_still_exist():
    """runner.postScriptGC is not documented; without it 30 viewers stall the server."""
    from streamlit import config

    assert config.get_option("runner.postScriptGC") in (True, False)


def test_session_state_is_touched_in_one_place():
    """Only explorer/state knows its keys: of a key that two files own, one sets it unseen."""
    found = []
    for path in [*ROOT.glob("explorer/**/*.py"), *ROOT.glob("pages/*.py")]:
        if path.parent.name != "state":
            found += [(path.name, name) for name in names_in(path.read_text()) & SESSION]
    assert found == []


SESSION = {"session_state", "SS"}


def names_in(code: str) -> set[str]:
    """Every name that is read, set or imported; not what stands in texts."""
    nodes = list(ast.walk(ast.parse(code)))
    names = {n.attr for n in nodes if isinstance(n, ast.Attribute)}
    names |= {n.id for n in nodes if isinstance(n, ast.Name)}
    return names | {n.name for n in nodes if isinstance(n, ast.alias)}


@pytest.mark.parametrize("code", ["st.session_state['x']", "state.SS.x", "from a import SS"])
def test_a_touch_of_the_session_state_is_seen(code):
    assert names_in(code) & SESSION
