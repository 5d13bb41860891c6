"""Changes of the net on screen: by the form, the picture, a preset, a repair or a file."""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

from explorer import events, link, stage_table
from explorer.link import Experiment
from explorer.state.looking import DIAGRAM, PROBE, look_afresh, select
from explorer.state.session import commit
from explorer.state.shown import SS, net
from explorer.state.training import on_gpu
from resnet_core import checkpoints
from resnet_core.checkpoints import Inferred
from resnet_core.experiments import EXPERIMENTS
from resnet_core.graph import trace
from resnet_core.presets import PRESETS
from resnet_core.resolve import convs_of
from resnet_core.spec import MAX_JSON, NetSpec, SpecError

#: keys of the widgets and components that the page mounts
FORM, PRESET, FILE, GALLERY = "form", "preset", "file", "experiments"


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


def edit_in_diagram() -> None:
    """Callback of the handles on the picture."""
    apply_edit(SS[DIAGRAM].edit)


def handles() -> dict:
    """What the handles on the picture show of each stage."""
    return stage_table.handles(SS.draft)


def show_net(net: NetSpec) -> None:
    """Callback of a repair, and the end of a good edit."""
    commit(link.named(replace(SS.experiment, net=net)))


def choose_preset() -> None:
    """Callback of the menu of presets."""
    show_preset(SS[PRESET].chosen)


def show_preset(key: str) -> None:
    SS.file_error = SS.checkpoint = None
    look_afresh()
    commit(replace(SS.experiment, net=PRESETS[key].net, base=key))


def choose_experiment(key: str) -> None:
    """Callback of the gallery: net, settings and quantity of a row of EXPERIMENTS."""
    row = EXPERIMENTS[key]
    SS.file_error = SS.checkpoint = None
    look_afresh()
    SS.named, SS[PROBE], SS[GALLERY] = key, row.probe, False
    commit(Experiment.of_run(row.gpu if on_gpu() else row.config))


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
    look_afresh()
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
