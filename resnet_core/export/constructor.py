"""NetSpec -> the source of a function that builds this net from plain arguments.

It says what net.assemble does with every choice made: tables are looked up here, not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import groupby

from resnet_core.blocks import BLOCKS, ORDERS, EveryLayer
from resnet_core.inits import INITS, nothing_more
from resnet_core.layers import Kit, NoNorm
from resnet_core.net import build_stem, kit_of
from resnet_core.resolve import blocks_of
from resnet_core.shortcuts import SHORTCUTS, no_shortcut
from resnet_core.spec import BlockSpec, NetSpec, StageSpec
from resnet_core.stems import POOLS, STEMS, Stem

#: modules whose names the text below may use
HOMES = tuple(
    thing.__module__
    for thing in (Kit, SHORTCUTS["B"].make, EveryLayer, nothing_more, Stem, build_stem)
)
LINE = 100  # characters, as in the project's own sources


def constructor(net: NetSpec, name: str) -> str:
    """`def name(): ...`, as ruff formats it. Random numbers are drawn in the order of `build`.

    Raises SpecError for a net that cannot be built.
    """
    init = INITS[net.init]
    steps = [init.draw] if init.finish is nothing_more else [init.draw, init.finish]
    has_drop = any(block.has_drop for block in blocks_of(net))
    body = [
        '"""New weights at every call: torch.manual_seed first makes them repeatable."""',
        *_stem(net),
        f"stages, channels = [], {net.stem_width}",
        *(["number = 0  # of the residual block: the later, the more often its F is dropped"])
        * has_drop,
        *_runs(net),
        *_head(net),
        "net = ResNet(stem, stages, head)",
        *(f"{step.__name__}(net)" for step in steps),
        "return net",
    ]
    return "\n".join([f"def {name}() -> ResNet:", *_indented(body)])


def _stem(net: NetSpec) -> Iterator[str]:
    kit, order = kit_of(blocks_of(net)[0]), ORDERS[net.order]
    convs = f"{STEMS[net.stem].convs.__name__}({net.stem_width})"
    ends = f"last_norm={order.stem_norm}", f"last_act={order.stem_act}"
    shown = str(net.input_shape[0]), convs, _named(kit.norm), _named(kit.act), *ends
    yield from _call("stem = Stem", shown, 4)
    for name, make, stride in POOLS[net.stem_pool].layers[net.antialias]:
        yield f'stem.add_module("{name}", {_named(make)}({net.stem_width}, {stride}))'


def _runs(net: NetSpec) -> Iterator[str]:
    """A table and a loop for each run of stages whose blocks are of one kind."""
    num_residual = sum(stage.num_blocks for stage in net.stages if stage.shortcut != "none")
    drop = f"{net.stochastic_depth} / 100 * number / {num_residual}"
    first_blocks = (block for block in blocks_of(net) if block.path.endswith(".0"))
    stages = zip(net.stages, first_blocks, strict=True)
    last_kit = None
    for _, run in groupby(stages, key=lambda s: (s[0].block, s[0].shortcut, s[0].attention)):
        rows, blocks = zip(*run)
        kit = list(_call("kit = Kit", _kit(blocks[0], drop), 12 if blocks[0].has_drop else 4))
        if not blocks[0].has_drop and kit != last_kit:
            yield from kit
        last_kit = kit
        columns = _columns(rows)
        yield f"table = (  # {', '.join(columns)}"
        yield from _indented(f"({', '.join(map(str, row))})," for row in zip(*columns.values()))
        yield ")"
        yield f"for {', '.join(columns)} in table:"
        yield "    blocks = []"
        yield "    for index in range(num_blocks):"
        if blocks[0].has_drop:
            yield from _indented(["number += 1", *kit], 8)
        yield from _indented(_block(rows, blocks[0], columns), 8)
        yield "    stages.append(nn.Sequential(*blocks))"


def _columns(rows: tuple[StageSpec, ...]) -> dict[str, list]:
    """What a loop's table shows: what differs from stage to stage, and what readers look for."""
    shown = {"num_blocks": "num_blocks", "width": "width", "first_stride": "stride"}
    if rows[0].layers:  # their last one says the width
        shown = {"num_blocks": "num_blocks", "layers": "layers", "first_stride": "stride"}
    varied = ("cardinality", "base_width")
    shown |= {name: name for name in varied if len({getattr(row, name) for row in rows}) > 1}
    return {column: [getattr(row, name) for row in rows] for column, name in shown.items()}


def _block(rows: tuple[StageSpec, ...], block: BlockSpec, columns: dict) -> Iterator[str]:
    """The body of the inner loop: see net.convs_of and net.build_block."""
    kind, row, order = BLOCKS[block.block], SHORTCUTS[block.shortcut], ORDERS[block.order]
    settings = ["layers" if "layers" in columns else "width", "stride"]
    if {(stage.cardinality, stage.base_width) for stage in rows} != {(1, 64)}:
        groups = {"cardinality": rows[0].cardinality, "base_width": rows[0].base_width}
        settings += [name if name in columns else str(value) for name, value in groups.items()]
    yield "stride = first_stride if index == 0 else 1"
    yield f"convs = {kind.convs.__name__}({', '.join(settings)})"
    if row.every_layer:
        yield "blocks.append(EveryLayer(channels, convs, kit))"
    elif row.make is no_shortcut:
        yield f"blocks.append({order.make.__name__}(channels, convs, None, None, kit))"
    else:
        norm = "kit.norm" if order.projection_norm else NoNorm.__name__
        yield "arms = channels, convs[-1].channels, stride"
        yield f"shortcut = {row.make.__name__}(*arms, {norm})"
        yield f"add = {row.join.__name__}(*arms)"
        yield f"blocks.append({order.make.__name__}(channels, convs, shortcut, add, kit))"
    yield "channels = convs[-1].channels"


def _head(net: NetSpec) -> Iterator[str]:
    kit, order = kit_of(blocks_of(net)[0]), ORDERS[net.order]
    optional = {
        "norm": order.head_norm and kit.norm,
        "act": order.head_act and kit.act,
        "before": kit.before,
    }
    shown = [f"{name}={_named(make)}" for name, make in optional.items() if make]
    yield from _call("head = Head", ["channels", str(net.num_classes), *shown], 4)


def _kit(block: BlockSpec, drop: str) -> Iterator[str]:
    """Norm and activation, and what else is not as usual."""
    kit = kit_of(block)
    for field in fields(Kit):
        value = getattr(kit, field.name)
        if field.name == "drop" and block.has_drop:
            yield f"drop={drop}"
        elif field.name in ("norm", "act") or value != field.default:
            yield f"{field.name}={_named(value)}"


def _named(make: type) -> str:
    """A class or function as the text calls it."""
    return f"nn.{make.__name__}" if make.__module__.startswith("torch.nn.") else make.__name__


def _call(start: str, arguments: Iterable[str], indent: int) -> Iterator[str]:
    """start(arguments), one per line if it would be too long."""
    arguments = list(arguments)
    line = f"{start}({', '.join(arguments)})"
    if indent + len(line) <= LINE:
        yield line
    else:
        yield f"{start}("
        yield from (f"    {argument}," for argument in arguments)
        yield ")"


def _indented(lines: Iterable[str], by: int = 4) -> Iterator[str]:
    return (" " * by + line for line in lines)
