"""Pictures as files: slides of several columns, captions, PDF."""

import io
import re
from dataclasses import replace
from html import unescape
from itertools import pairwise
from pathlib import Path
from runpy import run_path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from nets import nets
from pypdf import PdfReader
from vocabulary import HOSTILE, VOCABULARY

from resnet_core.cli import main
from resnet_core.export import export
from resnet_core.export.pdf_file import pdf
from resnet_core.export.svg_path import arc, strokes
from resnet_core.export.svg_style import Sheet
from resnet_core.graph import trace, trace_to_mismatch
from resnet_core.picture import (
    TWINS,
    Frame,
    Tint,
    View,
    dot,
    draw,
    drawings,
    framed,
    openable,
    scene,
    standalone,
)
from resnet_core.picture.colours import scale_of
from resnet_core.picture.columns import Atom, fill, in_columns
from resnet_core.picture.framed import SLIDE
from resnet_core.picture.quantities import values
from resnet_core.presets import cifar, imagenet
from resnet_core.spec import NetSpec, SpecError, StageSpec
from resnet_core.twins import twin_of

ROOT = Path(__file__).parents[1]
ANY = 'אבג 深い 😀 × → − ′ ₁ · ∂ αβΣ x̂ <b>&"'
LEVELS = ("net", "stages", "blocks", "layers")


def ids(svg: str) -> list[str]:
    return re.findall(r'data-id="([^"]*)"', svg)


def frames(svg: str) -> set[str]:
    """Ids of open cards."""
    return set(re.findall(r'data-id="([^"]*)" aria-expanded="true"', svg))


def words(svg: str) -> list[str]:
    return [unescape(re.sub("<[^>]*>", "", text)) for text in re.findall("<text.*?</text>", svg)]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("net", [cifar(20), imagenet(18), imagenet(152)], ids=lambda n: n.name)
def test_columns_hold_what_one_column_holds_in_its_order(net, level):
    graph = trace(net)
    page, slide = (
        standalone(graph, openable(graph)[level], shape=shape) for shape in ("page", "slide")
    )
    seen = list(dict.fromkeys(ids(slide)))
    assert seen == ids(page)
    assert {id for id in seen if ids(slide).count(id) > 1} <= frames(page)


@settings(max_examples=30, deadline=None)
@given(nets)
def test_any_net_fits_its_slide(net):
    graph = trace(net)
    for level in ("net", "layers"):
        columns = in_columns(scene(graph), openable(graph)[level], 1776, 800)
        scale = min(1776 / columns.width, 800 / columns.height)
        stack = ElementTree.fromstring(f"<svg>{columns.svg}</svg>")
        groups = [mark for mark in stack if mark.tag == "g"]
        assert len(groups) == columns.count == len(stack) - columns.count + 1  # a line between
        assert scale * columns.width <= 1776.001 and scale * columns.height <= 800.001


@pytest.mark.parametrize("level", LEVELS)
def test_no_other_number_of_columns_is_larger(level):
    """Paper of other widths gives other numbers of columns: none is larger on this one."""
    graph = trace(imagenet(18))
    opened = openable(graph)[level]
    ours = in_columns(scene(graph), opened, 1776, 800)
    scales = []
    for width in range(200, 4000, 100):
        other = in_columns(scene(graph), opened, width, 800)
        scales.append(min(1776 / other.width, 800 / other.height))
    assert min(1776 / ours.width, 800 / ours.height) >= max(scales) - 1e-9
    assert len({round(scale, 6) for scale in scales}) > 1


def test_a_column_takes_what_it_can():
    atoms = tuple(Atom(y, y + 10, 5, 3) for y in range(0, 60, 12))
    assert fill(atoms, 18) == (0, 1, 2, 3, 4)
    assert fill(atoms, 30) == (0, 2, 4)
    assert fill(atoms, 100) == (0,)
    assert fill(atoms, 17) == ()


def test_a_stage_that_is_cut_says_that_it_goes_on():
    graph = trace(imagenet(50))
    told = words(standalone(graph, openable(graph)["layers"], shape="slide"))
    assert "Stage 3" in told and told.count("Stage 3 …") >= 1
    assert "Stage 3 …" not in words(standalone(graph, openable(graph)["layers"]))


@pytest.mark.parametrize("shape", ["page", "slide"])
def test_the_caption_names_net_counts_and_input(shape):
    told = " ".join(words(standalone(trace(imagenet(50)), shape=shape))[:3])
    for fact in ("ResNet-50", "25,557,032 parameters", "4,089,184,256 MACs", "input 3×224×224"):
        assert fact in told


def test_a_file_explains_the_shortcuts_that_occur_and_no_others():
    told = words(standalone(trace(cifar(20)), shape="slide"))
    assert "zero-pad" in told and "identity shortcut" in told and "gate" not in told
    plain = replace(cifar(20), stages=tuple(replace(s, shortcut="none") for s in cifar(20).stages))
    assert not {"zero-pad", "identity shortcut"} & set(words(standalone(trace(plain))))


def test_letters_are_as_large_as_the_sheet_says():
    graph = trace(imagenet(50))
    sheet = framed(graph, Frame(openable(graph)["layers"], shape="slide"))
    scales = [float(n) for n in re.findall(r"scale\(([\d.]+)\)", sheet.svg)]
    assert (sheet.width, sheet.height) == SLIDE
    assert sheet.letters == pytest.approx(12 * min(scales), abs=0.01)
    assert framed(graph).letters == 12


@pytest.mark.parametrize("dark", [False, True])
def test_a_quantity_colours_the_file_and_stands_beside_it(dark):
    graph = trace(cifar(20))
    found = values(graph, "params")
    numbers = [value for value in found.values() if value is not None]
    tint = Tint({"residual": found}, scale_of("params", [numbers]))
    for shape in ("page", "slide"):
        sheet = framed(graph, Frame(shape=shape, dark=dark, tint=tint))
        assert "Parameters" in words(sheet.svg) and sheet.svg.count('class="n painted') >= 5
        ElementTree.fromstring(sheet.svg)


@pytest.mark.parametrize("shape", ["page", "slide"])
def test_twins_stand_side_by_side_and_the_plain_one_is_a_ghost(shape):
    graph = trace(cifar(20))
    opened = openable(graph)["blocks"]
    both = framed(graph, Frame(opened, shape=shape, twin="both")).svg
    assert {"With shortcuts", "Without shortcuts"} <= set(words(both))
    ids = re.findall(r'data-id="([^"]*)"', both)
    assert set(ids) == set(draw(graph, opened).nodes)
    assert all(ids.count(id) % 2 == 0 for id in ids)  # a stage cut by a column comes twice in each
    assert both.count('class="ghost"') == 1
    twin = framed(graph, Frame(opened, shape=shape, twin="twin")).svg
    assert twin.count('class="ghost"') == 1 and graph.net.name not in words(twin)
    assert b"%PDF" in pdf(both)[:8]


def labels(svg: str) -> list[str]:
    return [unescape(label) for label in re.findall(r'aria-label="([^"]*)"', svg)]


@pytest.mark.parametrize("key", VOCABULARY)
@pytest.mark.parametrize("twin", ["net", "twin"])
def test_no_fact_is_empty(key, twin):
    graph = trace(VOCABULARY[key])
    for level in LEVELS:
        for label in labels(framed(graph, Frame(openable(graph)[level], twin=twin)).svg):
            assert all(fact.rpartition(":")[2].strip() for fact in label.split("; ")), label


@pytest.mark.parametrize("shape", ["page", "slide"])
def test_a_ghost_claims_no_shortcuts(shape):
    graph = trace(cifar(20, "B"))
    opened = openable(graph)["layers"]
    ours, ghost = (framed(graph, Frame(opened, shape=shape, twin=twin)).svg for twin in TWINS[:2])
    meanings = {"identity shortcut", "projection 1×1"}
    assert meanings <= set(words(ours)) and not meanings & set(words(ghost))
    assert any("shortcuts: " in label for label in labels(ours))
    assert not any("shortcuts: " in label for label in labels(ghost))
    missing = [label for label in labels(ghost) if label.endswith("; not in the plain net")]
    assert {"Addition; not in the plain net", "conv 1×1; not in the plain net"} <= set(missing)
    assert len(missing) == sum(op.kind == "add" or "shortcut" in op.path for op in graph.ops)
    assert not any("not in the plain net" in label for label in labels(ours))


def test_of_twins_the_residual_one_comes_first_and_explains_the_signs():
    graph = trace(cifar(20))
    plain = trace(twin_of(graph.net))
    for one in (graph, plain):
        assert [d.graph.net.role for d in drawings(one, "both")] == ["residual", "plain"]
        assert drawings(one, "net")[0].graph is one
        (other,) = drawings(one, "twin")
        assert (other.graph.net == one.net, other.is_ghost) == (False, one is graph)
        assert "identity shortcut" in words(framed(one, Frame(twin="both")).svg)
    with pytest.raises(SpecError, match=r"there is no 'bath'.*net, twin, both"):
        framed(graph, Frame(twin="bath"))


def test_dot_draws_the_twin_as_it_is_and_both_as_clusters():
    graph = trace(cifar(20))
    plain = trace(twin_of(graph.net))
    opened = openable(graph)["layers"]
    made = {twin: export(graph, "dot", Frame(opened, twin=twin)).decode() for twin in TWINS}
    assert made["net"] == dot(graph, opened)
    assert made["twin"] == dot(plain, opened) and "shape=circle" not in made["twin"]
    edges = {twin: source.count(" -> ") for twin, source in made.items()}
    assert edges["both"] == edges["net"] + edges["twin"]
    assert made["both"].count("subgraph cluster_residual {") == 1
    named = re.findall(r"^\t*(\S+) \[label", made["both"], re.M)
    assert len(named) == len(set(named)) == len(graph.ops) + len(plain.ops)
    assert {name.strip('"').partition(".")[0] for name in named} == {"residual", "plain"}


def test_a_legend_says_the_step():
    graph = trace(cifar(20))
    tint = Tint({"residual": values(graph, "params")}, scale_of("params", [[1.0, 9.0]]), "step 7")
    for shape in ("page", "slide"):
        assert "step 7" in words(framed(graph, Frame(shape=shape, tint=tint)).svg)


@pytest.mark.parametrize("name", [*HOSTILE, ANY])
def test_any_name_gives_a_sound_file_and_a_pdf(name):
    graph = trace(replace(VOCABULARY["norm batch"], name=name))
    for shape in ("page", "slide"):
        svg = standalone(graph, shape=shape)
        root = ElementTree.fromstring(svg)
        assert root.find("{*}title").text == name
        assert not [mark for mark in root.iter() if mark.tag.endswith(("script", "}a", "image"))]
        reader = PdfReader(io.BytesIO(pdf(svg)))
        assert reader.metadata.title == name


def test_the_command_line_makes_slides(tmp_path, capsys):
    file = tmp_path / "net.svg"
    assert main(["export", "resnet20", "-o", str(file), "--slide", "--dark"]) == 0
    assert file.read_text(encoding="utf-8") == standalone(
        trace(cifar(20)), shape="slide", dark=True
    )
    assert main(["export", "resnet20", "-o", str(tmp_path / "net.pdf"), "--open", "stages"]) == 0
    assert (tmp_path / "net.pdf").read_bytes().startswith(b"%PDF")
    assert main(["export", "resnet20", "--to", "csv", "--slide"]) == 2
    assert "--slide and --dark are for svg and pdf, not for csv" in capsys.readouterr().err


def readable(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("key", VOCABULARY)
def test_a_pdf_says_what_the_picture_says(key):
    graph = trace(VOCABULARY[key])
    frame = Frame(openable(graph)["layers"])
    svg, file = framed(graph, frame).svg, export(graph, "pdf", frame)
    told = readable(PdfReader(io.BytesIO(file)).pages[0].extract_text())
    for text in words(svg):
        assert readable(text) in told or all(readable(part) in told for part in text.split(" + "))


def test_a_pdf_is_one_page_of_the_right_size_with_its_font_and_no_program():
    graph = trace(imagenet(18))
    file = export(graph, "pdf", Frame(shape="slide"))
    reader = PdfReader(io.BytesIO(file))
    (page,) = reader.pages
    assert [float(n) for n in page.mediabox] == [0, 0, 1440, 810]
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    assert all("/FontFile2" in font["/FontDescriptor"] for font in fonts)
    names = {font["/BaseFont"].partition("+")[2] for font in fonts}
    assert names == {"Inter-Regular", "Inter-SemiBold"}
    assert b"/JavaScript" not in file and b"/JS" not in file and b"/URI" not in file
    assert "/XObject" not in page["/Resources"]
    assert file == export(graph, "pdf", Frame(shape="slide"))


def test_what_the_font_has_is_read_back_and_the_rest_is_a_box():
    net = replace(cifar(8), name="× → − ′ ₁ · ∂ αβΣ 深")
    told = PdfReader(io.BytesIO(export(trace(net), "pdf"))).pages[0].extract_text()
    assert "× → − ′ ₁ · ∂ αβΣ" in told and "深" not in told


def test_pictures_with_folds_to_scale_or_broken_become_pdf():
    graph = trace(imagenet(50))
    opened = openable(graph)["layers"]
    for view in (View(folds=True), View(to_scale=True)):
        assert export(graph, "pdf", Frame(opened, view, "slide", True)).startswith(b"%PDF")
    stages = (StageSpec(num_blocks=1, width=16, stride=2, shortcut="identity"),)
    broken = trace_to_mismatch(NetSpec(name="broken", stages=stages))
    file = export(broken, "pdf", Frame(openable(broken)["layers"], shape="slide"))
    assert "cannot be built" in PdfReader(io.BytesIO(file)).pages[0].extract_text()


def styled(svg: str) -> dict[str, dict]:
    root = ElementTree.fromstring(svg)
    sheet, found = Sheet(root), {}

    def walk(place):
        found[place.element.get("id")] = place.style
        for child in sheet.children(place):
            walk(child)

    walk(sheet.root(root))
    return found


def test_styles_cascade():
    svg = """<svg><style>.a{fill:red}g .a.b{fill:blue}g>.a{fill:green}.c~.a{fill:pink}
    .a:not(.z){stroke:#111111}rect{fill:black}.i{stroke:#222222}</style>
    <rect id="1"/><rect id="2" class="a"/><g class="i" id="g"><rect id="3" class="a b"/><g>
    <rect id="4" class="a z" style="fill:white"/></g><path class="c"/><rect id="5" class="a"/></g>
    </svg>"""
    style = styled(svg)
    fills = [style[id]["fill"] for id in "12345"]
    assert fills == ["black", "red", "blue", "white", "pink"]
    assert style["3"]["stroke"] == "#111111" and style["4"]["stroke"] == "#222222"
    with pytest.raises(AssertionError, match="unknown selector"):
        styled("<svg><style>a[b]{fill:red}</style></svg>")


def test_paths_end_where_svg_says():
    assert arc((0, 0), (10, 10), 10, False, True) == pytest.approx((0, 10, 10, -90, 90))
    assert arc((0, 0), (10, 10), 10, False, False) == pytest.approx((10, 0, 10, -180, -90))
    assert arc((0, 0), (10, 10), 10, True, True)[4] == pytest.approx(270)
    drawn = list(strokes("M1 2h3v-4l.5-.5zm1 1L7 8"))
    assert drawn == [
        ("move", (1, 2)), ("line", (4, 2)), ("line", (4, -2)), ("line", (4.5, -2.5)), ("close", ()),
        ("move", (2, 3)), ("line", (7, 8)),
    ]  # fmt: skip
    for (_, before), (kind, now) in pairwise(drawn):
        assert kind == "close" or before != now


def test_the_pictures_of_the_readme_are_what_the_code_makes():
    script = run_path(str(ROOT / "docs" / "pictures.py"))
    for name, dark in script["FILES"].items():
        kept = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert kept == script["made"](dark), "run python docs/pictures.py"
