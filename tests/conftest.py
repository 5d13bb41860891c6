"""What all tests share: one thread per process, and no test that lacks a GPU or a package."""

import os
import re
import threading

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch starts its threads

import hypothesis
import pytest
import torch

torch.set_num_threads(1)
# how long an example takes says more of the machine than of what is tested
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")
#: what the core does without, or what only tests need: where one is absent, its tests are skipped
SPARED = {
    *("streamlit", "starlette", "plotly", "pandas", "reportlab"),
    *("onnxruntime", "playwright", "pypdf", "tensorboard"),
}


class Module(pytest.Module):
    """A file of tests that may need more than is installed."""

    def collect(self):
        try:
            return super().collect()
        except self.CollectError as e:
            skip_without(e.__cause__)
            raise


def pytest_pycollect_makemodule(module_path, parent):
    return Module.from_parent(parent, path=module_path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    try:
        return (yield)
    except ImportError as e:
        skip_without(e)
        raise


pytest_runtest_call = pytest_runtest_setup  # what a test itself imports


def skip_without(e: BaseException | None) -> None:
    """Skips what could not be imported for want of a package that may be absent."""
    name = (getattr(e, "name", None) or "").partition(".")[0]
    if isinstance(e, ModuleNotFoundError) and name in SPARED:
        pytest.skip(f"needs {name}, which is not installed", allow_module_level=True)


def pytest_collection_modifyitems(items):
    if not torch.cuda.is_available():
        skip = pytest.mark.skip(reason="needs a CUDA device, and this machine has none")
        for item in items:
            if "gpu" in item.keywords:
                item.add_marker(skip)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """The tests of a module, and all in a browser, run in one process: they share what they use."""
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module, _, _ = nodeid.partition("::")
            return "browser" if "test_browser" in module else module

    return ByModule(config, log)


@pytest.fixture(autouse=True)
def own_denormals():
    """Training flushes denormals for its whole process; the next test expects IEEE numbers."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    """Runs of a folder that cannot start any: pages are tested with it, training elsewhere."""
    import streamlit as st  # the core's tests do without
    from streamlit.runtime.context import ContextProxy

    from explorer import cached
    from resnet_core.runs.embedded import Embedded

    monkeypatch.setattr(Embedded, "start", lambda self: None)
    # presets are counted for seconds, beside tests that run nets: a trace patches all modules
    monkeypatch.setattr(cached, "_counting", threading.Thread())
    monkeypatch.setattr(ContextProxy, "cookies", {})  # the driver's browser would send a mock
    monkeypatch.setenv("RESIDUAL_EXPLORER_DATA", str(tmp_path / "data"))
    st.cache_resource.clear()
    yield tmp_path / "data"
    cached.engine().close()
    st.cache_resource.clear()


@pytest.fixture
def engine(tmp_path):
    """Without torch in its trainers, in a folder of its own; no process of it is left."""
    from engines import engine_in

    with engine_in(tmp_path) as engine:
        yield engine


@pytest.fixture
def gate(tmp_path_factory, monkeypatch):
    """gate.allow(20): as far as "gated" runs of the fake trainer may go."""
    from engines import Gate

    path = tmp_path_factory.mktemp("gate") / "steps"
    monkeypatch.setenv("FAKE_TRAIN_GATE", str(path))
    return Gate(path)


@pytest.fixture
def run(capsysbinary):
    """run("count", "resnet20") -> exit code, stdout, stderr of the command line."""
    from resnet_core.cli import main

    def run(*argv: str) -> tuple[int, str, str]:
        try:
            code = main(list(argv))
        except SystemExit as e:  # argparse
            code = e.code
        return code, *(text.decode() for text in capsysbinary.readouterr())

    return run


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    """One server for all browser tests of a process."""
    from browsers import server

    with server(tmp_path_factory.mktemp("served")) as url:
        yield url


@pytest.fixture(scope="module")
def chromium():
    from browsers import CHROMIUM, FLAGS
    from playwright.sync_api import expect, sync_playwright  # the core's tests do without

    expect.set_options(timeout=30_000)  # 5 s are too few for a busy machine
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, address):
    """open_page(path, scheme, size) -> a page in its own browser; a script error fails the test."""
    from browsers import settled

    contexts, troubles = [], []

    def make(path="/", scheme="light", size=(1440, 900)):
        viewport = {"width": size[0], "height": size[1]}
        context = chromium.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda r: troubles.append(r.url) if not is_local(r.url) else None)
        page.goto(address + path)
        page.wait_for_selector("svg.picture .n", timeout=60_000)  # before, its buttons do nothing
        settled(page)
        return page

    yield make
    for context in contexts:
        context.close()
    assert troubles == []


def is_local(url: str) -> bool:
    return re.match(r"(https?|wss?)://127\.0\.0\.1|data:|blob:", url) is not None
