"""Two browsers on one server, and a recording: who may change what, and what a reload keeps."""

import re
from dataclasses import replace

import pytest
from browsers import CHROMIUM, KEY, grown, points, points_at_rest, serving, settled, shoot
from engines import processes_of, wait_for
from playwright.sync_api import expect

from explorer import cached
from explorer.link import Experiment, encode
from resnet_core.presets import digits
from resnet_core.runs.recording_file import ENDING, read, record

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
LONG = encode(Experiment(net=digits(8), steps=20_000))


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True).locator("visible=true")


def test_a_run_belongs_to_its_browser_and_to_the_lecturer(open_page):
    mine = open_page(f"/?x={LONG}")
    button(mine, "Run").click()
    mine.wait_for_url(re.compile(r"run=\d+"))
    address = "/?run=" + re.search(r"run=(\d+)", mine.url)[1]
    wait_for(lambda: points(mine))
    rate = mine.get_by_role("combobox", name="Learning rate of this run").first
    expect(rate).to_have_value("lr 0.02")
    rate.click()
    mine.get_by_role("option", name="lr 0.005").click()
    expect(rate).to_have_value("lr 0.005")
    button(mine, "Pause").click()  # it keeps two cores busy, and nobody looks at its steps here
    expect(button(mine, "Resume")).to_be_visible()
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
    expect(mine.get_by_test_id("stProgress")).to_contain_text("topped")
    assert mine.evaluate("document.cookie").find("residual_explorer") < 0  # its scripts see none


def test_a_recording_is_played_at_once_and_paused(open_page):
    page = open_page("/?replay=110-layers")
    expect(page.locator(".st-key-recorded")).to_contain_text("110 layers")
    bar = page.get_by_test_id("stProgress")
    expect(bar).to_contain_text("Recorded.")
    button(page, "Runs").click()
    page.get_by_role("tab", name="Recordings").click()
    page.locator(".st-key-runs_body input[type=file]").set_input_files(long_recording())
    expect(page.locator(".st-key-recorded")).to_contain_text("A long one")
    expect(bar).to_contain_text("Recorded. Playing")
    grown(page, points, wait_for(lambda: points(page)))
    button(page, "Pause").click()
    expect(bar).to_contain_text("Paused")
    paused = points_at_rest(page)
    shoot(page, "replay")
    button(page, "To the end").click()
    expect(bar).to_contain_text("steps are done")
    grown(page, points, paused)
    button(page, "Play").click()
    page.get_by_role("menuitem", name="5 × as fast").click()
    page.wait_for_url(re.compile(r"run=-\d+"))
    expect(bar).to_contain_text("Playing")
    replay = page.url
    page.reload()
    expect(bar).to_contain_text("Recorded.")
    assert page.url == replay  # not one that begins anew


def long_recording() -> dict:
    """A file that is played for minutes: a busy machine is in time for the pause."""
    tape = read(next(cached.RECORDED.glob(f"deep*{ENDING}")))
    run, records = replace(tape.run, elapsed_s=400.0), tape.records_at(tape.duration_s)
    content = record(run, records, title="A long one")
    return {"name": f"long{ENDING}", "mimeType": "application/octet-stream", "buffer": content}


@pytest.mark.slow
def test_who_trains_for_a_server_outlives_it_and_then_leaves(chromium, tmp_path):
    with serving(tmp_path) as url:
        page = chromium.new_page()
        page.goto(url)
        settled(page)
        wait_for(lambda: processes_of(tmp_path, "supervisor"))
        page.close()
    assert processes_of(tmp_path, "supervisor")
    wait_for(lambda: not processes_of(tmp_path))
