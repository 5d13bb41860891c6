"""The report of a run: one file that asks nobody for anything, in a Chromium without network."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qsl

import pytest
from app_pages import opened
from browsers import CHROMIUM, shoot
from ten_steps import CONFIG, RECORDS, RUN, records_of

from explorer import state
from explorer.link import Experiment
from explorer.report import report
from resnet_core.experiments import EXPERIMENTS

EVIL = '<img src=x onerror="document.title=1">$title</script>'


@pytest.fixture(scope="module")
def evil_run():
    net = replace(CONFIG.net, name=EVIL[:60])
    return replace(RUN, config=replace(CONFIG, net=net), sentence=EVIL, recorded=EVIL)


@pytest.fixture(scope="module")
def page_of_evil(evil_run) -> str:
    return report(evil_run, RECORDS).decode()


def test_a_report_tells_settings_proof_and_how_to_run_it_again(page_of_evil):
    for fact in ("weight decay", "8 of 8 shared tensors identical", "7 of 7 batches"):
        assert fact in page_of_evil
    assert "Diverged at step 6" in page_of_evil and "cookie" not in page_of_evil


def test_a_report_says_when_it_was_begun_and_which_experiment_it_is():
    row = EXPERIMENTS["degradation"]
    page = report(replace(RUN, config=row.config, started_at=86_400.0 * 365), RECORDS).decode()
    assert "Begun on 197" in page  # in 1970 or 1971, by time zone
    assert f"Experiment: {row.title}. {row.question}" in page
    assert "Experiment:" not in report(RUN, RECORDS).decode()


def test_its_link_opens_its_settings_in_the_app(data_folder):
    page = report(RUN, RECORDS).decode()
    address = re.search(r"address: <code>\?(.+?)</code>", page)[1]
    app = opened(**dict(parse_qsl(unescape(address), strict_parsing=True)))
    assert app.session_state.experiment == Experiment.of_run(CONFIG) != Experiment()
    assert not app.error


def test_it_is_the_same_page_whatever_its_reader_is_looking_at(evil_run, page_of_evil, monkeypatch):
    monkeypatch.setattr(state, "presenting", lambda: pytest.fail("it looked at the session"))
    assert report(evil_run, RECORDS).decode() == page_of_evil


def test_names_from_users_are_shown_and_not_obeyed(page_of_evil):
    ours = page_of_evil.replace("&lt;img src=x onerror=&quot;", "")
    assert "<img src=x" not in ours and "&lt;img src=x" in page_of_evil
    assert page_of_evil.count("</script>") == 4  # ours; plotly.js holds none


def test_it_names_no_address_that_a_browser_would_open(page_of_evil):
    own = page_of_evil[: page_of_evil.index('<script type="application/json"')]
    own = own.replace("src=x", "")  # of the name, which is text
    assert not re.findall(r'(?:src|href|srcset|url)\s*[=(]\s*["\']?(?!data:)[\w/]', own)


def test_a_run_of_one_step_is_not_asked_how_it_trains():
    config = replace(CONFIG, steps=1, lr_changes=())
    one = replace(
        RUN,
        config=config,
        resolved=replace(RUN.resolved, config=config),
        models=tuple(replace(m, steps_done=1, end=None) for m in RUN.models),
    )
    page = report(one, [records_of(0, 1), records_of(1, 1)]).decode()
    verdict = page[page.index('class="verdict"') : page.index('class="notes"')]
    assert "at step 0" in verdict and ">training<" not in verdict and "too few" not in verdict


def test_a_run_without_records_has_a_report():
    nothing = replace(RUN, state="queued", ended=None, models=(), elapsed_s=0.0)
    assert "Nothing was recorded" in report(nothing, []).decode()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize(
    "scheme, paper",
    [
        ("light", "rgb(255, 255, 255)"),
        pytest.param("dark", "rgb(16, 21, 29)", marks=pytest.mark.slow),
    ],
)
def test_a_report_works_without_a_network(chromium, tmp_path, page_of_evil, scheme, paper):
    file = tmp_path / "report.html"
    file.write_text(page_of_evil, encoding="utf-8")
    context = chromium.new_context(color_scheme=scheme, viewport={"width": 1100, "height": 900})
    context.set_offline(True)
    page, asked, troubles = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text))
    try:
        page.goto(file.as_uri())
        page.wait_for_selector("#depth .main-svg")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == paper
        height = page.locator("#depth .plot").bounding_box()["height"]
        last = drawn_line(page)
        page.locator("#depth input").fill("3")
        page.wait_for_function(
            "document.querySelector('#depth output').textContent.startsWith('step 3')"
        )
        assert drawn_line(page) != last  # the slider moves the line
        page.select_option("#quantity", "dead")
        page.wait_for_function("document.querySelector('#about').textContent.includes('dead')")
        page.set_viewport_size({"width": 900, "height": 900})
        page.locator("#depth input").fill("1")
        assert page.locator("#depth .plot").bounding_box()["height"] == height > 300
        assert page.title().startswith("<img src=x") and page.locator("img[src=x]").count() == 0
        shoot(page, f"report_{scheme}")
    finally:
        context.close()
    assert asked == [file.as_uri()] and troubles == []


def drawn_line(page) -> list:
    return page.evaluate("document.querySelector('#depth .plot').data[0].y")
