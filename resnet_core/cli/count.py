"""count: what a net costs."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from resnet_core.units import memory as in_bytes
from resnet_core.units import shape

from .nets import checked_net, pick_row
from .options import FINE, NET, batch_argument, input_arguments
from .show import Table, number, show, show_json


def arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("net", help=NET)
    p.add_argument("--layers", action="store_true", help="each layer, too")
    input_arguments(p)
    batch_argument(p)
    p.add_argument("--precision", default="float32", help="float32 (default), mixed, bfloat16")
    p.add_argument("--optimizer", default="sgd", help="sgd (default), adamw")


def run(args: argparse.Namespace) -> int:
    """Parameters, MACs, depth and memory; with --layers those of each layer."""
    from resnet_core.graph import trace
    from resnet_core.memory import OPTIMIZERS, PRECISIONS, training_memory

    precision = pick_row(PRECISIONS, "--precision", args.precision)
    optimizer = pick_row(OPTIMIZERS, "--optimizer", args.optimizer)
    graph = trace(checked_net(args.net, args))
    memory = training_memory(graph, args.batch, args.precision, args.optimizer)
    if args.json:
        value = {
            "name": graph.net.name,
            "input_shape": graph.net.input_shape,
            "num_classes": graph.net.num_classes,
            "params": graph.params,
            "macs": graph.macs,
            "depth": graph.depth,
            "training_memory_bytes": {**asdict(memory), "total": memory.total},
            "batch_size": args.batch,
            "precision": args.precision,
            "optimizer": args.optimizer,
        }
        show_json({**value, "layers": _layers(graph)} if args.layers else value)
        return FINE
    condition = f"batch {args.batch:,}, {precision.title}, {optimizer.title}"
    rows = [
        ("parameters", number(graph.params), "trainable"),
        ("MACs", number(graph.macs), f"one example of {shape(graph.net.input_shape)}"),
        ("depth", number(graph.depth), "conv and linear layers on the main path"),
        ("training memory", in_bytes(memory.total), condition),
        *((f"  {part}", in_bytes(size), "") for part, size in asdict(memory).items()),
    ]
    totals = Table(graph.net.name, ("quantity ", "value", "condition "), rows)
    show(totals, *([_layer_table(graph)] if args.layers else []))
    return FINE


def _layers(graph) -> list[dict]:
    wanted = ("path", "kind", "detail", "shape", "params", "macs")
    return [{name: getattr(op, name) for name in wanted} for op in graph.ops[1:]]


def _layer_table(graph) -> Table:
    headings = ("layer ", "kind ", "detail ", "output ", "parameters", "MACs")
    rows = [
        (op["path"], op["kind"], op["detail"], shape(op["shape"]), number(op["params"]),
         number(op["macs"]))
        for op in _layers(graph)
    ]  # fmt: skip
    return Table(f"{len(rows):,} layers and additions", headings, rows)
