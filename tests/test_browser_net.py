"""The whole vocabulary on the page, in a real Chromium: choose, break, mend, compose, take away."""

import subprocess
import sys

import pytest
from browsers import CHROMIUM, field, settled, shoot
from playwright.sync_api import expect

from explorer.link import Experiment, encode
from resnet_core.presets import digits

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


def preset_menu(page):
    expect(page.locator("#chosen")).not_to_be_empty()  # before, the button does nothing
    page.get_by_role("button", name="Preset").click()
    return page.get_by_role("combobox", name="Search presets")


def test_presets_are_searched_by_typing_and_chosen_by_keyboard(open_page):
    page = open_page()
    search = preset_menu(page)
    expect(search).to_be_focused()
    options = page.locator("[data-key]")
    costs = page.locator("[data-key=resnet152]")
    expect(costs).to_contain_text("11.51 G")  # they arrive while one looks
    shoot(page, "presets")
    search.fill("xie 32x4d resnext-50")
    expect(options).to_have_count(1)
    search.press("Enter")
    expect(page.locator(".totals")).to_contain_text("25,028,904 trainable")
    expect(field(page, "stage 1, Cardinality")).to_have_value("32")
    expect(search).to_be_hidden()
    preset_menu(page).press("Escape")
    expect(search).to_be_hidden()
    page.keyboard.press("Control+z")
    expect(page.locator(".totals")).to_contain_text("852,730 trainable")


def test_a_press_in_the_menu_outlives_news(open_page):
    page = open_page()
    preset_menu(page)
    page.locator("[data-key=resnet18]").hover()
    page.mouse.down()
    other = encode(Experiment(net=digits(20)))
    page.evaluate("x => history.pushState(null, '', `?x=${x}`)", other)
    page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    expect(page.locator(".totals")).not_to_contain_text("852,730 trainable")
    page.mouse.up()
    expect(page.locator(".totals")).to_contain_text("11,689,512 trainable")


def test_a_broken_addition_is_red_and_one_click_mends_it(open_page):
    page = open_page()
    page.get_by_role("combobox", name="stage 2, Shortcut").select_option("identity")
    expect(page.get_by_test_id("stAlert").first).to_contain_text("they cannot be added")
    picture = page.locator(".root svg").first
    expect(picture).to_contain_text("cannot be built")
    expect(picture).to_contain_text("F(x) 32×4×4")
    expect(picture.locator('[data-id="stage3"]')).to_have_count(0)
    shoot(page, "broken")
    page.get_by_role("button", name="Projection shortcut (B) in stage 2").click()
    expect(picture.locator('[data-id="stage3"]')).to_have_count(1)
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
    expect(page.locator(".totals")).to_contain_text("+")


def test_an_F_of_ones_own_is_typed_below_its_stage(open_page):
    page = open_page()
    page.get_by_role("combobox", name="stage 1, Block").select_option("composed")
    layers = field(page, "stage 1, F")
    expect(layers).to_have_value("3×16, 3×16")
    layers.fill("1x8, 3x8, 1x24")
    layers.press("Enter")
    expect(field(page, "stage 1, Width")).to_have_value("24")
    expect(page.locator('[data-id="stage1"]')).to_contain_text("1×1, 3×3, 1×1")
    layers.fill("2x8")
    layers.press("Enter")
    expect(page.get_by_test_id("stAlert").first).to_contain_text("a kernel of 2 has no middle")
    expect(layers).to_have_value("2×8")


def test_the_python_file_is_downloaded_and_runs_alone(open_page, tmp_path):
    page = open_page()
    page.locator("summary", has_text="Take away").click()
    picture = page.get_by_alt_text("Picture of ResNet-56 for digits")
    expect(picture).to_be_visible(timeout=30_000)
    picture.evaluate("image => image.decode()")  # it pushes the buttons down
    settled(page)
    with page.expect_download(timeout=30_000) as download:
        page.get_by_role("button", name="Python", exact=True).click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    done = subprocess.run(
        [sys.executable, "-I", str(file)], capture_output=True, text=True, check=True
    )
    assert "852,730" in done.stdout
