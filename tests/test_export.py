"""What is taken away is what ran: the Python file, the ONNX file, tables and pictures of a net."""

import ast
import builtins
import copy
import csv
import io
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given, settings
from nets import nets
from onnxruntime import InferenceSession
from vocabulary import HOSTILE, VOCABULARY

from resnet_core.export import EXPORTS, export, file_name, source, table, to_onnx
from resnet_core.export.names import identifier
from resnet_core.graph import trace, trace_to_mismatch
from resnet_core.net import build
from resnet_core.picture import Frame
from resnet_core.presets import PRESETS, cifar, imagenet
from resnet_core.spec import NetSpec, ShapeMismatch, SpecError, StageSpec

ROOT = Path(__file__).parents[1]
RUFF = [sys.executable, "-m", "ruff"]


def presets(most_blocks: int) -> list:
    """All presets, of which the larger ones are for `make test-slow`."""

    def is_small(net: NetSpec) -> bool:
        num_blocks = sum(stage.num_blocks for stage in net.stages)
        return num_blocks <= most_blocks and max(stage.width for stage in net.stages) <= 128

    nets = {key: row.net for key, row in PRESETS.items()}
    slow = {key: () if is_small(net) else pytest.mark.slow for key, net in nets.items()}
    return [pytest.param(net, id=key, marks=slow[key]) for key, net in nets.items()]


def load(text: str) -> ModuleType:
    """The file as a module of its own."""
    module = sys.modules["exported"] = ModuleType("exported")  # dataclasses look it up there
    exec(compile(text, "exported.py", "exec"), vars(module))
    return module


def constructor_of(text: str) -> str:
    return [n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)][-1]


def outputs(make, shape) -> tuple[list[str], list[torch.Tensor]]:
    """Names of the weights, and what the net puts out in eval and then in training mode."""
    torch.manual_seed(3)
    module = make()
    images = torch.randn(3, *shape)
    with torch.no_grad():
        return list(module.state_dict()), [module.eval()(images), module.train()(images)]


def assert_equal_nets(net: NetSpec, exported, name: str, shape=None):
    shape = shape or net.input_shape
    keys, values = outputs(lambda: build(net), shape)
    same_keys, same_values = outputs(getattr(exported, name), shape)
    assert same_keys == keys
    torch.testing.assert_close(same_values, values, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("net", presets(most_blocks=30))
def test_presets_exported_as_python_are_bit_equal(net):
    text = source(net)
    size = min(32, net.input_shape[1])
    shape = (net.input_shape[0], size, size)
    assert_equal_nets(net, load(text), constructor_of(text), shape)


@pytest.mark.parametrize("net", VOCABULARY.values(), ids=VOCABULARY)
def test_every_row_of_the_vocabulary_exported_as_python_is_bit_equal(net):
    text = source(net)
    assert_equal_nets(net, load(text), constructor_of(text))


@settings(max_examples=15, deadline=None)
@given(nets)
def test_any_net_exported_as_python_is_bit_equal(net):
    text = source(net)
    assert_equal_nets(net, load(text), constructor_of(text))


def test_another_seed_gives_another_net():
    """Or the three tests above could not fail."""
    torch.manual_seed(0)
    one, other = build(cifar(20)), build(cifar(20))
    assert not torch.equal(one.stem.conv.weight, other.stem.conv.weight)


def test_exported_python_passes_ruff(tmp_path):
    """Every preset, every row, hostile names; both kinds of file; our settings and ruff's own."""
    named = {name: replace(cifar(20), name=name) for name in HOSTILE}
    everything = {key: row.net for key, row in PRESETS.items()} | VOCABULARY | named
    for number, net in enumerate(everything.values()):
        for training in (False, True):
            file = tmp_path / f"net{number}_{training}.py"
            file.write_text(source(net, training=training), encoding="utf-8")
    for command in (
        ["check", "--config", ROOT / "pyproject.toml"],
        ["check", "--isolated"],
        ["format", "--check", "--config", ROOT / "pyproject.toml"],
    ):
        done = subprocess.run([*RUFF, *command, "--no-cache", tmp_path], capture_output=True)
        assert done.returncode == 0, done.stdout.decode()[-3000:]


def test_exported_python_imports_torch_alone():
    for net in VOCABULARY.values():
        imported = {
            (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
            for node in ast.walk(ast.parse(source(net, training=True)))
            if isinstance(node, (ast.Import, ast.ImportFrom))
        }
        assert imported - set(sys.stdlib_module_names) == {"torch"}


@pytest.mark.parametrize("net", [cifar(20), cifar(1202), imagenet(152)], ids=lambda n: n.name)
def test_exported_python_holds_what_this_net_needs_and_a_short_constructor(net):
    text = source(net)
    assert "Squeeze" not in text and "PreActivation" not in text and "ScalarBias" not in text
    assert ("def bottleneck" in text) == (net.stages[0].block == "bottleneck")
    constructor = ast.parse(text).body[-2]
    assert constructor.end_lineno - constructor.lineno < 30


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_becomes_a_python_name(name):
    net = replace(VOCABULARY["norm batch"], name=name)
    for training in (False, True):
        text = source(net, training=training)
        exported = load(text)
        made = constructor_of(text)
        assert made.isidentifier() and not hasattr(builtins, made)
        assert isinstance(getattr(exported, made)(), exported.ResNet)


def test_names_stay_readable():
    assert identifier("ResNet-50") == "resnet_50"
    assert identifier("Wide ResNet 28-10") == "wide_resnet_28_10"
    assert identifier("50") == "net_50"
    assert identifier("深い") == "resnet"


@pytest.mark.slow
def test_exported_training_runs_alone_and_prints_every_block(tmp_path):
    net = replace(VOCABULARY["skips in stage 1 alone"], input_shape=(1, 8, 8))
    file = tmp_path / "net.py"
    file.write_text(source(net, training=True))
    torch.save((torch.randn(40, 1, 8, 8), torch.randint(10, (40,))), tmp_path / "data.pt")
    for arguments in (["2"], ["data.pt", "2"]):
        command = [sys.executable, "-I", file, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        norms = re.findall(
            r"^  (stage\d\.\d): \|\|dL/dx\|\| = (\d\.\d+e[+-]\d\d)$", done.stdout, re.M
        )
        assert [path for path, _ in norms] == ["stage1.0", "stage1.1", "stage2.0", "stage2.1"] * 2
        assert all(float(norm) > 0 for _, norm in norms)
        assert len(re.findall(r"^step [01]: loss \d\.\d+$", done.stdout, re.M)) == 2


def test_exported_training_logs_the_gradient_at_block_inputs_and_learns():
    net = replace(cifar(20), input_shape=(1, 8, 8))
    text = source(net, training=True)
    exported = load(text)
    torch.manual_seed(0)
    module = getattr(exported, constructor_of(text))()
    images, labels = torch.randn(16, 1, 8, 8), torch.arange(16) % 10
    kept = []
    hook = module.stage2[1].register_forward_pre_hook(lambda block, args: kept.append(args[0]))
    loss = torch.nn.functional.cross_entropy(module(images), labels)
    (expected,) = torch.autograd.grad(loss, kept)
    hook.remove()
    steps = list(exported.train(module, images, labels, steps=12, batch_size=16))
    first_loss, norms = steps[0]
    assert first_loss == pytest.approx(loss.item(), rel=1e-5)  # the batch is shuffled
    assert norms["stage2.1"] == pytest.approx(expected.norm().item(), rel=1e-4)
    assert steps[-1][0] < first_loss / 2


def test_a_net_that_cannot_be_built_is_refused_in_words():
    stages = (StageSpec(num_blocks=1, width=16, stride=2, shortcut="identity"),)
    net = NetSpec(name="broken", stages=stages)
    graph = trace_to_mismatch(net)
    for key in ("py", "py-training", "onnx"):
        with pytest.raises(ShapeMismatch, match="cannot be added"):
            export(graph, key)
    for key in EXPORTS.keys() - {"py", "py-training", "onnx"}:
        assert export(graph, key)  # the valid part, and the broken (+)


def assert_onnx_agrees(net: NetSpec):
    """Close to what torch gives in float64. Random nets amplify every rounding: there, as close
    as torch in float32, or as torch in float64 with weights a few roundings away."""
    torch.manual_seed(1)
    module, file = build(net), io.BytesIO()
    settle(module, net.input_shape)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    to_onnx(net, file, module)
    assert module.training
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    session = InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    module.eval()
    for batch in (1, 3):
        images = torch.randn(batch, *net.input_shape)
        with torch.no_grad():
            rounded, exact = module.float()(images), module.double()(images.double())
            (logits,) = session.run(["logits"], {"images": images.numpy()})
            shaken = rounded_weights(module)(images.double())
        error, *own_errors = (
            (x - exact).abs().max() for x in (torch.from_numpy(logits), rounded, shaken)
        )
        assert error <= max(1e-4 * exact.abs().max(), *(4 * own for own in own_errors))


@torch.no_grad()
def rounded_weights(module):
    """The same net, each number in it off by about 1e-6 of itself: eight roundings of float32."""
    other = copy.deepcopy(module)
    for tensor in (*other.parameters(), *other.buffers()):
        if tensor.is_floating_point():
            tensor.mul_(1 + 1e-6 * torch.randn_like(tensor))
    return other


@torch.no_grad()
def settle(module, shape):
    """Batch norm's running statistics become those of one batch."""
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None
    module(torch.randn(8, *shape))


@pytest.mark.parametrize("net", VOCABULARY.values(), ids=VOCABULARY)
def test_every_row_of_the_vocabulary_exported_as_onnx_agrees(net):
    assert_onnx_agrees(net)


@pytest.mark.parametrize("net", presets(most_blocks=30))
def test_presets_exported_as_onnx_agree(net):
    size = min(64, net.input_shape[1])
    assert_onnx_agrees(replace(net, input_shape=(net.input_shape[0], size, size)))


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(nets)
def test_any_net_exported_as_onnx_agrees(net):
    assert_onnx_agrees(net)


def test_two_sessions_may_export_at_once():
    with ThreadPoolExecutor(3) as pool:
        files = list(pool.map(lambda _: export(trace(cifar(8)), "onnx"), range(6)))
    assert len(set(files)) == 1 and files[0]  # all with the weights of seed 0


def test_onnx_refuses_what_its_format_or_the_memory_cannot_hold():
    wide = (StageSpec(num_blocks=4, width=8192),)
    with pytest.raises(SpecError, match="at most 2 GB"):
        to_onnx(NetSpec(name="wide", stages=wide), io.BytesIO())
    large = (StageSpec(num_blocks=1, width=64),)
    with pytest.raises(SpecError, match="values for one input"):
        to_onnx(NetSpec(name="large", stages=large, input_shape=(3, 2048, 2048)), io.BytesIO())


def test_csv_reads_back_as_the_graph():
    graph = trace(imagenet(50))
    rows = list(csv.DictReader(io.StringIO(table(graph, "csv"), newline="")))
    assert [row["layer"] for row in rows] == [op.path for op in graph.ops]
    assert sum(int(row["params"]) for row in rows) == 25_557_032
    assert sum(int(row["macs"]) for row in rows) == 4_089_184_256
    stem = next(row for row in rows if row["layer"] == "stem.conv")
    assert (stem["channels"], stem["height"], stem["width"]) == ("64", "112", "112")
    assert (rows[-1]["channels"], rows[-1]["height"], rows[-1]["width"]) == ("1000", "", "")


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_shows_a_name_as_it_stands(name):
    net = replace(VOCABULARY["attention eca"], name=name)
    heading, _, header, *rows = table(trace(net), "markdown").splitlines()
    marks = r"[\\`*_{}\[\]<>#|~&$]"
    assert not re.search(marks, re.sub(r"\\[!-/:-@\[-`{-~]", "", heading.removeprefix("# ")))
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", heading) == f"# {name}"
    cells = {len(re.findall(r"(?<!\\)\|", line)) for line in (header, *rows)}
    assert cells == {7}
    graph = trace(net)
    assert f"**{graph.params:,}** | **{graph.macs:,}**" in rows[-1]


@pytest.mark.parametrize("name", HOSTILE)
def test_latex_is_ascii_with_every_special_character_escaped(name):
    graph = trace(replace(VOCABULARY["shortcut gated"], name=name))
    text = table(graph, "latex")
    assert text.isascii() and text.count("{") - text.count(r"\{") == text.count("}") - text.count(
        r"\}"
    )
    caption = re.search(r"\\caption\{(.*): layers", text)[1]
    words = r"\\text(backslash|asciitilde|asciicircum)\{\}"
    math = r"\$(<|>|\||-|\\times|\\cdot)\$"
    unescaped = re.sub(rf"{words}|{math}|\\[&%$#_{{}}]", "", caption)
    assert not re.search(r"[\\&%$#_{}~^<>|]", unescaped)
    body = text.partition(r"\endhead")[2].splitlines()
    rows = [line for line in body if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {5}
    assert len(rows) == len(graph.ops) + 1
    assert f"Total & & & & {graph.params:,} & {graph.macs:,}" in rows[-1]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pdflatex"), reason="LaTeX is not installed")
def test_latex_compiles_with_any_name(tmp_path):
    graph = trace(VOCABULARY["attention eca"])
    texts = [table(replace(graph, net=replace(graph.net, name=n)), "latex") for n in HOSTILE]
    parts = [text.partition(r"\begin{document}") for text in texts]
    bodies = [body.removesuffix("\\end{document}\n") for *_, body in parts]
    (tmp_path / "all.tex").write_text("".join([*parts[0][:2], *bodies, r"\end{document}"]))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout[-1500:]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_spec_or_pictures(name):
    net = replace(VOCABULARY["norm batch"], name=name)
    graph = trace(net)
    assert NetSpec.from_json(export(graph, "json").decode()) == net
    svg = ElementTree.fromstring(export(graph, "svg"))
    assert svg.find("{*}title").text == name
    assert not [mark for mark in svg.iter() if mark.tag.endswith("script")]
    assert export(graph, "dot").startswith(b"digraph")
    assert re.fullmatch(r"[a-z0-9_]+\.svg", file_name(net, "svg"))


@pytest.mark.parametrize("key", EXPORTS)
def test_every_export_gives_a_file_for_any_graph(key):
    row = EXPORTS[key]
    assert row.title and row.what.endswith(".") and "/" in row.mime and row.suffix[0] in "._"
    assert len({row.suffix for row in EXPORTS.values()}) == len(EXPORTS)
    made = export(trace(VOCABULARY["stochastic depth"]), key, Frame(frozenset({"stage1"})))
    assert isinstance(made, bytes) and made


def test_unknown_kinds_are_refused_with_the_known_ones():
    graph = trace(cifar(20))
    with pytest.raises(SpecError, match=r"there is no 'gif'.*csv, markdown, latex"):
        table(graph, "gif")
    with pytest.raises(SpecError, match=r"there is no 'gif'.*py, py-training, onnx"):
        export(graph, "gif")
