"""What a picture shows, and how deep: LayerGraph + opened ids -> a tree of nodes.

An id is a module path ("stage2", "stage2.0", "stage2.0.residual.conv1"); a run of equal blocks
that is shown as one card is "stage2.2..8", from its first to its last block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

from resnet_core.graph import LayerGraph, Op
from resnet_core.layers import ATTENTIONS
from resnet_core.spec import BlockSpec, ShapeMismatch

from .joining import joined
from .skips import skip_sign
from .titles import blocks_what, layer_title, layer_what, part_what, stage_what
from .view import VIEW, View

#: A longer run of equal blocks shows its first, and one card for the others.
LONGEST_RUN = 4


class _Look(NamedTuple):
    """What a reader has opened, and whether convolutions are shown with what belongs to them."""

    opened: frozenset[str]
    folds: bool
    signs: dict[BlockSpec, str]  # of shortcuts: equal blocks have the same


@dataclass(frozen=True)
class Node:
    """One box: a layer, or a card that holds layers."""

    id: str
    kind: str  # "stem", "stage", "run", "block", "attention", "head", or the kind of its op
    title: str
    ops: tuple[Op, ...]  # everything inside, in order of execution
    in_shape: tuple[int, ...]
    what: str = ""  # the line below the title
    stride: int = 1
    skips: tuple[str, ...] = ()  # of each block inside: a key of skips.SIGNS, "" for a plain one
    children: tuple[Node, ...] = ()  # what is visible inside
    can_open: bool = False
    on_shortcut: bool = False
    is_ghost: bool = False  # the net has no shortcuts: its picture shows where they would be
    broken: ShapeMismatch | None = None  # it is, or holds, the (+) that cannot add
    block: BlockSpec | None = None  # what it shows, if that is one block

    @cached_property
    def takes(self) -> tuple[str, ...]:
        """Paths of the ops outside that it takes something from."""
        own = {op.path for op in self.ops}
        return tuple(dict.fromkeys(i for op in self.ops for i in op.inputs if i not in own))

    @property
    def end(self) -> str:
        """Path of the op that puts its output out."""
        return self.ops[-1].path

    @property
    def layer(self) -> Op:
        """What a layer is called by: of a convolution with its norm, the convolution."""
        return next((op for op in self.ops if op.path == self.id), self.ops[0])

    @property
    def folded(self) -> tuple[tuple[Op, ...], tuple[Op, ...]]:
        """The norms and activations that are shown with a convolution, before and behind it."""
        if self.can_open:
            return (), ()
        place = self.ops.index(self.layer)
        return self.ops[:place], self.ops[place + 1 :]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the output: C, H, W, or C behind the flatten."""
        return self.ops[-1].shape

    @cached_property
    def params(self) -> int:
        return sum(op.params for op in self.ops)

    @cached_property
    def macs(self) -> int:
        return sum(op.macs for op in self.ops)


def outline(
    graph: LayerGraph, opened: frozenset[str] = frozenset(), view: View = VIEW
) -> tuple[Node, ...]:
    """The nodes at the top level, input first; those in `opened` have children."""
    look = _Look(opened, view.folds, {})
    return tuple(_part(graph, look, part, ops) for part, ops in graph.parts.items())


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
    stages, runs = stages_of(graph), runs_of(graph)
    everything = (
        graph.parts.keys() - {"input"}
        | {block.path for block in graph.blocks}
        | {_card_of(op) for op in graph.ops if ATTENTION in op.path}
        | runs
    )
    return {
        "net": frozenset(),
        "stages": stages,
        "blocks": stages | runs,
        "layers": frozenset(everything),
    }


def stages_of(graph: LayerGraph) -> frozenset[str]:
    return frozenset(part for part in graph.parts if part.startswith("stage"))


def runs_of(graph: LayerGraph) -> frozenset[str]:
    """The runs of equal blocks that share a card."""
    return frozenset(_run_id(run) for run in _runs(graph.blocks) if len(run) > 1)


def opened_for(graph: LayerGraph) -> frozenset[str]:
    """The cards to open so that the (+) that cannot add is seen; none in a net that is whole."""
    if not graph.broken:
        return frozenset()
    return frozenset({list(graph.parts)[-1], graph.broken.block.path})


def in_run(path: str, id: str) -> bool:
    """Whether the module `path` belongs to the run of blocks `id`."""
    stage, _, blocks = id.partition(".")
    first, is_run, last = blocks.partition("..")
    module_stage, _, rest = path.partition(".")
    index = rest.partition(".")[0]
    return bool(is_run) and stage == module_stage and int(first) <= int(index or -1) <= int(last)


def _node(graph: LayerGraph, id: str, kind: str, title: str, ops: tuple[Op, ...], **more) -> Node:
    broken = graph.broken if ops[-1] is graph.ops[-1] else None
    more |= {"is_ghost": graph.net.is_plain, "broken": broken}
    return Node(id, kind, title, ops, _in_shape(graph, ops[0]), **more)


def _part(graph: LayerGraph, look: _Look, part: str, ops: tuple[Op, ...]) -> Node:
    if ops[0].kind == "input":
        return _node(graph, part, "input", "Input", ops)
    blocks = tuple(b for b in graph.blocks if b.path.startswith(f"{part}."))
    if blocks:
        return _stage(graph, look, part, blocks)
    children = _layers(graph, look, ops) if part in look.opened else ()
    more = {"what": part_what(ops), "children": children, "can_open": True}
    return _node(graph, part, part, part.capitalize(), ops, **more)


def _stage(graph: LayerGraph, look: _Look, stage: str, blocks: tuple) -> Node:
    ops = graph.parts[stage]
    ops_of = graph.block_ops
    runs = _runs(blocks) if stage in look.opened else ()
    count = graph.net.stages[int(stage.removeprefix("stage")) - 1].num_blocks
    return _node(
        graph,
        stage,
        "stage",
        stage.replace("stage", "Stage "),
        ops,
        what=stage_what(count, blocks[0]),
        stride=blocks[0].stride,
        skips=tuple(_skip(graph, look, block, ops_of[block.path]) for block in blocks),
        children=tuple(_run(graph, look, run, ops_of) for run in runs),
        can_open=True,
    )


def _run(graph: LayerGraph, look: _Look, run: tuple, ops_of: dict) -> Node:
    if len(run) == 1:
        return _block(graph, look, run[0], ops_of[run[0].path])
    first, last = (_number(block) for block in (run[0], run[-1]))
    inside = run if _run_id(run) in look.opened else ()
    return _node(
        graph,
        _run_id(run),
        "run",
        f"Blocks {first}–{last}",
        tuple(op for block in run for op in ops_of[block.path]),
        what=blocks_what(len(run), run[0]).replace(" ", " equal ", 1),
        skips=tuple(_skip(graph, look, block, ops_of[block.path]) for block in run),
        children=tuple(_block(graph, look, block, ops_of[block.path]) for block in inside),
        can_open=True,
    )


def _block(graph: LayerGraph, look: _Look, block: BlockSpec, ops: tuple[Op, ...]) -> Node:
    before, after = _in_shape(graph, ops[0])[0], ops[-1].shape[0]
    return _node(
        graph,
        block.path,
        "block",
        f"Block {_number(block)}",
        ops,
        what="" if before == after else f"{before}→{after}",
        stride=block.stride,
        skips=(_skip(graph, look, block, ops),),
        children=_layers(graph, look, ops, block) if block.path in look.opened else (),
        can_open=True,
        block=block,
    )


def _layers(
    graph: LayerGraph, look: _Look, ops: tuple[Op, ...], block: BlockSpec | None = None
) -> tuple[Node, ...]:
    """One node for each op, or for each convolution with its norm, and one for an attention."""
    nodes, lane = [], set()
    parts = joined(ops) if look.folds else [(op,) for op in ops]
    for id, group in groupby(parts, lambda part: _card_of(part[0])):
        first, *others = group
        if others:
            own = tuple(op for part in (first, *others) for op in part)
            children = tuple(_layer(graph, (op,)) for op in own) if id in look.opened else ()
            title = ATTENTIONS[block.attention].title
            more = {"what": "attention", "children": children, "can_open": True}
            nodes.append(_node(graph, id, "attention", title, own, **more))
            continue
        if _on_shortcut(first[0], lane):
            lane.update(op.path for op in first)
        nodes.append(_layer(graph, first, first[0].path in lane))
    return tuple(nodes)


def _layer(graph: LayerGraph, ops: tuple[Op, ...], on_shortcut: bool = False) -> Node:
    op = next((op for op in ops if op.kind == "conv"), ops[0])
    what = layer_what(op, _in_shape(graph, op))
    more = {"what": what, "on_shortcut": on_shortcut}
    return _node(graph, op.path, op.kind, layer_title(op), ops, **more)


def _skip(graph: LayerGraph, look: _Look, block: BlockSpec, ops: tuple[Op, ...]) -> str:
    if graph.broken and ops[-1] is graph.ops[-1]:
        return "broken"
    if block not in look.signs:
        look.signs[block] = skip_sign(ops)
    return look.signs[block]


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


def _card_of(op: Op) -> str:
    """The attention module that an op belongs to, or the op itself."""
    before, inside, _ = op.path.partition(ATTENTION)
    return (before + inside).rstrip(".") if inside else op.path


def _on_shortcut(op: Op, lane: set[str]) -> bool:
    """Also what an addition does to x alone, as to scale it."""
    parts = op.path.split(".")
    return "shortcut" in parts or ("add" in parts and lane.issuperset(op.inputs))


#: in the path of an op of an attention module
ATTENTION = ".attention."
