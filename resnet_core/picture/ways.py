"""Which ways lead through an open card: the main path, shortcuts around it, lines past layers."""

from __future__ import annotations

from dataclasses import dataclass

from .outline import Node


@dataclass(frozen=True)
class Arc:
    """A shortcut: from below `source` ("" = from the card's entry) over `lane` to `joint`."""

    source: str
    lane: tuple[Node, ...]
    joint: Node


@dataclass(frozen=True)
class Side:
    """A line from a layer, or from the card's entry (""), to one that is not the next."""

    tail: str
    head: Node
    past: tuple[Node, ...]  # what it runs beside, its head included
    place: str  # "left"; "right" where another runs on the left; "x" for what a shortcut carries


def main_path(node: Node) -> tuple[Node, ...]:
    """The children that stand on the axis."""
    return tuple(child for child in node.children if not child.on_shortcut)


def arcs(node: Node) -> tuple[Arc, ...]:
    """The shortcuts of an open block, from top to bottom."""
    chains: list[list[Node]] = []
    for child in node.children:
        if not child.on_shortcut:
            continue
        if chains and child.takes[0] == chains[-1][-1].end:
            chains[-1].append(child)
        else:
            chains.append([child])
    main = main_path(node)
    ids = {child.end: child.id for child in main}
    return tuple(
        Arc(
            ids.get(lane[0].takes[0], ""),
            tuple(lane),
            next(child for child in main if lane[-1].end in child.takes),
        )
        for lane in chains
    )


def sources(node: Node) -> list[tuple[int, ...]]:
    """For each child on the axis: the places of those that it takes from, -1 for the entry."""
    main = main_path(node)
    place = {op.path: i for i, child in enumerate(main) for op in child.ops}
    lane = {child.end for child in node.children if child.on_shortcut}
    return [
        tuple(dict.fromkeys(place.get(path, -1) for path in child.takes if path not in lane))
        for child in main
    ]


def sides(node: Node) -> tuple[Side, ...]:
    """The lines past layers; those on one side do not meet."""
    main, carried = main_path(node), {arc.source for arc in arcs(node)}
    found, spans = [], []  # of those on the left
    for end, starts in enumerate(sources(node)):
        for start in starts:
            if start == end - 1:
                continue
            tail = main[start].id if start >= 0 else ""
            if tail in carried:
                place = "x"
            elif any(start < b and a < end for a, b in spans):
                place = "right"
            else:
                place = "left"
                spans.append((start, end))
            found.append(Side(tail, main[end], main[start + 1 : end + 1], place))
    return tuple(found)
