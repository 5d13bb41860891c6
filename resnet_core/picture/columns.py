"""A picture in several columns, for a slide: the cards of a scene flow from one to the next.

A column ends between two cards. Where that is inside an open stage, its frame is drawn in both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from .compose import at, compose, shown
from .layout import AXIS, PAD, WIDTH
from .scene import PART_GAP, Card, Edge, State
from .wires import lead

GUTTER = 40  # between columns; the line from foot to head runs in its middle
TURN = 20  # room of that line above the columns, and below each of them
BEND = 8  # radius of its bends
STEPS = 40  # of a bisection: a millionth of a pixel
#: above what is left of an open card
CONTINUES = Edge(PART_GAP, lead(PART_GAP, 0, None))


@dataclass(frozen=True)
class Columns:
    """A picture of `count` columns: what stands inside <svg>, and its size."""

    svg: str
    width: int
    height: int
    count: int


@dataclass(frozen=True)
class Atom:
    """A card that is never cut, where it stands in a single column."""

    top: int
    bottom: int
    head: int  # room above it when a column begins with it: arrow and headers
    foot: int  # room below it when a column ends with it: what closes the open cards around it


def in_columns(scene: Card, opened: frozenset[str], width: float, height: float) -> Columns:
    """The scene in as many columns as make it largest inside `width` × `height` (any unit)."""
    atoms = tuple(_atoms(scene, opened, 0, PART_GAP, TURN))
    atoms = (*atoms[:-1], replace(atoms[-1], foot=atoms[-1].foot - TURN + scene.below.room))

    def fits(scale: float) -> bool:
        starts = fill(atoms, height / scale - TURN)
        return bool(starts) and _width(len(starts)) <= width / scale

    scale = bisect(fits, 0.0, width / WIDTH)
    most = height / scale - TURN
    count = len(fill(atoms, most))
    less = bisect(lambda less: 0 < len(fill(atoms, most - less)) <= count, 0.0, most)
    return _drawn(scene, opened, (*fill(atoms, most - less), len(atoms)))


def fill(atoms: tuple[Atom, ...], most: float) -> tuple[int, ...]:
    """The atom that each column begins with when none is higher than `most`; () if one has to be.

    Each column takes what it can, so that no other way needs fewer.
    """
    starts: list[int] = []
    for place, atom in enumerate(atoms):
        first = atoms[starts[-1]] if starts else None
        if first and first.head + atom.bottom - first.top + atom.foot <= most:
            continue
        if atom.head + atom.bottom - atom.top + atom.foot > most:
            return ()
        starts.append(place)
    return tuple(starts)


def bisect(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The largest number from `low` to `high` for which `holds` does; it holds at `low`."""
    if holds(high):
        return high
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def between(card: Card, opened: frozenset[str], start: int, stop: int) -> Card:
    """An open card that holds only its atoms `start` to `stop`."""
    kept, place = [], 0
    for child in card.children:
        size = _size(child, opened)
        first, end = max(start - place, 0), min(stop - place, size)
        if first < end:
            whole = end - first == size
            kept.append(child if whole else between(child, opened, first, end))
        place += size
    if start and _is_frame(card):
        kept[0] = replace(kept[0], above=card.children[0].above)  # which has room for the header
        card = replace(card, above=CONTINUES, states=tuple(map(_continued, card.states)))
    below = card.below if stop == place else Edge(PAD, f'<path class="e" d="M{AXIS} 0V{PAD}"/>')
    return replace(card, children=tuple(kept), below=below)


def _atoms(card: Card, opened: frozenset[str], y: int, head: int, foot: int) -> Iterator[Atom]:
    place, piece = shown(card, opened)
    if not card.children or not place:
        yield Atom(y, y + piece.height, head, foot)
        return
    y += piece.height
    if _is_frame(card):
        head, foot = head + piece.height + card.children[0].above.room, foot + card.below.room
    for child in card.children:
        y += child.above.room
        yield from _atoms(child, opened, y, head, foot)
        y += _height(child, opened)


def _height(card: Card, opened: frozenset[str]) -> int:
    place, piece = shown(card, opened)
    if not card.children or not place:
        return piece.height
    inside = sum(child.above.room + _height(child, opened) for child in card.children)
    return piece.height + inside + card.below.room


def _size(card: Card, opened: frozenset[str]) -> int:
    """Number of atoms."""
    if not card.children or not shown(card, opened)[0]:
        return 1
    return sum(_size(child, opened) for child in card.children)


def _is_frame(card: Card) -> bool:
    """Whether something is drawn around what it holds; around the whole net nothing is."""
    return bool(card.states[-1].piece.svg)


def _continued(state: State) -> State:
    """A frame whose title says that it began in the column before."""
    svg = re.sub("</text>", " …</text>", state.piece.svg, count=1)
    return replace(state, piece=replace(state.piece, svg=svg))


def _drawn(scene: Card, opened: frozenset[str], starts: tuple[int, ...]) -> Columns:
    marks, heights = [], []
    last = len(starts) - 2
    for column, (start, stop) in enumerate(pairwise(starts)):
        card = _column(scene, opened, start, stop)
        stack = compose(card, opened)
        x = column * (WIDTH + GUTTER)
        marks.append(f'<g transform="translate({x} 0)">{at(TURN, stack.svg)}</g>')
        heights.append(TURN + stack.height)
        if column < last:
            marks.append(f'<path class="e" d="{_line(x, heights[-1])}"/>')
    return Columns("".join(marks), _width(last + 1), max(heights), last + 1)


def _column(scene: Card, opened: frozenset[str], start: int, stop: int) -> Card:
    """A scene of its own, with the beginning of the line that leads on."""
    kept = between(scene, opened, start, stop)
    is_last = kept.below is scene.below
    foot = f'<path class="e" d="M{AXIS} 0V{TURN - BEND}"/>'
    return replace(kept, below=kept.below if is_last else Edge(TURN, foot))


def _line(x: int, foot: int) -> str:
    """From the foot of the column at `x` up to the head of the next one."""
    r, start, side = BEND, x + AXIS, x + WIDTH + GUTTER // 2
    return (
        f"M{start} {foot - r}a{r} {r} 0 0 0 {r} {r}H{side - r}a{r} {r} 0 0 0 {r} {-r}V{r + 2}"
        f"a{r} {r} 0 0 1 {r} {-r}H{start + WIDTH + GUTTER - r}a{r} {r} 0 0 1 {r} {r}V{TURN}"
    )


def _width(count: int) -> int:
    return count * WIDTH + (count - 1) * GUTTER
