"""`resnet_core` as a library: its names, what importing it costs, and how it shows itself."""

import ast
import re
import subprocess
import sys
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from engines import kill, processes_of

import resnet_core
from resnet_core import NetSpec, StageSpec, preset, trace, trace_to_mismatch
from resnet_core.cli import main
from resnet_core.cli.commands import COMMANDS
from resnet_core.cli.options import CODES
from resnet_core.compare import settings

ROOT = Path(__file__).resolve().parents[1]
HOSTILE = "<script>alert('&\"')</script>"


def loaded_by(code: str, watched: str = "torch") -> bool:
    """Whether a fresh interpreter has loaded `watched` after running `code`."""
    code = f"import sys\n{code}\nprint({watched!r} in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return ast.literal_eval(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "code",
    [
        "import resnet_core",
        "import resnet_core.spec",
        "from resnet_core import NetSpec, SpecError, PRESETS, preset",
        "import resnet_core; dir(resnet_core)",
        "from resnet_core.cli.commands import parser; parser()",
    ],
)
def test_the_light_part_loads_no_torch(code):
    assert not loaded_by(code)


def test_the_test_above_can_fail():
    assert loaded_by("from resnet_core import trace")


@pytest.mark.parametrize("name", resnet_core.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(resnet_core, name)
    assert name in dir(resnet_core)
    assert value.__doc__ or isinstance(value, dict)


def test_a_star_import_takes_the_public_names():
    names = {}
    exec("from resnet_core import *", names)
    assert set(resnet_core.__all__) <= set(names)


def test_no_public_name_is_a_modules_name():
    """`resnet_core.compare` would be a function or a module, by who was imported first."""
    modules = {path.stem for path in (ROOT / "resnet_core").iterdir()}
    assert not set(resnet_core.__all__) & modules


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = resnet_core.nothing
    from resnet_core import picture  # a module is still found

    assert picture.__name__ == "resnet_core.picture"


class Page(HTMLParser):
    """Text and tags of an HTML fragment; refuses tags that do not close."""

    def __init__(self, html: str):
        super().__init__()
        self.text, self.tags, self.open = "", [], []
        self.images: list[dict] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        else:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + " "


def test_a_spec_shows_its_stage_table_and_totals():
    page = Page(preset("resnext50-32x4d")._repr_html_())
    assert page.tags.count("tr") == 5  # heading and four stages
    for words in ("cardinality", "25,028,904 parameters", "MACs for one example of 3×224×224"):
        assert words in page.text
    assert "attention" not in page.text  # no row says anything of it


def test_a_net_that_cannot_be_built_shows_its_table_and_the_reason():
    stage = StageSpec(num_blocks=2, width=16, stride=2, shortcut="identity")
    net = NetSpec(name="broken", stages=(stage,))
    page = Page(net._repr_html_())
    assert page.tags.count("tr") == 2
    assert "This net cannot be built." in page.text and "Stage 1, block 1, shortcut" in page.text
    drawn = Page(trace_to_mismatch(net)._repr_html_())
    assert "This net cannot be built." in drawn.text and len(drawn.images) == 1


def test_a_graph_shows_its_picture_apart_from_the_notebooks_styles():
    page = Page(trace(preset("resnet20"))._repr_html_())
    head, data = page.images[0]["src"].split(",")
    assert head == "data:image/svg+xml;base64"
    assert ElementTree.fromstring(b64decode(data)).tag.endswith("svg")
    assert "272,474 parameters" not in page.text and "269,722 parameters" in page.text


def test_names_of_the_users_are_text_wherever_they_appear():
    stage = StageSpec(num_blocks=1, width=8, block="<b>", shortcut='"><img src=x>')
    for net in (NetSpec(name=HOSTILE, stages=(stage,), norm="<i>"), named("resnet20")):
        page = Page(net._repr_html_())
        assert HOSTILE in page.text
        assert not {"script", "i", "img"} & set(page.tags)
    page = Page(trace(named("resnet20"))._repr_html_())
    assert page.images[0]["alt"] == HOSTILE and "script" not in page.tags


def named(key: str) -> NetSpec:
    return replace(preset(key), name=HOSTILE)


@pytest.mark.parametrize("field, value", [("norm", "group"), ("num_classes", 7)])
def test_a_changed_setting_is_found(field, value):
    net = preset("resnet20")
    (found,) = settings(net, replace(net, **{field: value}))
    assert (found.where, found.before, found.after) == (field, getattr(net, field), value)


def test_stages_are_compared_one_by_one():
    net = preset("resnet20")
    first = replace(net.stages[0], width=24)
    wider = replace(net, stages=(first, *net.stages[1:]))
    assert [s.where for s in settings(net, wider)] == ["stage1.width"]
    shorter = replace(net, stages=net.stages[:2])
    (found,) = settings(net, shorter)
    assert (found.where, found.before, found.after) == ("stage3", "3 × basic, width 64", "")
    assert settings(net, replace(net, name="another name")) == ()


def test_the_parts_differences_sum_to_those_of_the_totals():
    found = resnet_core.differences(trace(preset("resnet18")), trace(preset("resnet50")))
    for total in found.totals[:2]:
        assert total.change == sum(d.change for d in found.parts if d.unit == total.unit) > 0
    assert found.totals[0].percent == pytest.approx(100 * (25_557_032 / 11_689_512 - 1))


def test_a_stage_that_one_net_lacks_counts_as_nothing():
    net = preset("resnet20")
    longer = replace(net, stages=(*net.stages, replace(net.stages[-1], width=128)))
    parts = resnet_core.differences(trace(net), trace(longer)).parts
    assert [d.what for d in parts[::2]] == ["stem", "stage1", "stage2", "stage3", "stage4", "head"]
    fourth = next(d for d in parts if d.what == "stage4")
    assert fourth.before is None and fourth.change == fourth.after and fourth.percent is None


GUIDE = (ROOT / "docs" / "python.md").read_text()


def test_the_guides_python_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL):
        exec(code, names)
    out = capsys.readouterr().out
    promises = re.findall(r"# (?:\.\.\. )?(\S.*?) ?\.\.\.$", GUIDE, re.MULTILINE)
    assert len(promises) == 4 and all(words in out for words in promises)
    assert out.startswith("25557032 4089184256 50\n")


def test_the_guides_commands_run(capsysbinary, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESIDUAL_EXPLORER_DATA", str(tmp_path / "data"))
    (tmp_path / "net.json").write_text(preset("digits20").to_json())
    commands = re.findall(r"^python -m resnet_core (.*)$", GUIDE, re.MULTILINE)
    assert {command.split()[0] for command in commands} == set(COMMANDS)
    for command in commands:
        assert main(command.split()) == 0, command
    kill(*processes_of(tmp_path))


def test_the_guide_tells_every_exit_code():
    for code, when in CODES.items():
        assert f"| {code} | {when} |" in GUIDE
