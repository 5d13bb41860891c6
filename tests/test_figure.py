"""The chart's component by itself, in a real Chromium: no server is needed."""

import numpy as np
import plotly
import pytest
from browsers import CHROMIUM
from test_charts import NET, curve

from explorer import depth_chart, depth_profile, theme
from explorer.components import source
from resnet_core.twins import twin_of

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
BODY = """<div class="stApp" style="background: rgb(255, 255, 255)"><div id="parent">
<div class="rx-figure"><div class="plot"></div><div class="scrub"></div></div></div></div>"""
MOUNT = """([data]) => {
    window.reports = [];
    return window.mount({data, parentElement: document.getElementById("parent"),
                         setTriggerValue: (name, value) => window.reports.push([name, value])});
}"""
CHANGE = "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }"


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 900, "height": 900})
    page = context.new_page()
    page.set_content(BODY)
    page.add_script_tag(content=plotly.offline.get_plotlyjs())
    code = "\n".join(source(f"figure{part}.js") for part in ("", "_steps"))
    page.add_script_tag(content=code.replace("export default function", "window.mount = function"))
    yield page
    context.close()


def data_of(*steps: int) -> dict:
    """What Python sends of a net and its twin that have come so far."""
    nets = (NET, twin_of(NET))
    curves = [curve(net, np.full((count, 9), 0.1, np.float32)) for net, count in zip(nets, steps)]
    view = depth_chart.draw(depth_profile.alone(curves, "input_grad"), "input_grad", max(steps) - 1)
    return {
        "figure": view.figure.to_json(),
        "scrub": view.scrub,
        "step": None,
        "colours": theme.PAIRS,
        "plotly": "",
        "label": "a chart",
    }


def at(page, index: int) -> str:
    page.locator("input[type=range]").evaluate(CHANGE, index)
    page.wait_for_function(
        f"document.querySelector('output').textContent.startsWith('step {index},')"
    )
    return page.locator("output").text_content()


def test_the_slider_works_where_the_chart_is_taken_off_and_put_back(page):
    """Streamlit may give the same elements to the component once more."""
    data = data_of(6, 6)
    page.evaluate("([data]) => { window.leave = (" + MOUNT + ")([data]); }", [data])
    assert at(page, 2) == "step 2, last is 5"
    page.evaluate("([data]) => { window.leave(); (" + MOUNT + ")([data]); }", [data])
    assert at(page, 3) == "step 3, last is 5"
    page.locator("input[type=range]").dispatch_event("change")
    assert page.evaluate("window.reports") == [["step", 3]]


def test_a_chart_that_is_drawn_anew_keeps_the_step_where_it_was_left(page):
    page.evaluate("([data]) => { (" + MOUNT + ")([data]); }", [data_of(6, 6) | {"step": 2}])
    page.wait_for_function("document.querySelector('output')?.textContent.startsWith('step 2,')")
    assert page.locator(".newest").get_attribute("aria-pressed") == "false"


def test_a_net_that_has_not_come_to_the_step_is_said_to_be_at_its_last(page):
    page.evaluate("([data]) => { (" + MOUNT + ")([data]); }", [data_of(3, 6)])
    assert at(page, 2) == "step 2, last is 5"
    assert at(page, 4) == "step 4, last is 5 · residual: step 2, its last"
