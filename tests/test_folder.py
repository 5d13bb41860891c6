"""Where the program keeps things, on accounts of all kinds."""

import pwd
from pathlib import Path

import pytest

from resnet_core.data import datasets
from resnet_core.folder import VARIABLE, data_folder
from resnet_core.runs.embedded import Embedded


@pytest.fixture
def no_home(monkeypatch):
    """As in a container for a user that it does not know."""

    def unknown(uid):
        raise KeyError(uid)

    for name in ("HOME", "XDG_DATA_HOME", VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_a_folder_in_the_home_can_be_named_without_a_shell(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(VARIABLE, "~/my runs")
    assert data_folder() == tmp_path / "my runs"


@pytest.mark.parametrize("named", ["", "~/runs"])
def test_who_has_no_home_is_told_what_would_do(no_home, monkeypatch, tmp_path, run, named):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, named)
    engine = Embedded(data_folder())
    engine.start()
    assert "Set RESIDUAL_EXPLORER_DATA to a folder" in engine.problem()
    assert "digits" in datasets()
    code, _, err = run("runs")
    assert code == 4 and err.count("\n") == 1 and "Set RESIDUAL_EXPLORER_DATA" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["with space", "ünï", "a'b;c", "日本"])
def test_any_path_will_do(tmp_path, name):
    engine = Embedded(tmp_path / name)
    assert engine.problem() is None
    assert Path(engine._open().path).is_file()
    engine.close()
