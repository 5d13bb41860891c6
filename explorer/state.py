"""The only owner of session-state keys and of the URL. Everything else asks here.

The URL is the state: `x` is the experiment (link.py), `run` the run that is watched, `view` the
presentation mode; look.py has the words for the picture. A rerun reads the URL only when it changed
behind our back: first load, pasted link, Back and Forward.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

import streamlit as st

from explorer import cached, events, link, look, stage_table
from explorer.link import Experiment
from explorer.look import Look
from resnet_core import checkpoints, picture
from resnet_core.checkpoints import Inferred
from resnet_core.graph import LayerGraph, trace, trace_to_mismatch
from resnet_core.presets import PRESETS
from resnet_core.resolve import convs_of
from resnet_core.runs.engine import EngineError
from resnet_core.spec import MAX_JSON, NetSpec, ShapeMismatch, SpecError

SS = st.session_state
HISTORY = 100  # steps of undo
SECONDS = 15  # of a time budget, when it is chosen first

#: keys of the widgets and components that the page mounts
FORM, PRESET, DIAGRAM, DEPTH, DEVICE = "form", "preset", "diagram", "depth", "device_menu"
PROBE, SETTING, BUDGET, FILE = "probe", "setting_", "budget", "file"
LOOK, COLOUR = "look_", "colour"


def begin() -> None:
    """Once per script run, before anything is shown: defaults, then what the URL says."""
    if "experiment" not in SS:
        SS.undo, SS.redo = [], []
        SS.look, SS.stamp, SS.selected = Look(), 0, None
        SS.request_id = uuid.uuid4().hex
        SS.seen, SS.looked = (None, None), {}  # `x` and `run`, and look.WORDS, as last seen
        SS.run = SS.run_missing = SS.refused = SS.device = SS.step = None
        SS.file_error = SS.checkpoint = None
        _show(Experiment())
    _read_url()
    words = {name: st.query_params[name] for name in look.WORDS if name in st.query_params}
    if words != SS.looked:
        SS.looked, SS.look, SS.stamp = words, Look.of(words, graph()), SS.stamp + 1


def _read_url() -> None:
    code, run = st.query_params.get("x"), st.query_params.get("run")
    before_code, before_run = SS.seen
    SS.seen = code, run
    if run != before_run:
        known = run and run.isascii() and run.isdigit() and len(run) < 16
        SS.run, SS.run_missing = (int(run), None) if known else (None, run)
    if code == before_code and (code or before_code or run == before_run):
        return
    try:
        shown = link.decode(code) if code else _without_code()
    except SpecError as e:
        SS.refused = e
        return
    SS.refused = None
    if before_code is not None:
        _remember()
    _show(shown)


def _without_code() -> Experiment:
    """For an address without `x`: the net of the run that it names, or the first screen's."""
    with suppress(EngineError):
        found = cached.engine().run(SS.run) if SS.run is not None else None
        if found is not None:
            return Experiment.of_run(found.config)
    return Experiment()


def _remember() -> None:
    """A step of undo. What was undone before cannot be redone after another change."""
    SS.undo.append(SS.experiment)
    del SS.undo[:-HISTORY]
    SS.redo.clear()


def _show(experiment: Experiment) -> None:
    if "experiment" in SS and experiment.net != SS.experiment.net:
        before, after = trace(SS.experiment.net), trace(experiment.net)
        SS.look, SS.stamp = SS.look.carried(before, after), SS.stamp + 1
    SS.experiment, SS.problem, SS.draft_net = experiment, None, None
    SS.draft = stage_table.draft_of(experiment.net)


def _write_url() -> None:
    SS.looked, code = SS.look.words(graph()), link.encode(SS.experiment)
    SS.seen = code, SS.seen[1]
    _write(x=code)


def _write(**words: str) -> None:
    """These words of the URL, and those of the Look, at once: one step of the browser's history."""
    kept = {k: v for k, v in st.query_params.to_dict().items() if k not in look.WORDS}
    now = kept | words | SS.looked
    if now != st.query_params.to_dict():
        st.query_params.from_dict(now)


def commit(experiment: Experiment) -> None:
    """The one way to change what is on screen, with undo. Call it from callbacks."""
    SS.refused = None
    if experiment != SS.experiment:
        _remember()
    _show(experiment)
    _write_url()


def experiment() -> Experiment:
    return SS.experiment


def net() -> NetSpec:
    """The last good net: what is drawn, counted and run."""
    return SS.experiment.net


def problem() -> SpecError | None:
    """What is wrong with the draft in the form, if it is not the net that is shown."""
    return SS.problem


def draft_net() -> NetSpec | None:
    """What the form describes while it cannot be built; None if a value is wrong in itself."""
    return SS.draft_net


def graph() -> LayerGraph:
    """What the picture shows: the last good net, or the draft up to a (+) that cannot add."""
    if isinstance(SS.problem, ShapeMismatch):
        return trace_to_mismatch(SS.draft_net)
    return trace(net())


def form() -> dict:
    return stage_table.form(SS.draft, SS.problem, SS.selected)


def edit_net() -> None:
    """Callback of the form."""
    apply_edit(SS[FORM].edit)


def apply_edit(reported: object) -> None:
    """A good draft becomes the net, a bad one stays visible as it is and is told."""
    event = events.edit(reported, stage_table.places(SS.draft))
    if event is None:
        return
    if event["action"] == "cycle":
        key = stage_table.next_shortcut(SS.draft, event["where"], event["value"])
        event |= {"action": "set", "value": key}
    SS.draft, SS.draft_net = stage_table.with_edit(SS.draft, event), None
    try:
        SS.draft_net = NetSpec.from_dict(SS.draft)
        trace(SS.draft_net)
    except SpecError as e:
        SS.problem = e
    else:
        show_net(SS.draft_net)


def show_net(net: NetSpec) -> None:
    """Callback of a repair, and the end of a good edit."""
    commit(link.named(replace(SS.experiment, net=net)))


def open_file() -> None:
    """Callback of the uploader: a spec, or a checkpoint from which one is inferred."""
    SS.file_error = SS.checkpoint = None
    if SS[FILE] is not None:
        show_file(SS[FILE].name, SS[FILE])


def show_file(name: str, file: BinaryIO) -> None:
    """The net in a file becomes the net on screen; what is wrong with the file is kept to tell."""
    try:
        if name.lower().endswith(".json"):
            text = file.read(4 * MAX_JSON + 1)  # bytes: more than any spec has
            found = NetSpec.from_json(text.decode("utf-8-sig", errors="replace"))
        else:
            tensors = checkpoints.read(file)
            inferred = checkpoints.infer(tensors)
            SS.checkpoint, found = (name, inferred, tensors), inferred.net
        trace(found)
    except SpecError as e:
        SS.file_error, SS.checkpoint = e, None
        return
    _look_afresh()
    commit(replace(SS.experiment, net=found, base=link.base_of(found) or SS.experiment.base))


def file_error() -> SpecError | None:
    """What was wrong with the file that was opened last."""
    return SS.file_error


def checkpoint() -> tuple[str, Inferred, dict] | None:
    """Name, inferred spec and tensors of the checkpoint that was opened last."""
    return SS.checkpoint


def try_one_convolution(path: str) -> None:
    """Callback: F of the stage that holds the block `path` becomes a single 3×3 convolution."""
    place = int(path.partition(".")[0].removeprefix("stage")) - 1
    rows = list(net().stages)
    width = convs_of(rows[place], 1)[-1].channels
    usual = {"cardinality": 1, "base_width": 64}
    one = {"block": "composed", "layers": ((3, width),), "width": width, **usual}
    rows[place] = replace(rows[place], **one)
    select(path)
    show_net(replace(net(), stages=tuple(rows)))


def revert() -> None:
    """Callback: the form goes back to the last good net."""
    _show(SS.experiment)


def choose_preset() -> None:
    """Callback of the menu of presets."""
    show_preset(SS[PRESET].chosen)


def show_preset(key: str) -> None:
    SS.file_error = SS.checkpoint = None
    _look_afresh()
    commit(replace(SS.experiment, net=PRESETS[key].net, base=key))


def _look_afresh() -> None:
    """Another net: nothing of it is open or selected."""
    SS.selected, SS.look = None, replace(SS.look, opened=frozenset())
    SS.stamp += 1


def can_undo() -> bool:
    return bool(SS.undo) or SS.problem is not None


def can_redo() -> bool:
    return bool(SS.redo)


def undo() -> None:
    """Callback. A mistake in the form is the last change, so it goes first."""
    if SS.problem is not None:
        revert()
    elif SS.undo:
        SS.redo.append(SS.experiment)
        _show(SS.undo.pop())
        _write_url()


def redo() -> None:
    if SS.redo:
        SS.undo.append(SS.experiment)
        _show(SS.redo.pop())
        _write_url()


def setting(name: str) -> str:
    """Key of the widget for a field of the experiment, set to what the experiment says."""
    key = SETTING + name
    SS[key] = getattr(SS.experiment, name)
    return key


def edit_setting(name: str) -> None:
    """Callback of such a widget."""
    changed = replace(SS.experiment, **{name: SS[SETTING + name]})
    try:
        changed.config()
    except SpecError as e:
        SS.refused = e
    else:
        commit(changed)


def budget() -> str:
    """Key of the switch between steps and seconds, set to what the experiment says."""
    SS[BUDGET] = "steps" if SS.experiment.seconds is None else "seconds"
    return BUDGET


def edit_budget() -> None:
    """Callback: a run is limited by steps or by seconds."""
    commit(replace(SS.experiment, seconds=SECONDS if SS[BUDGET] == "seconds" else None))


def device() -> str:
    """Where the next run takes place: the best device, unless another one was chosen."""
    return SS.device or next(iter(cached.devices()))


def device_menu() -> str:
    """Key of the menu, which a screen without it would forget."""
    SS[DEVICE] = device()
    return DEVICE


def choose_device() -> None:
    SS.device = SS[DEVICE]


def select(path: str | None) -> None:
    SS.selected = path


def selected() -> str | None:
    """Path of the part that picture, form, details and charts mark."""
    return SS.selected


def select_in_diagram() -> None:
    select(events.path(SS[DIAGRAM].selected))


def step() -> int | None:
    """The step that the depth chart's slider was left at; None follows the newest."""
    return SS.step


def choose_step() -> None:
    """Callback of that slider."""
    chosen = SS[DEPTH].step
    SS.step = chosen if type(chosen) is int and chosen >= 0 else None


def select_in_chart() -> None:
    point = SS[DEPTH].point
    select(events.path(point.get("path")) if isinstance(point, dict) else None)


def look_of() -> Look:
    """How the picture is looked at: what is open, the switches, the twin, the colours."""
    return SS.look


def opened() -> frozenset[str]:
    """Ids that the picture shows opened; a (+) that cannot add is always in sight."""
    return SS.look.opened | picture.opened_for(graph())


def stamp() -> int:
    """Counts what was opened: a browser that is ahead of it waits for its own clicks' answer."""
    return SS.stamp


def look_at(**changes) -> None:
    """Callback: changes fields of the Look, and the URL with them."""
    if "opened" in changes:
        SS.stamp += 1
    _show_look(replace(SS.look, **changes))


def _show_look(changed: Look) -> None:
    SS.look, SS.looked = changed, changed.words(graph())
    _write()


def colour_menu(usual: str) -> str:
    """Key of the menu of colours, set to the Look's; `usual` stands for those of kinds."""
    SS[COLOUR] = SS.look.colour or usual
    return COLOUR


def choose_colour(usual: str) -> None:
    """Callback of that menu."""
    look_at(colour=None if SS[COLOUR] == usual else SS[COLOUR])


def look_widget(name: str) -> str:
    """Key of the widget for a switch of the picture, set to what the Look says."""
    key = LOOK + name
    SS[key] = getattr(SS.look.view if name in look.SWITCHES else SS.look, name)
    return key


def look_from(name: str) -> None:
    """Callback of such a widget."""
    change = {name: SS[LOOK + name]}
    look_at(**{"view": replace(SS.look.view, **change)} if name in look.SWITCHES else change)


def open_in_diagram() -> None:
    """Callback of the picture, which has drawn it already."""
    report = SS[DIAGRAM].opened
    if isinstance(report, dict):
        SS.stamp = max(SS.stamp, events.stamp(report.get("stamp")))
        _show_look(replace(SS.look, opened=events.ids(report.get("ids"))))


def edit_in_diagram() -> None:
    """Callback of the handles on the picture."""
    apply_edit(SS[DIAGRAM].edit)


def handles() -> dict:
    """What the handles on the picture show of each stage."""
    return stage_table.handles(SS.draft)


def on_screen() -> tuple:
    """Changes when anything does that other panels show: a fragment then reruns the whole page."""
    return SS.experiment, SS.selected, SS.run, SS.refused, SS.step


def watch(run_id: int) -> None:
    """Show this run, and put it into the URL: a reload and a second browser find it there."""
    SS.run, SS.run_missing, SS.refused, SS.step = run_id, None, None, None
    st.query_params["run"] = str(run_id)
    SS.seen = SS.seen[0], str(run_id)
    SS.request_id = uuid.uuid4().hex


def run_id() -> int | None:
    return SS.run


def missing_run(found: bool) -> str | None:
    """The run that the URL asks for, if there is none."""
    if SS.run_missing:
        return SS.run_missing[:20]
    return str(SS.run) if SS.run is not None and not found else None


def request_id() -> str:
    """Names the run that the next press of Run starts; pressed twice, it is the same run."""
    return SS.request_id


def refuse(error: Exception) -> None:
    """Something asked for cannot be done: shown until the next change."""
    SS.refused = error


def refused() -> Exception | None:
    return SS.refused


def presenting() -> bool:
    """Presentation mode: fonts for the back row, only run controls, chart and picture."""
    return st.query_params.get("view") == "present"


def toggle_presenting() -> None:
    if presenting():
        del st.query_params["view"]
    else:
        st.query_params["view"] = "present"
