"""The picture: layout and SVG against Graphviz's `dot`, and clicks in a real Chromium.

layout: the pieces of a net (scene), put together for what is open (compose), and what a browser is
sent instead (packed). Blocks that were drawn before, in this net or another, are kept: `first` is
the scene without them. dot: the source of the same graph by the `graphviz` package, and `dot
-Tsvg`. All of it is processor time, so that other load hardly counts.

clicks: from the event to the first frame after the picture has changed, in the page itself, on
ResNet-50 with its stages and one block open. `empty rerun` is a rerun of that page in which nothing
has changed, until its script has ended. `graphviz_chart` is the same page with the picture drawn by
st.graphviz_chart, which Graphviz lays out in the browser: from a new address, with one stage more
or less open, to the frame that shows it. What is missing on this machine is named and left out.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from browsers import CHROMIUM, FLAGS, server, settled

from explorer.link import Experiment, encode
from resnet_core.graph import trace
from resnet_core.picture import dot, openable, packed, scene
from resnet_core.picture.compose import compose
from resnet_core.picture.scene import DRAWN
from resnet_core.presets import preset

#: preset -> the level to which it is opened
NETS = {"resnet50": "stages", "resnet152": "layers", "resnet1202": "net"}
REPEATS = 9
#: ratio -> at most this
AIMS = {
    "resnet152: layout / source + dot": 1 / 40,
    "open / empty rerun": 1,
    "select / empty rerun": 1,
    "plus / empty rerun": 2,
    "arc / empty rerun": 2,
    "twin / empty rerun": 2,
    "fold / empty rerun": 2,
}

PAGE = """
const QUIET = 150 // ms without a message: the script has ended
const app = () => document.querySelector('[data-testid=stApp]')
const chart = () => document.querySelector('[data-testid=stGraphVizChart] svg')?.textContent ?? ''
const inside = () => [...document.querySelectorAll('*')]
    .map(e => e.shadowRoot).find(root => root?.querySelector('svg.picture'))
const drawn = node => [...node.children]
    .filter(mark => !/tools|reach/.test(mark.getAttribute('class')))
    .map(mark => mark.textContent + mark.getAttribute('d'))
const picture = () => inside().querySelectorAll('.ghost').length
    + [...inside().querySelectorAll('svg.picture .n')]
        .map(node => node.dataset.id + node.getAttribute('class') + drawn(node)).join('|')
const frame = () => new Promise(done => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => done(performance.now())
    port2.postMessage(0) // after that frame is drawn
}))
const until = async (met, start) => {
    while (!met())
        if (await frame() - start > 20000) throw new Error('nothing has changed')
}
window.benchRerun = () => dispatchEvent(new PopStateEvent('popstate'))
window.benchClick = (css, i = 0) => inside().querySelectorAll(css)[i].dispatchEvent(
    new MouseEvent('click', { bubbles: true, composed: true, detail: 1 }))
window.benchChanged = async (of, act) => {
    const look = of === 'chart' ? chart : picture, before = look(), start = performance.now()
    act()
    await until(() => look() !== before, start)
    return await frame() - start
}
let received = 0 // messages from the server; its script may end before a frame shows that it ran
window.WebSocket = class extends WebSocket {
    constructor(...args) {
        super(...args)
        this.addEventListener('message', () => received++)
    }
}
window.benchEnded = async act => {
    const start = performance.now(), before = received
    let seen = before, ended = null // the first frame after all of it
    act()
    while (ended === null || performance.now() - ended < QUIET) {
        const now = await frame()
        if (now - start > 20000) throw new Error('no rerun has ended')
        const isOver = received > before && app().dataset.testScriptState === 'notRunning'
        ended = received === seen && isOver ? ended ?? now : null
        seen = received
    }
    return ended - start
}
"""


def median_ms(call: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Of several calls, by a clock that gives seconds."""
    times = []
    for _ in range(REPEATS):
        start = clock()
        call()
        times.append(clock() - start)
    return 1000 * statistics.median(times)


def layout(key: str) -> dict:
    """What we take for a net, in ms, and what comes of it, in bytes."""
    graph = trace(preset(key))
    opened, pieces = openable(graph)[NETS[key]], scene(graph)
    sent = json.dumps(packed(pieces)).encode()
    row = {
        "first_ms": median_ms(lambda: (DRAWN.clear(), scene(graph))),
        "scene_ms": median_ms(lambda: scene(graph)),
        "compose_ms": median_ms(lambda: compose(pieces, opened)),
        "packed_ms": median_ms(lambda: json.dumps(packed(pieces))),
        "packed_bytes": len(sent),
        "svg_bytes": len(compose(pieces, opened).svg.encode()),
        "source_ms": median_ms(lambda: dot(graph, opened)),
    }
    row["layout_ms"] = row["scene_ms"] + row["compose_ms"]
    return row | dot_run(dot(graph, opened)) | {"net": preset(key).name, "opened": NETS[key]}


def dot_run(source: str) -> dict:
    """Processor time of `dot` in ms and its bytes; or why there are none."""
    if shutil.which("dot") is None:
        return {"dot_skipped": "Graphviz's dot is not on this machine"}

    def call() -> bytes:
        done = subprocess.run(
            ["dot", "-Tsvg"], input=source.encode(), capture_output=True, check=True
        )
        return done.stdout

    return {"dot_ms": median_ms(call, clock=of_children), "dot_svg_bytes": len(call())}


def of_children() -> float:
    """Processor time, in s, of processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


#: click -> JavaScript that does it the nth time (`i`); each changes the picture
CLICKS = {
    "open": "benchClick('[data-id=stage2] > .c')",
    "select": "benchClick(`[data-id=stage${1 + i % 4}] > .b`)",
    "plus": "benchClick('[data-id=stage3] > .tools .more')",
    "arc": "benchClick('.reach', 1)",
    "twin": "document.querySelectorAll('[role=radiogroup][aria-label=Twin] [role=radio]')"
    "[(i + 1) % 2].click()",
    "fold": "document.querySelector('[data-testid=stPopoverBody] input').click()",
}
OPENED = "stage1,stage2,stage3,stage4"
EMPTY = "empty rerun"
CHART = "graphviz_chart"


def clicks() -> dict:
    """click -> its times in ms; or why there are none."""
    if CHROMIUM is None:
        return {"skipped": "no Chromium on this machine"}
    from playwright.sync_api import sync_playwright

    with (
        tempfile.TemporaryDirectory() as folder,
        server(Path(folder)) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        found = in_browser(browser, url)
        browser.close()
    return {
        name: {"median_ms": statistics.median(ms), "first_ms": ms[0]} for name, ms in found.items()
    }


def in_browser(browser, url: str) -> dict[str, list[float]]:
    start = f"{url}/?x={encode(Experiment(net=preset('resnet50')))}"
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(PAGE)

    def time_of(script: str, i: int) -> float:
        if "Popover" in script and not page.get_by_test_id("stPopoverBody").count():
            page.get_by_role("button", name="View", exact=True).click()
        settled(page)
        return page.evaluate(f"i => {script}", i)

    page.goto(f"{start}&open={OPENED},stage1.0")
    await_presets(page)
    found = {name: [] for name in (EMPTY, *CLICKS, CHART)}
    for i in range(REPEATS):  # in turn, so that other load falls on all alike
        found[EMPTY].append(time_of("benchEnded(benchRerun)", i))
        for name, click in CLICKS.items():
            found[name].append(time_of(f"benchChanged('picture', () => {click})", i))
    page.goto(f"{start}&open={OPENED}&look=dot")
    reopen = f"""benchChanged('chart', () => {{
        const open = i % 2 ? '{OPENED}' : 'stage1,stage3,stage4'
        history.pushState(null, '', `{start}&look=dot&open=${{open}}`)
        benchRerun()
    }})"""
    found[CHART] = [time_of(reopen, i) for i in range(REPEATS)]
    return found


def await_presets(page) -> None:
    """The server counts all presets once, beside its first pages."""
    settled(page)
    page.get_by_role("button", name="Preset").click()
    page.locator("[data-key=resnet1202]", has_text="G").wait_for()
    page.keyboard.press("Escape")


def ratios(rows: dict, browser: dict) -> dict[str, float]:
    found = {
        f"{key}: layout / source + dot": row["layout_ms"] / (row["source_ms"] + row["dot_ms"])
        for key, row in rows.items()
        if "dot_ms" in row
    }
    if EMPTY in browser:
        ms = {name: row["median_ms"] for name, row in browser.items()}
        found |= {f"{name} / {EMPTY}": ms[name] / ms[EMPTY] for name in CLICKS}
        found |= {f"{name} / {CHART}": ms[name] / ms[CHART] for name in CLICKS}
    return found


def show(rows: dict, browser: dict, found: dict[str, float]) -> None:
    for row in rows.values():
        print(f"{row['net']}, opened: {row['opened']}")
        print(
            f"  scene {row['scene_ms']:.1f} ms (first {row['first_ms']:.1f} ms) + "
            f"compose {row['compose_ms']:.1f} ms: {row['svg_bytes']:,} bytes of SVG"
        )
        print(f"  packed {row['packed_ms']:.1f} ms: {row['packed_bytes']:,} bytes to the browser")
        if "dot_skipped" in row:
            print(f"  dot skipped: {row['dot_skipped']}")
        else:
            print(
                f"  source {row['source_ms']:.1f} ms + dot {row['dot_ms']:.1f} ms: "
                f"{row['dot_svg_bytes']:,} bytes of SVG"
            )
    for name, row in browser.items():
        if name == "skipped":
            print(f"clicks skipped: {row}")
        else:
            print(f"{name:<16}{row['median_ms']:>8.1f} ms  (first {row['first_ms']:.1f} ms)")
    for name, ratio in found.items():
        said = f"1/{1 / ratio:.1f}" if ratio < 1 else f"{ratio:.2f}"
        aim = AIMS.get(name)
        note = f"  aim {f'1/{1 / aim:.0f}' if aim < 1 else aim}: " if aim else ""
        print(f"{name:<34}{said}{note}{('met' if ratio <= aim else 'missed') if aim else ''}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    rows = {key: layout(key) for key in NETS}
    browser = clicks()
    found = ratios(rows, browser)
    if arguments.json:
        print(json.dumps({"bench": "picture", "layout": rows, "clicks": browser, "ratios": found}))
    else:
        show(rows, browser, found)


if __name__ == "__main__":
    main()
