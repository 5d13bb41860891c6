"""Our trace against torchinfo, fvcore and torchview in one process, and against a bare formula.

cold: nothing is known, every block is new. warm: its blocks were traced before, the net was not.
width, blocks: the net was traced, then one stage's width (a new one) or number of blocks (one
more) was edited; the worst of its stages. We start from the spec; the others get a module that is
built and, but for torchinfo and torchview on the meta device, filled. One thread and the time of
the process, so that other load hardly counts. A rival that is not installed, or cannot do it, is
named with the reason: fvcore and torchview are no requirement of anything else here.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import torch
import torchinfo
from formula import of_cifar, of_imagenet

from resnet_core import graph, net, resolve
from resnet_core.presets import preset
from resnet_core.spec import NetSpec

FORMULAS = {
    "resnet18": of_imagenet(18),
    "resnet50": of_imagenet(50),
    "resnet152": of_imagenet(152),
    "resnet1202": of_cifar(200),
}
#: preset -> {what we do: at most this part of what torchinfo takes on the meta device}
AIMS = {
    "resnet152": {"warm": 1 / 100, "cold": 1 / 3, "width": 1 / 8, "blocks": 1 / 30},
    "resnet1202": {"warm": 1 / 100},
}
REPEATS, PATIENCE = 7, 4.0  # as many, but not longer than so many seconds


def milliseconds(call: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """Median of up to REPEATS calls, each after `before`."""
    times, end = [], time.perf_counter() + PATIENCE
    while not times or (len(times) < REPEATS and time.perf_counter() < end):
        before()
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return 1000 * statistics.median(times)


def forget_nets() -> None:
    graph.KEPT.clear()
    resolve.blocks_of.cache_clear()


def forget_all() -> None:
    forget_nets()
    graph._trace_module.cache_clear()


def edited(spec: NetSpec, stage: int, **fields) -> NetSpec:
    rows = list(spec.stages)
    rows[stage] = replace(rows[stage], **fields)
    return replace(spec, stages=tuple(rows))


def after_edit(spec: NetSpec, change: Callable[[int], NetSpec]) -> float:
    """The slowest of `change(stage)` over all stages, each time with `spec` alone in the caches."""

    def before():
        forget_all()
        graph.trace(spec)

    return max(
        milliseconds(lambda stage=stage: graph.trace(change(stage)), before)
        for stage in range(len(spec.stages))
    )


def ours(key: str) -> dict[str, float]:
    """What we take, in ms."""
    spec, rows = preset(key), preset(key).stages
    graph.trace(spec)
    return {
        "formula": milliseconds(lambda: FORMULAS[key](spec.input_shape, spec.num_classes)),
        "warm": milliseconds(lambda: graph.trace(spec), forget_nets),
        "blocks": after_edit(spec, lambda s: edited(spec, s, num_blocks=rows[s].num_blocks + 1)),
        "width": after_edit(spec, lambda s: edited(spec, s, width=rows[s].width + 8)),
        "cold": milliseconds(lambda: graph.trace(spec), forget_all),
    }


def with_torchinfo(module, shape, device):
    torchinfo.summary(module, input_size=(1, *shape), device=device, depth=4, verbose=0)


def with_fvcore(module, shape, device):
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(module, torch.zeros(1, *shape, device=device))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()


def with_torchview(module, shape, device):
    from torchview import draw_graph

    draw_graph(module, input_size=(1, *shape), device=device, depth=4)


#: name -> (call, device). fvcore traces with torch.jit, which needs real tensors
RIVALS = {
    "torchinfo": (with_torchinfo, "meta"),
    "torchview": (with_torchview, "meta"),
    "torchinfo, real": (with_torchinfo, "cpu"),
    "torchview, real": (with_torchview, "cpu"),
    "fvcore, real": (with_fvcore, "cpu"),
}


def theirs(key: str) -> dict[str, float | str]:
    """What each rival takes, in ms, or why it does not."""
    spec, answer = preset(key), {}
    for name, (call, device) in RIVALS.items():
        with torch.device(device):
            module = net.build(spec).eval()
        try:
            answer[name] = milliseconds(lambda: call(module, spec.input_shape, device))  # noqa: B023
        except ImportError as e:
            answer[name] = f"not installed: {e.name}"
        except Exception as e:  # whatever another program fails with is its result
            answer[name] = f"{type(e).__name__}: {e}"[:200]
    return answer


def verdicts(key: str, row: dict) -> dict[str, dict]:
    """Each aim of a net: its limit, the ratio to torchinfo on the meta device, and if it is met."""
    return {
        name: {
            "aim": aim,
            "ratio": row["ours_ms"][name] / row["theirs_ms"]["torchinfo"],
            "met": row["ours_ms"][name] <= aim * row["theirs_ms"]["torchinfo"],
        }
        for name, aim in AIMS.get(key, {}).items()
    }


def measure(key: str) -> dict:
    row = {"net": preset(key).name, "ours_ms": ours(key), "theirs_ms": theirs(key)}
    return row | {"aims": verdicts(key, row)}


def show(row: dict) -> None:
    print(row["net"])
    torchinfo_ms = row["theirs_ms"]["torchinfo"]
    for name, ms in (row["ours_ms"] | row["theirs_ms"]).items():
        if isinstance(ms, str):
            print(f"  {name:<16} -          {ms}")
            continue
        aim = row["aims"].get(name)
        note = f"  aim 1/{1 / aim['aim']:.0f}: {'met' if aim['met'] else 'missed'}" if aim else ""
        part = torchinfo_ms / ms
        said = f"1/{part:.1f}" if part >= 1 else f"{1 / part:.1f} times"
        print(f"  {name:<16}{ms:>9.2f} ms  {said} of torchinfo on meta{note}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", action="append", choices=FORMULAS, help="one of them; all if none")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    graph.trace(preset("resnet20")), theirs("resnet18")  # all start with their modules imported
    rows = [measure(key) for key in arguments.net or FORMULAS]
    if arguments.json:
        print(json.dumps({"bench": "trace", "rows": rows}))
        return
    for row in rows:
        show(row)


if __name__ == "__main__":
    main()
