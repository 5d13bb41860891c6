"""The fold "Take away" in a real Chromium: what is saved and copied is the picture."""

import io
import re
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest
from browsers import CHROMIUM, SCREENSHOTS, settled, shoot
from PIL import Image
from playwright.sync_api import expect
from pypdf import PdfReader

from resnet_core.export.svg_style import Sheet
from resnet_core.graph import trace
from resnet_core.picture import openable, standalone
from resnet_core.presets import imagenet

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
PAPER = {"light": (255, 255, 255), "dark": (16, 21, 29)}


@pytest.fixture
def take_away(open_page):
    """take_away(scheme) -> a page with the fold open."""

    def make(scheme="light"):
        page = open_page(scheme=scheme)
        open_fold(page)
        return page

    return make


def open_fold(page) -> None:
    settled(page)
    page.get_by_text("Take away", exact=True).click()
    picture = page.get_by_alt_text("Picture of ResNet-56 for digits")
    expect(picture).to_be_visible(timeout=30_000)
    picture.evaluate("image => image.decode()")  # it pushes the buttons down
    settled(page)


def press(page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def saved(page, name: str) -> Path:
    with page.expect_download() as download:
        press(page, name)
    return download.value


def choose(page, name: str) -> None:
    with another_picture(page):
        page.get_by_role("radio", name=name, exact=True).or_(
            page.get_by_role("button", name=name, exact=True)
        ).click()


@contextmanager
def another_picture(page):
    """Waits until what was done inside is seen in the picture: files are made as it was drawn."""
    picture = page.get_by_alt_text("Picture of")
    before = picture.get_attribute("src")
    yield
    expect(picture).not_to_have_attribute("src", before)
    settled(page)


def looked_at(file: bytes) -> tuple[tuple, tuple, int]:
    """Size, colour of the first pixel, and how many colours there are."""
    image = Image.open(io.BytesIO(file)).convert("RGB")
    return image.size, image.getpixel((5, 5)), len(image.getcolors(2**24))


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_png_is_a_slide_in_the_colours_of_the_screen(take_away, scheme):
    page = take_away(scheme)
    download = saved(page, "PNG")
    assert download.suggested_filename == "resnet_56_for_digits_slide.png"
    file = Path(download.path()).read_bytes()
    size, paper, colours = looked_at(file)
    assert size == (3840, 2160) and paper == PAPER[scheme] and colours > 100
    SCREENSHOTS.mkdir(exist_ok=True)
    (SCREENSHOTS / f"taken_{scheme}.png").write_bytes(file)
    expect(page.get_by_text("Saved, 3840×2160 pixels.")).to_be_visible()
    page.get_by_text("The address bar holds").scroll_into_view_if_needed()
    shoot(page, f"take_away_{scheme}")


def test_png_has_the_letters_of_the_page(take_away):
    """Without the font's file the same picture has other letters."""
    page = take_away()
    with_font = Path(saved(page, "PNG").path()).read_bytes()
    page.route("**/inter-*.woff2", lambda route: route.abort())
    page.reload()
    open_fold(page)
    without = Path(saved(page, "PNG").path()).read_bytes()
    assert looked_at(without)[:2] == looked_at(with_font)[:2] and without != with_font


def test_a_font_that_did_not_come_is_asked_for_again(open_page):
    page, asked = open_page(), []
    page.route("**/inter-*.woff2", lambda route: route.abort())
    open_fold(page)
    page.unroute("**/inter-*.woff2")
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    choose(page, "Dark")
    has_font = re.compile("base64")  # inside the picture
    expect(page.get_by_alt_text("Picture of")).to_have_attribute("src", has_font)
    assert {"inter-latin.woff2", "inter-greek.woff2"} <= set(asked)


def test_a_copy_is_the_png(take_away):
    page = take_away()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    press(page, "Copy for slides")
    expect(page.get_by_text("Copied, 3840×2160 pixels.")).to_be_visible()
    copied = page.evaluate(
        """async () => {
            const [item] = await navigator.clipboard.read()
            const bitmap = await createImageBitmap(await item.getType("image/png"))
            return [item.types, bitmap.width, bitmap.height]
        }"""
    )
    assert copied == [["image/png"], 3840, 2160]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (
            "() => {Object.defineProperty(window, 'isSecureContext', {value: false})}",
            "only from https",
        ),
        (
            "() => {navigator.clipboard.write = () => Promise.reject(new Error())}",
            "did not allow it",
        ),
    ],
)
def test_a_browser_that_refuses_is_told_of_with_what_to_do(take_away, script, told):
    page = take_away()
    page.evaluate(script)
    press(page, "Copy for slides")
    message = page.get_by_text(told)
    expect(message).to_be_visible()
    expect(message).to_contain_text("Press PNG")


def test_files_follow_the_switches_and_what_is_open(take_away):
    page = take_away()
    root = ElementTree.fromstring(Path(saved(page, "SVG").path()).read_text())
    assert root.get("viewBox") == "0 0 1920 1080"
    with another_picture(page):
        page.locator('[data-id="stage2"] .c').first.click()
    choose(page, "Page")
    choose(page, "Dark")
    expect(page.get_by_text("As on screen")).to_be_visible()
    download = saved(page, "SVG")
    svg = Path(download.path()).read_text()
    assert download.suggested_filename == "resnet_56_for_digits.svg"
    assert 'viewBox="0 0 332' in svg and "#10151d" in svg and 'data-id="stage2.0"' in svg
    pdf = PdfReader(saved(page, "PDF").path())
    told = re.sub(r"\s", "", pdf.pages[0].extract_text())
    assert "ResNet-56fordigits" in told and "852,730parameters" in told and "Block1" in told
    size, paper, _ = looked_at(Path(saved(page, "PNG").path()).read_bytes())
    assert size[0] == 664 and paper == PAPER["dark"]


def test_our_styles_are_those_of_a_browser(chromium):
    """The PDF is drawn with what `Sheet` says; Chromium must say the same of every mark."""
    graph = trace(imagenet(50))
    svg = standalone(graph, openable(graph)["layers"], shape="slide", dark=True)
    page = chromium.new_page()
    page.set_content(svg)
    theirs = page.evaluate(
        """names => [...document.querySelectorAll("rect, path, circle, text, tspan")].map(mark => {
            const style = getComputedStyle(mark)
            return names.map(name => style.getPropertyValue(name))
        })""",
        list(INITIAL),
    )
    page.close()
    root, ours = ElementTree.fromstring(svg), []
    sheet = Sheet(root)

    def walk(place):
        if place.tag in ("rect", "path", "circle", "text", "tspan"):
            ours.append([as_computed(place.style.get(name, INITIAL[name])) for name in INITIAL])
        for child in sheet.children(place):
            walk(child)

    walk(sheet.root(root))
    assert len(ours) > 800 and len({tuple(style) for style in ours}) > 15
    assert ours == [[as_computed(value) for value in style] for style in theirs]


#: property -> what it is where nothing is said
INITIAL = {
    "fill": "#000000",
    "fill-opacity": "1",
    "stroke": "none",
    "stroke-width": "1",
    "stroke-linecap": "butt",
    "stroke-dasharray": "none",
    "font-size": "16px",
    "font-weight": "400",
    "font-style": "normal",
    "text-anchor": "start",
}


def as_computed(value: str) -> str:
    """Colours as #rrggbb, numbers without px, leading 0 and commas."""
    if value.startswith("rgb("):
        return "#" + bytes(map(int, re.findall(r"\d+", value))).hex()
    value = value.replace("px", "").replace(",", "")
    return " ".join(
        f"{float(part):g}" if re.fullmatch(r"\d*\.?\d+", part) else part for part in value.split()
    )
