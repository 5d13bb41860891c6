"""What all sessions of this server share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import streamlit as st

from explorer import theme
from explorer.curve import Curve, curve_of
from explorer.drawn import Drawn
from resnet_core.devices import available_devices
from resnet_core.folder import data_folder
from resnet_core.geometry import Field, receptive_fields
from resnet_core.graph import LayerGraph, trace, trace_to_mismatch
from resnet_core.picture import View, drawings, packed, scene
from resnet_core.presets import PRESETS
from resnet_core.run_config import RunConfig
from resnet_core.runs.embedded import Embedded
from resnet_core.runs.engine import ModelRecords
from resnet_core.runs.recordings import Recordings
from resnet_core.runs.with_recordings import WithRecordings
from resnet_core.spec import NetSpec
from resnet_core.twins import pair_of

#: recorded runs that come with the app
RECORDED = Path(__file__).with_name("recordings")
KEPT = 32  # drawn figures: one for each run, quantity and selection that somebody looks at
_figures: OrderedDict[tuple, Drawn] = OrderedDict()
_lock = threading.Lock()
_costs: dict[str, dict[str, str]] = {}  # of each preset, for the menu
UNKNOWN = {"depth": "…", "params": "…", "macs": "…"}


@st.cache_resource(show_spinner=False)
def engine() -> WithRecordings:
    """The one door to runs, recorded ones too; it outlives sessions, and runs outlive it."""
    return WithRecordings(Embedded(data_folder()), Recordings(RECORDED))


@st.cache_resource(show_spinner=False)
def devices() -> dict[str, str]:
    """key -> name, the best first."""
    return dict(available_devices())


def fields(graph: LayerGraph) -> dict[str, Field | None]:
    """`receptive_fields`, computed once while a graph is being looked at."""
    return _fields(graph.net)


@lru_cache(maxsize=16)
def _fields(net: NetSpec) -> dict[str, Field | None]:
    return receptive_fields(trace(net))


def preset_rows() -> list[dict]:
    """What the menu of presets shows of each: text only, ready for the browser.

    All presets take seconds to count, so that is done beside the first pages, which show "…".
    """
    with suppress(RuntimeError):  # it has been started
        _counting.start()
    return [
        {"key": key, "name": row.net.name, "family": row.family, "source": row.source}
        | _costs.get(key, UNKNOWN)
        for key, row in PRESETS.items()
    ]


def await_presets() -> None:
    """Somebody looks at the list: until more costs are known. Only then does it ask again."""
    known = len(_costs)
    while _counting.is_alive() and len(_costs) == known:
        _counting.join(timeout=0.5)


def _count_presets() -> None:
    for key, row in PRESETS.items():
        if not threading.main_thread().is_alive():
            return  # the program ends: a thread that were just cut off in torch would abort it
        graph = trace(row.net)
        cost = {"params": theme.count(graph.params), "macs": theme.count(graph.macs)}
        _costs[key] = {"depth": f"{graph.depth:,}"} | cost


#: not as the thread that imports this, which may well be a daemon
_counting = threading.Thread(target=_count_presets, daemon=False)


def curves(config: RunConfig, records: Sequence[ModelRecords]) -> list[Curve]:
    """The nets of a run with what they showed, the residual one first."""
    graphs = [trace(net) for net in pair_of(config)]
    found = [curve_of(graphs[model.model], model) for model in records]
    return sorted(found, key=lambda curve: curve.role != "residual")


def figures(key: tuple, draw: Callable[[], Drawn]) -> Drawn:
    """Drawn once for all who look at the same: `key` says at what."""
    key = (engine().folder, *key)
    with _lock:
        if key not in _figures:
            _figures[key] = draw()
        _figures.move_to_end(key)
        while len(_figures) > KEPT:
            _figures.popitem(last=False)
        return _figures[key]


@lru_cache(maxsize=32)
def scenes(net: NetSpec, view: View, twin: str) -> list[dict]:
    """What the diagram shows of a net, its twin, or both (one of picture.TWINS); JSON-safe."""
    return [
        {
            **packed(scene(one.graph, view)),
            "role": one.graph.net.role,
            "ghost": one.is_ghost,
            "heading": one.heading,
        }
        for one in drawings(trace_to_mismatch(net), twin)
    ]
