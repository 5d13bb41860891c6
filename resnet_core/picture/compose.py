"""Pieces -> one picture: cards are stacked, frames grow around what is put in them.

The browser's component does the same with the same numbers (diagram_stack.js).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .layout import Box
from .scene import Card, Piece


@dataclass(frozen=True)
class Stack:
    """Cards on top of each other, from y = 0."""

    svg: str
    height: int


def compose(card: Card, opened: frozenset[str]) -> Stack:
    """`card` with what it shows when `opened` are open; its upper edge is y = 0."""
    place, piece = shown(card, opened)
    if not card.children or not place:
        return Stack(card.named(piece.svg), piece.height)
    marks, y = [], piece.height
    for child in card.children:
        y += child.above.room
        inner = compose(child, opened)
        marks.append(at(y, child.above.svg + inner.svg))
        y += inner.height
    marks.append(at(y, card.below.svg))
    y += card.below.room
    return Stack(piece.svg.replace('height="0"', f'height="{y}"', 1) + "".join(marks), y)


def boxes_of(card: Card, opened: frozenset[str]) -> dict[str, Box]:
    """Where every node of that stack stands, cards before what is in them."""
    boxes: dict[str, Box] = {}
    _place(card, opened, 0, boxes)
    return boxes


def _place(card: Card, opened: frozenset[str], y: int, boxes: dict[str, Box]) -> int:
    """Puts the boxes of `card`, which begins at `y`, into `boxes`; where it ends."""
    place, piece = shown(card, opened)
    boxes |= {card.named(id): replace(box, y=box.y + y) for id, box in piece.boxes}
    end = y + piece.height
    if not card.children or not place:
        return end
    for child in card.children:
        end = _place(child, opened, end + child.above.room, boxes)
    end += card.below.room
    boxes |= {id: replace(box, y=y, h=end - y) for id, box in piece.boxes}
    return end


def shown(card: Card, opened: frozenset[str]) -> tuple[int, Piece]:
    """Place and piece of the last state whose needs are met."""
    place = len(card.states) - 1
    while not all(card.named(id) in opened for id in card.states[place].needs):
        place -= 1
    return place, card.states[place].piece


def at(y: int, svg: str) -> str:
    return f'<g transform="translate(0 {y})">{svg}</g>'
