"""The page's own style sheet, on a skeleton of the page in a real Chromium: no server is needed."""

import tomllib

import pytest
from browsers import CHROMIUM, ROOT

from explorer import theme

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
COLUMN = '<div data-testid="stColumn" style="height: {}px"></div>'
BUTTON = '<button kind="primary" style="background: {}">Run</button>'
BOXES = """() => [...document.querySelectorAll('[data-testid=stColumn]')]
    .map(e => e.getBoundingClientRect()).map(b => [b.left, b.top, b.width])"""
#: as Streamlit has it
USUAL = """
:root { color-scheme: light dark; }
body { margin: 0; }
[data-testid=stHorizontalBlock] { display: flex; align-items: flex-start; }
[data-testid=stColumn] { flex: 1 1 30%; width: 30%; }
button { color: #ffffff; }
"""


@pytest.fixture
def shown(chromium):
    """shown(body, width, scheme) -> a page of that body in the app's styles."""
    contexts = []

    def make(body: str, width: int = 1280, scheme: str = "light", presenting: bool = False):
        ours = theme.style_sheet(presenting) + (ROOT / "explorer/static/page.css").read_text()
        size = {"width": width, "height": 900}
        contexts.append(chromium.new_context(viewport=size, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.set_content(f"<style>{USUAL}{ours}</style>{body}")
        return page

    yield make
    for context in contexts:
        context.close()


def columns(shown, width: int) -> list[list[float]]:
    """Left, top and width of what goes in, the net, and what happens."""
    three = "".join(COLUMN.format(height) for height in (700, 500, 2000))
    row = f'<div data-testid="stHorizontalBlock">{three}</div>'
    return shown(f'<div class="st-key-screen"><div>{row}</div></div>', width).evaluate(BOXES)


def test_run_is_within_reach_at_every_width(shown):
    """What happens begins at the top: beside the form or, where there is room for one, above it."""
    form, net, happens = columns(shown, 1280)
    assert form[1] == net[1] == happens[1] == 0 and form[0] < net[0] < happens[0]
    form, net, happens = columns(shown, 900)
    assert form[1] == happens[1] == 0 and happens[0] >= 450 > form[0]
    assert net[0] == form[0] and 700 <= net[1] < 800  # below the form, however long the other is
    form, net, happens = columns(shown, 420)
    assert happens[1] == 0 and form[1] >= 2000 and net[1] > form[1]
    assert {width for _, _, width in (form, net, happens)} == {420}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_words_of_the_main_button_can_be_read(shown, scheme):
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    config = tomllib.loads((ROOT / "explorer/.streamlit/config.toml").read_text())
    green = config["theme"][scheme]["primaryColor"]
    button = shown(BUTTON.format(green), scheme=scheme).locator("button")
    said = button.evaluate("e => getComputedStyle(e).color")
    ink = [int(part) for part in said.removeprefix("rgb(").removesuffix(")").split(",")]
    paper = [int(green[place : place + 2], 16) for place in (1, 3, 5)]
    dark, light = sorted(map(luminance, (ink, paper)))
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def luminance(rgb: list[int]) -> float:
    """WCAG 2.2, relative luminance."""
    parts = (c / 255 for c in rgb)
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


ANSWER = """<div class="st-key-answer" style="display: flex; flex-direction: column; width: {}px">
    <div data-testid="stElementContainer"><div class="claims"><b class="chip">does not show it</b>
        10 of 10 claims hold</div></div>
    <div><details><summary style="display: flex"><span style="display: flex; flex: 1">
        <i>Claim by claim</i></span></summary></details></div></div>"""
OVERLAP = """() => {
    const said = document.createRange(), box = e => e.getBoundingClientRect()
    said.selectNodeContents(document.querySelector('.claims'))
    const [one, other] = [said, document.querySelector('i')].map(box)
    const clear = one.right <= other.left || one.bottom <= other.top
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize)
    return [clear, one.top < other.bottom && other.top < one.bottom, rem]
}"""


@pytest.mark.parametrize("presenting", [False, True])
def test_an_answer_and_what_opens_its_claims_share_a_line_where_there_is_room(shown, presenting):
    for width in range(250, 900, 50):
        page = shown(ANSWER.format(width), presenting=presenting)
        is_clear, in_a_line, rem = page.evaluate(OVERLAP)
        assert is_clear and in_a_line == (width >= 28 * rem), width
