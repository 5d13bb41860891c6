"""The step slider and its play button in a real Chromium."""

import pytest
from browsers import CHROMIUM, settled
from playwright.sync_api import expect

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]

STEP = "() => Number(document.querySelector('.scrub output').textContent.match(/step (\\d+)/)[1])"
HEIGHT = "() => document.querySelector('.rx-figure .plot').offsetHeight"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A server over a run of 30 steps that has ended."""
    from browsers import server
    from stored_runs import stored_run

    from explorer.link import Experiment
    from resnet_core.presets import digits

    folder = tmp_path_factory.mktemp("charts")
    config = Experiment(net=digits(8), steps=30, batch_size=16).config()
    stored_run(folder / "data", config, "steps")
    with server(folder) as url:
        yield url


def test_the_steps_are_played_and_stop_at_the_end(open_page):
    page = open_page("/?run=1")
    slider = page.get_by_role("slider", name="step shown in the depth chart")
    expect(slider).to_be_visible(timeout=20_000)
    height = page.evaluate(HEIGHT)
    slider.fill("3")
    page.wait_for_function(f"({STEP})() === 3")
    play = page.locator(".scrub .play")
    play.click()
    page.wait_for_function(f"({STEP})() > 4")
    expect(play).to_have_attribute("aria-label", "pause here")
    slider.press(" ")  # and the keyboard pauses
    paused = page.evaluate(STEP)
    page.wait_for_timeout(900)
    assert page.evaluate(STEP) == paused
    slider.fill("19")
    slider.press(" ")
    page.wait_for_function(f"({STEP})() === 29")
    expect(play).to_have_attribute("aria-label", "play the steps, the first 20 slowly")
    settled(page)
    assert page.evaluate(HEIGHT) == height > 300  # redrawn from a figure that is kept


def test_a_chart_keeps_its_height_when_its_column_changes(open_page):
    page = open_page("/?run=1", size=(1600, 900))
    expect(page.locator(".scrub .play")).to_be_visible(timeout=20_000)
    height = page.evaluate(HEIGHT)
    page.set_viewport_size({"width": 1200, "height": 900})
    page.wait_for_timeout(600)
    page.get_by_role("slider", name="step shown in the depth chart").fill("5")
    page.wait_for_function(f"({STEP})() === 5")
    page.wait_for_timeout(300)
    assert page.evaluate(HEIGHT) == height
