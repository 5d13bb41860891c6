"""The whole main job in a real Chromium: edit, see, run, watch, stop, reload."""

import re

import pytest
from browsers import CHROMIUM, field, grown, newest, points, points_at_rest, settled, shoot
from engines import wait_for
from playwright.sync_api import expect

from explorer.link import Experiment, encode
from resnet_core.presets import digits

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
MANY = 20_000  # steps: a run that ends because it is stopped
LONG = encode(Experiment(net=digits(8), steps=MANY))


def main_button(page, name: str):
    """Of the page itself: Streamlit's header has a Stop of its own while a script runs."""
    return page.get_by_test_id("stMain").get_by_role("button", name=name, exact=True)


def press(page, name: str) -> None:
    main_button(page, name).click()  # fails where there are two


def run_of(page) -> str:
    """The number of the run that the address names, once it names one."""
    page.wait_for_url(re.compile(r"[?&]run=\d+"))
    return re.search(r"[?&]run=(\d+)", page.url)[1]


def status(page) -> str:
    bar = page.get_by_test_id("stProgress")
    return bar.inner_text() if bar.count() else ""


def same_after_reload(page) -> list[int] | None:
    """`newest`, if a reload shows the same; of a paused run not before its nets end their step."""
    points_at_rest(page)
    before = newest(page)
    page.reload()
    points_at_rest(page)
    return before if newest(page) == before else None


def test_an_edit_changes_counts_and_picture(open_page):
    page = open_page()
    expect(page.locator(".totals")).to_contain_text("852,730 trainable")
    card = page.locator('[data-id="stage2"]')
    expect(card).to_contain_text("9 basic blocks · 32 wide")
    field(page, "stage 2, Width").fill("48")
    field(page, "stage 2, Width").press("Enter")
    expect(card).to_contain_text("9 basic blocks · 48 wide")
    expect(page.locator(".totals")).not_to_contain_text("852,730 trainable")
    expect(page.locator(".totals")).to_contain_text("+")
    assert "x=" in page.url
    page.get_by_role("button", name="more: stage 2, Blocks").click()
    expect(card).to_contain_text("10 basic blocks")
    before = page.url
    page.get_by_role("combobox", name="stage 2, Shortcut").select_option("none")
    page.wait_for_url(lambda url: url != before)
    settled(page)
    shoot(page, "edited")
    page.reload()
    expect(page.locator('[data-id="stage2"]')).to_contain_text("10 basic blocks · 48 wide")
    page.go_back()
    page.go_back()
    expect(page.locator('[data-id="stage2"]')).to_contain_text("9 basic blocks · 48 wide")
    page.go_back()
    expect(page.locator('[data-id="stage2"]')).to_contain_text("9 basic blocks · 32 wide")
    expect(page.locator(".totals")).to_contain_text("852,730 trainable")


def test_undo_of_typing_is_not_undo_of_the_net(open_page):
    page = open_page()
    page.get_by_role("button", name="more: stage 2, Blocks").click()
    expect(page.locator('[data-id="stage2"]')).to_contain_text("10 basic blocks")
    field(page, "stage 1, Width").press("9")
    field(page, "stage 1, Width").press("Control+z")
    settled(page)
    expect(page.locator('[data-id="stage2"]')).to_contain_text("10 basic blocks")
    page.locator(".totals").click()
    page.keyboard.press("Control+z")
    expect(page.locator('[data-id="stage2"]')).to_contain_text("9 basic blocks")
    field(page, "stage 3, Width").fill("48")
    field(page, "stage 3, Width").press("Enter")
    expect(page.locator('[data-id="stage3"]')).to_contain_text("48 wide")
    page.keyboard.press("Control+z")  # still in the field, where nothing is being typed
    expect(page.locator('[data-id="stage3"]')).to_contain_text("64 wide")


def test_a_mistake_is_told_beside_the_form_and_the_picture_stays(open_page):
    page = open_page()
    field(page, "stage 1, Width").fill("0")
    field(page, "stage 1, Width").press("Enter")
    expect(page.get_by_test_id("stAlert")).to_contain_text("Stage 1, width: 0 is out of range")
    expect(field(page, "stage 1, Width")).to_have_value("0")
    expect(page.locator('[data-id="stage1"]')).to_contain_text("16 wide")
    shoot(page, "mistake")
    press(page, "Back to the last good net")
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
    expect(field(page, "stage 1, Width")).to_have_value("16")


def test_stages_are_added_and_removed(open_page):
    page = open_page()
    page.get_by_role("button", name="add a stage below stage 3").click()
    expect(page.locator('[data-id="stage4"]')).to_be_visible()
    page.get_by_role("button", name="remove stage 1").click()
    expect(page.locator('[data-id="stage4"]')).to_have_count(0)


def test_the_picture_opens_and_tells(open_page):
    page = open_page()
    press(page, "Layers")
    layer = page.locator('[data-id="stage1.0.residual.conv1"]')
    expect(layer).to_be_visible()
    layer.click()
    expect(page.locator(".facts")).to_contain_text("Stage 1, block 1, F, conv1")
    expect(page.locator(".facts")).to_contain_text("2,304")
    shoot(page, "layers")


def test_a_run_is_seen_to_its_end_and_then_in_all_its_steps(open_page):
    """The default experiment, but for its number of steps."""
    page = open_page(f"/?x={encode(Experiment(steps=24))}")
    page.get_by_role("button", name="Run", exact=True).dblclick()
    run = run_of(page)
    other = open_page(f"/?run={run}", scheme="dark")
    wait_for(lambda: "All 24 steps are done" in status(page), 120)
    settled(page)  # the page is drawn anew when a run ends
    assert run_of(page) == run
    for one in (page, other):
        wait_for(lambda one=one: points(one) == [24, 24])
    expect(page.locator(".st-key-verdict")).to_contain_text("After 24 steps")
    expect(page.get_by_text("332 of 332 shared tensors identical")).to_be_visible()
    expect(page.get_by_text("24 of 24 batches identical")).to_be_visible()
    slider = page.get_by_role("slider", name="step shown in the depth chart")
    slider.fill("0")
    expect(page.locator(".scrub output")).to_have_text("step 0, last is 23")
    shoot(page, "done-light")
    shoot(other, "done-dark")

    field(page, "stage 1, Width").fill("32")
    field(page, "stage 1, Width").press("Enter")
    expect(page.get_by_text("has been edited since")).to_be_visible()
    press(page, "Back to the net of this run")
    expect(page.get_by_text("has been edited since")).to_have_count(0)
    expect(field(page, "stage 1, Width")).to_have_value("16")
    expect(page.locator('[data-id="stage1"]')).to_contain_text("16 wide")
    expect(page.locator(".totals")).to_contain_text("852,730 trainable")
    settled(page)  # the chart moves up, where something above it has gone

    page.locator(".rx-figure .plot .nsewdrag").nth(1).click(position={"x": 60, "y": 20})
    expect(page.locator(".facts-head")).to_contain_text("Stage 1, block")


@pytest.mark.slow
def test_the_default_experiment(open_page):
    page = open_page()
    press(page, "Run")
    wait_for(lambda: "All 120 steps are done" in status(page), 120)
    wait_for(lambda: points(page) == [120, 120])
    expect(page.locator(".st-key-verdict")).to_contain_text("the residual net learned faster")
    expect(page.get_by_text("332 of 332 shared tensors identical")).to_be_visible()
    expect(page.get_by_text("120 of 120 batches identical")).to_be_visible()


def test_a_run_is_watched_live_paused_and_stopped(open_page):
    page = open_page(f"/?x={LONG}")
    press(page, "Run")
    early = wait_for(lambda: (now := newest(page)) and min(now) > 1 and now)
    shoot(page, "running")
    page.evaluate("document.querySelector('.rx-figure .plot').kept = true")
    grown(page, newest, early)
    assert page.evaluate("document.querySelector('.rx-figure .plot').kept")  # one lasting node

    run = run_of(page)
    other = open_page(f"/?run={run}")
    theirs, mine = (wait_for(lambda one=one: newest(one)) for one in (other, page))
    page.reload()
    back = wait_for(lambda: newest(page))  # the first that it shows again
    assert run_of(page) == run
    assert all(now >= before for now, before in zip(back, mine, strict=True))
    grown(page, newest, back)
    grown(other, newest, theirs)
    expect(other.get_by_text("Somebody else's run")).to_be_visible()
    expect(main_button(other, "Stop")).to_have_count(0)
    other.close()  # who looks costs time

    press(page, "Pause")
    wait_for(lambda: "Paused" in status(page))
    settled(page)  # the chart comes after these words
    paused = wait_for(lambda: same_after_reload(page))
    press(page, "Resume")
    grown(page, newest, paused)
    press(page, "Stop")
    wait_for(lambda: "topped" in status(page))
    kept = wait_for(lambda: newest(page))  # the chart is drawn anew when a run ends
    assert min(kept) > 1 and max(kept) < MANY - 1


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (420, 900)], ids=str)
def test_nothing_runs_off_the_side(open_page, scheme, size):
    page = open_page("/?replay=vanishing", scheme, size)
    expect(page.locator(".st-key-verdict")).to_be_visible()
    wait_for(lambda: "of training" in status(page))  # it plays for two seconds
    settled(page)
    shoot(page, f"{scheme}-{size[0]}")
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0
