"""Two browsers on one server, and a recording: who may change what, and what a reload keeps."""

import re

import pytest
from browsers import CHROMIUM, KEY, settled, shoot
from engines import wait_for
from playwright.sync_api import expect

from explorer.link import Experiment, encode
from resnet_core.presets import digits

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
LONG = encode(Experiment(net=digits(8), steps=20_000))


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True).locator("visible=true")


def points(page) -> list[int]:
    """Number of steps that the loss chart shows of each net."""
    return page.evaluate(
        """() => [...document.querySelectorAll('.rx-figure .plot')]
            .filter(p => p.data?.length >= 8).flatMap(p => [0, 4].map(i => p.data[i].x.length))"""
    )


def test_a_run_belongs_to_its_browser_and_to_the_lecturer(open_page):
    mine = open_page(f"/?x={LONG}")
    button(mine, "Run").click()
    mine.wait_for_url(re.compile(r"run=\d+"))
    address = "/?run=" + re.search(r"run=(\d+)", mine.url)[1]
    wait_for(lambda: points(mine), 60)
    rate = mine.get_by_role("combobox", name="Learning rate of this run")
    expect(rate).to_have_value("lr 0.02")
    rate.click()
    mine.get_by_role("option", name="lr 0.005").click()
    expect(rate).to_have_value("lr 0.005")
    mine.reload()
    expect(button(mine, "Stop")).to_be_enabled()
    expect(rate).to_have_value("lr 0.005")

    other = open_page(address)
    expect(other.get_by_text("Somebody else's run")).to_be_visible()
    expect(button(other, "Stop")).to_have_count(0)
    shoot(other, "somebody-else")
    button(other, "Runs").click()
    other.get_by_placeholder("The lecturer's key").fill(KEY)
    other.keyboard.press("Enter")
    expect(other.get_by_text("You have the key")).to_be_visible()
    shoot(other, "runs-menu")
    other.keyboard.press("Escape")
    button(other, "Stop").click()
    expect(mine.get_by_test_id("stProgress")).to_contain_text("topped", timeout=20_000)
    assert mine.evaluate("document.cookie").find("residual_explorer") < 0  # its scripts see none


def test_a_recording_is_played_at_once_and_paused(open_page):
    page = open_page("/?replay=110-layers")  # 56 s: a busy machine is in time for the pause
    expect(page.locator(".st-key-recorded")).to_contain_text("Recorded")
    bar = page.get_by_test_id("stProgress")
    expect(bar).to_contain_text("Recorded. Playing")
    early = wait_for(lambda: points(page), 30)
    wait_for(lambda: max(points(page)) > max(early), 30)
    button(page, "Pause").click()
    expect(bar).to_contain_text("Paused", timeout=20_000)
    settled(page)
    paused = points(page)
    page.wait_for_timeout(1200)
    assert points(page) == paused
    shoot(page, "replay")
    button(page, "To the end").click()
    expect(bar).to_contain_text("steps are done", timeout=20_000)
    wait_for(lambda: min(points(page)) > max(paused), 20)
    button(page, "Play").click()
    page.get_by_role("menuitem", name="5 × as fast").click()
    page.wait_for_url(re.compile(r"run=-\d+"))
    expect(bar).to_contain_text("Playing")
    replay = page.url
    page.reload()
    expect(bar).to_contain_text("Recorded.")
    assert page.url == replay  # not one that begins anew
