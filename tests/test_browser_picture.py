"""The picture in a real Chromium: open, select, edit, move, by mouse and by keyboard."""

import re
from dataclasses import replace

import pytest
from browsers import CHROMIUM, field, settled, shoot
from engines import wait_for
from playwright.sync_api import expect

from explorer.link import Experiment, encode
from resnet_core.graph import trace
from resnet_core.picture import View, draw, openable
from resnet_core.presets import preset
from resnet_core.spec import NetSpec

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

FOCUSED = """() => {
    let on = document.activeElement
    while (on?.shadowRoot?.activeElement) on = on.shadowRoot.activeElement
    return on?.dataset?.id ?? on?.name ?? null
}"""
#: id -> [x, y, width, height] as they are seen, in units of the drawing
SEEN = """svg => {
    const all = svg.getBoundingClientRect(), scale = all.width / svg.viewBox.baseVal.width
    return Object.fromEntries([...svg.querySelectorAll(".n")].map(node => {
        const box = node.querySelector(":scope > .b").getBoundingClientRect()
        const [x, y] = [box.x - all.x, box.y - all.y]
        return [node.dataset.id, [x, y, box.width, box.height].map(value => value / scale)]
    }))
}"""
LEVEL = "([one, other]) => one.getBoundingClientRect().y === other.getBoundingClientRect().y"
CLICK = "new MouseEvent('click', { bubbles: true, composed: true, detail: 1 })"


def at(net: NetSpec, more: str = "") -> str:
    return f"/?x={encode(Experiment(net=net))}{more}"


def picture(page):
    return page.locator("svg.picture")


def node(page, id: str):
    """The card or layer, in the first drawing if there are two."""
    return page.locator(f'svg.picture [data-id="{id}"]').first


def chevron(page, id: str):
    return node(page, id).locator("> .c")


def corner(page, id: str, **how) -> None:
    """A click where a card has nothing of its own."""
    node(page, id).locator("> .b").click(position={"x": 60, "y": 12}, **how)


def level(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def twin(page, name: str):
    return page.get_by_test_id("stMain").get_by_role("radio", name=name, exact=True)


def blocks(page, stage: int):
    return field(page, f"stage {stage}, Blocks")


def tool(page, stage: int, name: str):
    return node(page, f"stage{stage}").locator(f"> .tools .{name}")


def still(page) -> None:
    page.emulate_media(reduced_motion="reduce")


def test_three_depths_by_clicks_and_the_url_follows(open_page):
    page = open_page()
    expect(node(page, "stage2.0")).to_have_count(0)
    chevron(page, "stage2").click()
    expect(node(page, "stage2.0")).to_be_visible()
    page.wait_for_url(re.compile(r"open=stage2$"))
    corner(page, "stage2.0", click_count=2)
    layer = node(page, "stage2.0.residual.conv1")
    expect(layer).to_be_visible()
    page.wait_for_url(re.compile(r"open=stage2(,|%2C)stage2\.0$"))
    settled(page)
    page.reload()
    settled(page)
    expect(layer).to_be_visible()
    chevron(page, "stage2").click()
    expect(layer).to_have_count(0)
    expect(node(page, "stage2.0")).to_have_count(0)
    page.wait_for_url(re.compile(r"open=stage2\.0$"))  # it is open when its stage is again
    settled(page)
    page.go_back()
    expect(layer).to_be_visible()


def test_levels_open_and_close_all_at_once(open_page):
    page = open_page()
    net = trace(Experiment().net)
    for name, word in [("Stages", "stages"), ("Blocks", "blocks"), ("Layers", "layers")]:
        level(page, name).click()
        expect(level(page, name)).to_have_attribute("aria-pressed", "true")
        drawn = len(draw(net, openable(net)[word]).nodes)
        expect(picture(page).locator(".n")).to_have_count(drawn)
        page.wait_for_url(re.compile(rf"open={word}$"))
    level(page, "Net").click()
    expect(picture(page).locator(".n")).to_have_count(6)
    page.wait_for_url(lambda url: "open=" not in url)


def test_opening_and_selecting_wait_for_nobody(open_page):
    """All that changes does so before the click's own JavaScript task has ended."""
    page = open_page()
    settled(page)
    count = f"""chevron => {{
        const root = chevron.getRootNode(), all = () => root.querySelectorAll(".n").length
        const before = all()
        chevron.dispatchEvent({CLICK})
        return [before, all()]
    }}"""
    before, after = chevron(page, "stage3").evaluate(count)
    assert after > before
    mark = f"""box => {{
        const node = box.parentNode
        box.dispatchEvent({CLICK})
        return [...node.getRootNode().querySelectorAll(".sel")].map(n => n.dataset.id)
    }}"""
    assert node(page, "stage1").locator("> .b").evaluate(mark) == ["stage1"]
    expect(page.locator(".facts")).to_contain_text("Stage 1")
    expect(node(page, "stage3.0")).to_be_visible()  # the rerun has left it open


NETS = {
    "attention": replace(
        preset("resnet20"),
        stages=(
            *(replace(row, attention="se") for row in preset("resnet20").stages[:2]),
            preset("resnet20").stages[2],
        ),
    ),
    "resnet50": preset("resnet50"),
    "preact": replace(preset("resnet20"), order="preact"),
}


@pytest.mark.parametrize(
    ("key", "level", "view"),
    [
        ("attention", "layers", View()),
        ("attention", "stages", View()),
        ("preact", "layers", View(folds=True)),
        ("resnet50", "blocks", View(to_scale=True)),
        ("resnet50", "layers", View(folds=True, to_scale=True)),
    ],
)
def test_a_browser_stacks_what_python_draws(open_page, key, level, view):
    switches = ",".join(name for name in ("folds", "to_scale") if getattr(view, name))
    page = open_page(at(NETS[key], f"&open={level}&look={switches}"))
    graph = trace(NETS[key])
    drawn = draw(graph, openable(graph)[level], view)
    still(page)
    expect(picture(page).locator(".n")).to_have_count(len(drawn.nodes))
    assert picture(page).get_attribute("viewBox") == f"0 0 {drawn.width} {drawn.height}"
    seen = picture(page).evaluate(SEEN)
    assert seen.keys() == drawn.nodes.keys()
    for id, box in drawn.nodes.items():
        assert seen[id] == pytest.approx([box.x, box.y, box.w, box.h], abs=0.6), id


def test_the_keyboard_alone_opens_selects_and_edits(open_page):
    page = open_page()

    def press(*keys: str) -> str:
        for key in keys:
            page.keyboard.press(key)
        return page.evaluate(FOCUSED)

    level(page, "Net").focus()
    on = [press("Tab") for _ in range(9)]
    assert on[:8] == ["stages", "blocks", "layers", "out", "in", "fit", "whole", "input"]
    assert on[8] not in openable(trace(Experiment().net))["layers"]  # one stop: then on
    assert press("Shift+Tab", "ArrowDown", "ArrowDown") == "stage1"
    assert press("ArrowRight") == "stage1"
    first = node(page, "stage1.1..8")
    expect(first).to_be_visible()
    assert press("ArrowRight", "ArrowDown", "ArrowRight") == "stage1.1..8"
    assert press("ArrowRight", "ArrowRight", "ArrowRight") == "stage1.1.residual.conv1"
    assert press("ArrowLeft") == "stage1.1"
    assert press("ArrowLeft", "ArrowLeft") == "stage1.1..8"
    assert press("ArrowLeft", "ArrowLeft", "ArrowLeft") == "stage1"
    expect(first).to_have_count(0)
    assert press("End") == "head"
    assert press("Home", "ArrowUp") == "input"
    press("ArrowDown", "ArrowDown", "ArrowDown", "Enter")
    expect(node(page, "stage2")).to_have_class(re.compile(r"\bsel\b"))
    expect(page.locator(".facts")).to_contain_text("Stage 2")
    press("Space")
    expect(node(page, "stage2")).to_have_attribute("aria-expanded", "true")
    press("Space")
    expect(node(page, "stage2")).to_have_attribute("aria-expanded", "false")
    page.keyboard.type("+")
    expect(blocks(page, 2)).to_have_value("10")
    page.keyboard.type("--")
    expect(blocks(page, 2)).to_have_value("8")
    page.keyboard.type("]")
    expect(field(page, "stage 2, Width")).not_to_have_value("32")
    page.keyboard.type("[")
    expect(field(page, "stage 2, Width")).to_have_value("32")
    page.keyboard.type("s")
    shortcut = page.get_by_role("combobox", name="stage 2, Shortcut")
    expect(shortcut).not_to_have_value("A")
    settled(page)
    page.keyboard.type("S")
    expect(shortcut).to_have_value("A")
    assert page.evaluate(FOCUSED) == "stage2"  # through all those answers


def test_plus_and_minus_agree_with_the_table(open_page):
    page = open_page()
    tool(page, 1, "more").click()
    expect(blocks(page, 1)).to_have_value("10")
    expect(node(page, "stage1")).to_contain_text("10 basic blocks")
    tool(page, 3, "fewer").click()
    expect(blocks(page, 3)).to_have_value("8")
    expect(node(page, "stage3")).to_contain_text("8 basic blocks")
    expect(page.locator(".totals")).to_contain_text("−")
    page.locator(".totals").click()
    page.keyboard.press("Control+z")
    expect(blocks(page, 3)).to_have_value("9")
    expect(node(page, "stage3")).to_contain_text("9 basic blocks")
    tool(page, 2, "more").dblclick(delay=10)
    expect(blocks(page, 2)).to_have_value("11")
    expect(node(page, "stage2")).to_contain_text("11 basic blocks")
    expect(node(page, "stage2")).to_have_attribute("aria-expanded", "false")
    blocks(page, 2).fill("3")
    blocks(page, 2).press("Enter")
    expect(node(page, "stage2")).to_contain_text("3 basic blocks")
    tool(page, 2, "more").click()  # counts on from what the table said
    expect(blocks(page, 2)).to_have_value("4")


def test_a_button_stays_under_the_pointer_until_it_is_let_go(open_page):
    page = open_page()
    tool(page, 1, "more").click()
    page.mouse.down()  # before the answer to the click
    expect(blocks(page, 1)).to_have_value("10")
    page.wait_for_timeout(500)  # the form and the picture hear of it at once
    assert "9 basic blocks" in node(page, "stage1").text_content()
    page.mouse.up()
    expect(blocks(page, 1)).to_have_value("11")
    expect(node(page, "stage1")).to_contain_text("11 basic blocks")
    page.mouse.move(5, 5)
    page.mouse.down()  # elsewhere: nothing waits for it
    blocks(page, 1).fill("3")
    blocks(page, 1).press("Enter")
    expect(node(page, "stage1")).to_contain_text("3 basic blocks")
    page.mouse.up()


def test_a_click_on_the_arc_cycles_the_shortcut(open_page):
    page = open_page("/?open=stage2,stage2.0")
    shortcut = page.get_by_role("combobox", name="stage 2, Shortcut")
    expect(shortcut).to_have_value("A")
    reach = page.locator('svg.picture [data-id^="stage2.0."] > .reach').first
    named = reach.get_attribute("aria-label")
    assert "zero" in named.lower() or "A" in named
    reach.scroll_into_view_if_needed()  # once it rests
    x, y = reach.evaluate(
        """arc => {
            const p = arc.getPointAtLength(30).matrixTransform(arc.getScreenCTM())
            return [p.x, p.y]
        }"""
    )
    page.mouse.click(x, y)
    expect(shortcut).not_to_have_value("A")
    now = shortcut.input_value()
    expect(reach).not_to_have_attribute("aria-label", named)
    page.locator(".totals").click()
    page.keyboard.press("Control+z")
    expect(shortcut).to_have_value("A")
    page.keyboard.press("Control+Shift+z")
    expect(shortcut).to_have_value(now)


def test_the_handle_drags_the_width(open_page):
    page = open_page()
    width = field(page, "stage 1, Width")
    node(page, "stage1").hover()
    grip = tool(page, 1, "wider").bounding_box()
    x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y)
    tip = page.locator(".tip.on")
    expect(tip).to_contain_text("Width 16 → ")
    page.mouse.move(x + 60, y, steps=3)
    meant = tip.inner_text().split("→")[1].strip()
    page.mouse.up()
    expect(width).to_have_value(meant)
    expect(node(page, "stage1")).to_contain_text(f"{meant} wide")
    assert int(meant) > 16
    expect(node(page, "stage1")).not_to_have_class(re.compile(r"\bsel\b"))  # a drag is no click


def test_the_twin_is_the_same_picture_without_arcs(open_page):
    page = open_page("/?open=stage1")
    opacity = "arc => getComputedStyle(arc).opacity"
    arc = node(page, "stage1.1..8").locator("> .s").first
    plainly = arc.evaluate(opacity)
    boxes = picture(page).evaluate(SEEN)
    twin(page, "Plain twin").click()
    expect(picture(page).locator("> .ghost")).to_have_count(1)
    assert float(arc.evaluate(opacity)) < 0.3
    assert picture(page).evaluate(SEEN).keys() == boxes.keys()
    page.wait_for_url(re.compile("look=twin"))
    twin(page, "Both").click()
    expect(picture(page).locator("> g")).to_have_count(2)
    expect(picture(page).locator("> .ghost")).to_have_count(1)
    expect(picture(page)).to_contain_text("Without shortcuts")
    chevron(page, "stage2").click()
    both = page.locator('svg.picture [data-id="stage2.0"]')
    expect(both).to_have_count(2)
    assert both.evaluate_all(LEVEL)  # at one moment: the picture may still be fitted to its pane
    expect(picture(page).locator('[tabindex="0"]')).to_have_count(1)
    shoot(page, "both-twins")
    twin(page, "Residual").click()
    expect(picture(page).locator("> .ghost")).to_have_count(0)
    expect(both).to_have_count(1)
    assert arc.evaluate(opacity) == plainly


def test_zoom_and_the_small_map(open_page):
    page = open_page()
    still(page)

    def width() -> float:
        return picture(page).bounding_box()["width"]

    picture(page).hover(trial=True)  # once it rests
    fitted, pane = width(), page.locator(".view:has(> svg.picture)")
    page.get_by_role("button", name="Zoom in").click()
    assert width() == pytest.approx(1.25 * fitted, rel=0.01)
    page.get_by_role("button", name="Zoom out").click()
    assert width() == pytest.approx(fitted, rel=0.01)
    pane.hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    wait_for(lambda: width() > fitted)
    assert width() > 1.3 * fitted
    page.get_by_role("button", name="Fit to width").click()
    assert width() == pytest.approx(fitted, rel=0.01)
    small_map = page.locator("svg.map")
    expect(small_map).to_be_hidden()
    level(page, "Layers").click()
    expect(small_map).to_be_visible()
    pane.evaluate("p => p.scrollTo(0, 0)")
    box = small_map.bounding_box()
    small_map.click(position={"x": 10, "y": box["height"] - 20})
    scrolled, most = pane.evaluate("p => [p.scrollTop, p.scrollHeight - p.clientHeight]")
    assert scrolled > 0.9 * most > 0
    page.get_by_role("button", name="Show all of it").click()
    assert width() < fitted


def test_a_card_tells_on_hover(open_page):
    page = open_page()
    tip = page.locator(".tip:near(svg.picture)").first
    expect(tip).to_be_hidden()
    node(page, "stage2").locator("> .b").hover(position={"x": 60, "y": 12})
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("Stage 2")
    expect(tip).to_contain_text("32×4×4")
    page.locator(".totals").hover()
    expect(tip).to_be_hidden()


def test_motion_is_for_those_who_want_it(open_page):
    page = open_page("/?open=stage1")
    motion = """g => { const { transitionDuration, animationName } = getComputedStyle(g)
        return [transitionDuration, animationName] }"""
    stacked = picture(page).locator(".at").first
    assert stacked.evaluate(motion)[0] != "0s"
    still(page)
    assert stacked.evaluate(motion) == ["0s", "none"]
    chevron(page, "stage2").click()
    fresh = picture(page).locator(".new").first
    assert fresh.evaluate(motion) == ["0s", "none"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_in_both_themes(open_page, scheme):
    page = open_page("/?open=stage2,stage2.0&look=both", scheme)
    colours = """root => [...root.querySelectorAll("g:not(.ghost) > .at .n > text")].map(text => {
        const box = getComputedStyle(text.parentNode.querySelector(":scope > .b"))
        const page = getComputedStyle(root.closest(".view")).backgroundColor
        return [text.textContent, getComputedStyle(text).fill, box.fill, box.fillOpacity, page]
    })"""
    found = picture(page).evaluate(colours)
    assert len(found) > 20
    for word, ink, paint, share, page_colour in found:
        paper = mixed(paint, page_colour, float(share))
        assert contrast(luminance(rgb(ink)), luminance(paper)) >= 4.5, (word, ink, paint, share)
    shoot(page, f"picture-{scheme}")


def rgb(colour: str) -> list[float]:
    """Red, green and blue of a computed CSS colour, from 0 to 1."""
    values = [float(value) for value in re.findall(r"[\d.]+", colour)[:3]]
    return values if "srgb" in colour else [value / 255 for value in values]


def mixed(paint: str, below: str, share: float) -> list[float]:
    """What is seen of a paint that lets through what is below it."""
    if paint == "none":
        return rgb(below)
    pairs = zip(rgb(paint), rgb(below), strict=True)
    return [share * over + (1 - share) * under for over, under in pairs]


def luminance(colour: list[float]) -> float:
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: float, other: float) -> float:
    """WCAG's ratio of two luminances."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_at_200_percent_nothing_runs_off_the_side(chromium, address):
    """A window of 1440×900 has 720×450 CSS pixels then."""
    context = chromium.new_context(viewport={"width": 720, "height": 450}, device_scale_factor=2)
    page = context.new_page()
    page.goto(address)
    settled(page)
    chevron(page, "stage2").click()
    corner(page, "stage2.0")
    expect(node(page, "stage2.0")).to_have_class(re.compile(r"\bsel\b"))
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    box, pane = picture(page).bounding_box(), page.locator(".view:has(> svg.picture)")
    assert box["x"] >= 0 and box["x"] + box["width"] <= 720
    assert pane.bounding_box()["height"] > 200
    shoot(page, "zoomed-200")
    context.close()


def test_a_net_of_1202_layers_opens_collapsed_and_then_in_parts(open_page):
    page = open_page(at(preset("resnet1202")))
    expect(picture(page).locator(".n")).to_have_count(6)
    expect(level(page, "Layers")).to_be_disabled()
    level(page, "Blocks").click()
    expect(picture(page).locator(".n")).to_have_count(3 * 200 + 3 + 3 + 3)
    corner(page, "stage3.150", click_count=2)
    expect(node(page, "stage3.150.residual.conv1")).to_be_visible()
    level(page, "Net").click()
    expect(picture(page).locator(".n")).to_have_count(6)


def test_a_screen_reader_finds_a_tree(open_page):
    page = open_page("/?open=stage2,stage2.0,stage2.2..8")
    tree = page.get_by_role("tree", name="Diagram of the net")
    items = tree.get_by_role("treeitem")
    expect(items.first).to_be_visible()
    expect(items).to_have_count(picture(page).locator(".n").count())
    for name, expanded in [("^Stage 2; ", True), ("^Stage 1; ", False)]:
        found = tree.get_by_role("treeitem", name=re.compile(name), expanded=expanded)
        expect(found).to_have_count(1)
    in_order = ["stage2", "stage2.2..8", "stage2.4"]  # a stage holds a run, which holds blocks
    for depth, id in enumerate(in_order, start=1):
        expect(node(page, id)).to_have_attribute("aria-level", str(depth))
    for layer in ("residual.conv1", "add"):  # a path's length is no depth
        expect(node(page, f"stage2.0.{layer}")).to_have_attribute("aria-level", "3")
    labels = items.evaluate_all("all => all.map(node => node.getAttribute('aria-label'))")
    assert all(labels)
    assert any("conv" in label for label in labels)
    leaves = items.evaluate_all("all => all.filter(n => !n.hasAttribute('aria-expanded')).length")
    assert leaves > 5  # a layer cannot be opened, and says nothing about it
    for name in ("How deep the picture is opened", "Zoom"):
        expect(page.get_by_role("toolbar", name=name)).to_be_visible()
    corner(page, "stage1")
    expect(tree.get_by_role("treeitem", selected=True)).to_have_attribute("data-id", "stage1")
