"""Colours of the picture in a real Chromium: those of the core, chosen in a menu, by the slider."""

import json

import numpy as np
import pytest
from browsers import CHROMIUM, settled, shoot
from engines import wait_for
from playwright.sync_api import expect

from explorer import paints
from explorer.components import paint, source
from explorer.curve import curve_of
from explorer.link import Experiment, encode
from resnet_core.graph import trace
from resnet_core.picture.colours import colour_of, scale_of
from resnet_core.presets import digits
from resnet_core.probes import labels
from resnet_core.runs.run import ModelRecords
from resnet_core.twins import twin_of

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

#: the component, on a page that has nothing else; gives what it broadcasts at each step
BROADCASTS = """async ([html, code, data, steps]) => {
    document.body.innerHTML = html
    const module = URL.createObjectURL(new Blob([code], { type: "text/javascript" }))
    const { default: mount } = await import(module)
    const leave = mount({ data, parentElement: document.body })
    const found = steps.map(step => {
        window.rxStep = step
        document.dispatchEvent(new CustomEvent("rx-step"))
        return structuredClone(window.rxPaint)
    })
    leave()
    return [found, window.rxPaint]
}"""
#: the colours of the boxes that have one, by id
PAINTED = """svg => Object.fromEntries([...svg.querySelectorAll(".n.painted")]
    .map(node => [node.dataset.id, node.style.getPropertyValue("--paint")]))"""
CUT_OFF = "WebSocket.prototype.send = () => {}"  # nothing reaches the server any more


def measured(key: str, steps: int) -> dict[str, np.ndarray]:
    """Role -> gradients over 20 decades, with exact zeros and what is not finite."""
    rng, found = np.random.default_rng(0), {}
    for role, net in (("residual", digits(8)), ("plain", twin_of(digits(8)))):
        rows = 10 ** rng.uniform(-15, 5, (steps, len(labels(net)[key])))
        rows[0, :3] = 0, np.nan, np.inf
        found[role] = rows.astype(np.float32)
    return found


def test_the_browser_gives_a_value_the_colour_that_a_file_gives_it(chromium):
    key, steps = "input_grad", 8
    rows, curves = measured(key, steps), []
    for model, (role, net) in enumerate((("residual", digits(8)), ("plain", twin_of(digits(8))))):
        places = {key: tuple(labels(net)[key])}
        every = np.arange(steps) * 10
        records = ModelRecords(model=model, labels=places, steps=every, per_op={key: rows[role]})
        curves.append(curve_of(trace(net), records))
    sent = json.loads(json.dumps(paints.of_run(curves, key, folds=False)))
    scale = scale_of(key, rows.values())
    page = chromium.new_page()
    asked = [0, 9, 10, 35, 70, 1000]
    component = [paint.HTML, source("paint.js"), sent, asked]
    found, behind = page.evaluate(BROADCASTS, component)
    page.close()
    assert behind is None, "a legend that leaves takes its colours along"
    for step, detail in zip(asked, found, strict=True):
        row = min(step // 10, steps - 1)  # the last one that is not after the step
        for curve in curves:
            values = dict(zip(curve.records.labels[key], rows[curve.role][row], strict=True))
            expected = {
                path: paints.in_both(*(colour_of(value, scale, dark) for dark in (False, True)))
                for path, value in values.items()
            }
            colours = detail["nets"][curve.role]
            assert {path: colours[path] for path in values} == expected
    texts = found[0]["texts"]["residual"]
    first = [texts[path] for path in curves[0].records.labels[key][:3]]
    assert first == ["exactly 0", "not finite", "not finite"]


def choose(page, name: str) -> None:
    page.get_by_role("combobox", name="Colour by").click()
    page.get_by_role("option", name=name).click()


def picture(page):
    return page.locator("svg.picture")


def test_a_quantity_is_chosen_and_its_legend_says_what_the_colours_mean(open_page):
    page = open_page()
    assert picture(page).evaluate(PAINTED) == {}
    choose(page, "Colour: Parameters")
    sent = paints.of_net(Experiment().net, "params", 64, folds=False)
    expect(page.locator(".head b")).to_have_text("Parameters")
    expect(page.locator(".head span")).to_have_text("trainable values")
    expect(page.locator(".notes")).to_contain_text("no parameters")
    painted = picture(page).evaluate(PAINTED)
    assert set(painted) == {"stem", "stage1", "stage2", "stage3", "head"}
    places = [sent["shades"].index(painted[id]) for id in ("stem", "stage1", "stage2", "stage3")]
    assert places == sorted(set(places)) and places[-1] == len(sent["shades"]) - 1
    page.wait_for_url("**colour=params**")
    shoot(page, "painted")
    choose(page, "Colour: Kind of layer")
    expect(page.locator(".head b")).to_have_count(0)
    wait_for(lambda: picture(page).evaluate(PAINTED) == {})


def test_before_a_run_a_measured_quantity_says_what_to_do(open_page):
    page = open_page("/?colour=weight_grad")
    expect(page.get_by_text("It is measured while a net trains: press Run.")).to_be_visible()
    assert picture(page).evaluate(PAINTED) == {}


def test_the_slider_changes_the_colours_without_a_round_trip(open_page):
    code = encode(Experiment(net=digits(8), steps=12))
    page = open_page(f"/?x={code}&colour=weight_grad")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_test_id("stProgress")).to_contain_text("All 12 steps", timeout=90_000)
    page.reload()  # when a run ends the charts are drawn anew, and here nothing is to come any more
    step = page.locator(".head output")
    expect(step).to_have_text("step 11")
    settled(page)
    cards = {"stem", "stage1", "stage2", "stage3", "head"}
    wait_for(lambda: cards <= set(picture(page).evaluate(PAINTED)))
    last = picture(page).evaluate(PAINTED)
    page.evaluate(CUT_OFF)
    page.get_by_role("slider", name="step shown in the depth chart").fill("0")
    expect(step).to_have_text("step 0")
    first = picture(page).evaluate(PAINTED)
    assert first.keys() == last.keys() and first != last
