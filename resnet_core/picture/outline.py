"""What a picture shows, and how deep: LayerGraph + opened ids -> a tree of nodes.

An id is a module path ("stage2", "stage2.0", "stage2.0.conv1"); a run of equal blocks that is
shown as one card is "stage2.2..8", from its first to its last block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from resnet_core.graph import LayerGraph, Op
from resnet_core.spec import BlockSpec

#: A longer run of equal blocks shows its first, and one card for the others.
LONGEST_RUN = 4


@dataclass(frozen=True)
class Node:
    """One box: a layer, or a card that holds layers."""

    id: str
    kind: str  # "stem", "stage", "run", "block", "head", or the kind of its op
    title: str
    ops: tuple[Op, ...]  # everything inside, in order of execution
    in_shape: tuple[int, ...]
    what: str = ""  # the line below the title
    stride: int = 1
    skips: tuple[str, ...] = ()  # of each block inside: kind of its shortcut, "" for a plain one
    children: tuple[Node, ...] = ()  # what is visible inside
    can_open: bool = False
    on_shortcut: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the output: C, H, W, or C behind the flatten."""
        return self.ops[-1].shape

    @property
    def params(self) -> int:
        return sum(op.params for op in self.ops)

    @property
    def macs(self) -> int:
        return sum(op.macs for op in self.ops)


def outline(graph: LayerGraph, opened: frozenset[str] = frozenset()) -> tuple[Node, ...]:
    """The nodes at the top level, input first; those in `opened` have children."""
    return tuple(
        _part(graph, opened, part, tuple(ops)) for part, ops in groupby(graph.ops, _part_of)
    )


def walk(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """Every visible node, each before its children."""
    for node in nodes:
        yield node
        yield from walk(node.children)


def edges(graph: LayerGraph, nodes: tuple[Node, ...]) -> tuple[tuple[str, str], ...]:
    """The graph's edges between the smallest visible nodes, each once, in order."""
    holder = {op.path: node.id for node in walk(nodes) if not node.children for op in node.ops}
    pairs = ((holder[i], holder[op.path]) for op in graph.ops for i in op.inputs)
    return tuple(dict.fromkeys(pair for pair in pairs if pair[0] != pair[1]))


def openable(graph: LayerGraph) -> dict[str, frozenset[str]]:
    """What to open for each depth: "net" (nothing), "stages", "blocks" and "layers" (all)."""
    everything = frozenset(
        {_part_of(op) for op in graph.ops if op.kind != "input"}
        | {block.path for block in graph.blocks}
        | {_run_id(run) for run in _runs(graph.blocks) if len(run) > 1}
    )
    stages = frozenset(id for id in everything if id.startswith("stage") and "." not in id)
    runs = frozenset(id for id in everything if ".." in id)
    return {"net": frozenset(), "stages": stages, "blocks": stages | runs, "layers": everything}


def in_run(path: str, id: str) -> bool:
    """Whether the module `path` belongs to the run of blocks `id`."""
    stage, _, blocks = id.partition(".")
    first, is_run, last = blocks.partition("..")
    module_stage, _, rest = path.partition(".")
    index = rest.partition(".")[0]
    return bool(is_run) and stage == module_stage and int(first) <= int(index or -1) <= int(last)


def _part(graph: LayerGraph, opened: frozenset, part: str, ops: tuple[Op, ...]) -> Node:
    in_shape = _in_shape(graph, ops[0])
    if ops[0].kind == "input":
        return Node(part, "input", "Input", ops, in_shape)
    blocks = tuple(b for b in graph.blocks if b.path.startswith(f"{part}."))
    if blocks:
        return _stage(graph, opened, blocks, ops)
    children = _layers(graph, ops) if part in opened else ()
    what = " · ".join(_short(op) for op in ops if op.kind != "flatten")
    return Node(part, part, part.capitalize(), ops, in_shape, what, 1, (), children, True)


def _stage(graph: LayerGraph, opened: frozenset, blocks: tuple, ops: tuple[Op, ...]) -> Node:
    stage = _part_of(ops[0])
    ops_of = {path: tuple(group) for path, group in groupby(ops, _block_of)}
    runs = _runs(blocks) if stage in opened else ()
    count = f"{len(blocks)} {blocks[0].block} block{'s' if len(blocks) > 1 else ''}"
    return Node(
        id=stage,
        kind="stage",
        title=stage.replace("stage", "Stage "),
        ops=ops,
        in_shape=_in_shape(graph, ops[0]),
        what=f"{count} · {blocks[0].width:,} wide",
        stride=blocks[0].stride,
        skips=tuple(map(_skip, ops_of.values())),
        children=tuple(_run(graph, opened, run, ops_of) for run in runs),
        can_open=True,
    )


def _run(graph: LayerGraph, opened: frozenset, run: tuple, ops_of: dict) -> Node:
    if len(run) == 1:
        return _block(graph, opened, run[0], ops_of[run[0].path])
    first, last = (_number(block) for block in (run[0], run[-1]))
    ops = tuple(op for block in run for op in ops_of[block.path])
    inside = run if _run_id(run) in opened else ()
    return Node(
        id=_run_id(run),
        kind="run",
        title=f"Blocks {first}–{last}",
        ops=ops,
        in_shape=_in_shape(graph, ops[0]),
        what=f"{len(run)} equal {run[0].block} blocks",
        skips=tuple(_skip(ops_of[block.path]) for block in run),
        children=tuple(_block(graph, opened, block, ops_of[block.path]) for block in inside),
        can_open=True,
    )


def _block(graph: LayerGraph, opened: frozenset, block: BlockSpec, ops: tuple[Op, ...]) -> Node:
    shape, in_shape = ops[-1].shape, _in_shape(graph, ops[0])
    return Node(
        id=block.path,
        kind="block",
        title=f"Block {_number(block)}",
        ops=ops,
        in_shape=in_shape,
        what="" if shape[0] == in_shape[0] else f"{in_shape[0]}→{shape[0]}",
        stride=block.stride,
        skips=(_skip(ops),),
        children=_layers(graph, ops) if block.path in opened else (),
        can_open=True,
    )


def _layers(graph: LayerGraph, ops: tuple[Op, ...]) -> tuple[Node, ...]:
    return tuple(
        Node(
            id=op.path,
            kind=op.kind,
            title=_layer_title(graph, op),
            ops=(op,),
            in_shape=_in_shape(graph, op),
            what=_layer_detail(graph, op),
            on_shortcut=_on_shortcut(op),
        )
        for op in ops
    )


def _layer_title(graph: LayerGraph, op: Op) -> str:
    if op.kind == "norm":
        return f"{graph.net.norm} norm"
    if op.kind == "conv":
        return f"conv {op.detail.partition(',')[0]}"
    return TITLES.get(op.kind, op.kind)


def _layer_detail(graph: LayerGraph, op: Op) -> str:
    """What the layer changes, short enough to stand behind its title: "/2 16→32"."""
    settings = op.detail.replace(", stride ", " /")
    if op.kind == "conv":
        settings = " ".join(settings.split(" ")[1:])
    if op.kind not in ("conv", "linear"):
        return settings
    before, after = _in_shape(graph, op)[0], op.shape[0]
    channels = f"{before}→{after}" if before != after else f"{after}"
    return f"{settings} {channels}".strip()


def _short(op: Op) -> str:
    word = TITLES.get(op.kind, op.kind)
    return f"{word} {op.detail.replace(', stride ', ' /')}" if op.kind == "conv" else word


def _skip(ops: tuple[Op, ...]) -> str:
    """How a block's skip treats x: the kind of its first op there, "" in a plain block."""
    for op in ops:
        if _on_shortcut(op):
            return op.kind
    return "identity" if any(op.kind == "add" for op in ops) else ""


def _runs(blocks: tuple[BlockSpec, ...]) -> tuple[tuple[BlockSpec, ...], ...]:
    """Blocks that share a card: alone, or what follows the first of a long run of equal ones."""
    cards = []
    for _, run in groupby(blocks, lambda block: (_stage_of(block), block)):
        first, *others = run
        cards.append((first,))
        folds = len(others) >= LONGEST_RUN
        cards.extend([tuple(others)] if folds else [(block,) for block in others])
    return tuple(cards)


def _run_id(run: tuple[BlockSpec, ...]) -> str:
    return f"{run[0].path}..{run[-1].path.rpartition('.')[2]}"


def _in_shape(graph: LayerGraph, op: Op) -> tuple[int, ...]:
    return graph.by_path[op.inputs[0]].shape if op.inputs else op.shape


def _number(block: BlockSpec) -> int:
    return int(block.path.rpartition(".")[2]) + 1  # readers count from 1, modules from 0


def _stage_of(block: BlockSpec) -> str:
    return block.path.partition(".")[0]


def _part_of(op: Op) -> str:
    return op.path.partition(".")[0]


def _block_of(op: Op) -> str:
    return ".".join(op.path.split(".", 2)[:2])


def _on_shortcut(op: Op) -> bool:
    return "shortcut" in op.path.split(".")


#: kind of op -> what a reader calls it, where that is not the kind itself
TITLES = {"relu": "ReLU", "add": "+", "zeropad": "zero-pad"}
