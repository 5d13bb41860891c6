"""Pieces -> one picture: cards are stacked, frames grow around what is put in them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .layout import Box
from .scene import Card, Piece


@dataclass(frozen=True)
class Stack:
    """Cards on top of each other, from y = 0."""

    svg: str
    height: int
    boxes: dict[str, Box]


def compose(card: Card, opened: frozenset[str]) -> Stack:
    """`card` with what it shows when `opened` are open; its upper edge is y = 0.

    The browser's component does the same with the same numbers.
    """
    place, piece = shown(card, opened)
    boxes = {card.named(id): box for id, box in piece.boxes}
    if not card.children or not place:
        return Stack(card.named(piece.svg), piece.height, boxes)
    marks, y = [], piece.height
    for child in card.children:
        y += child.above.room
        inner = compose(child, opened)
        marks.append(at(y, child.above.svg + inner.svg))
        boxes |= {id: replace(box, y=box.y + y) for id, box in inner.boxes.items()}
        y += inner.height
    marks.append(at(y, card.below.svg))
    y += card.below.room
    for id, box in piece.boxes:
        boxes[id] = replace(box, h=y)
    return Stack(piece.svg.replace('height="0"', f'height="{y}"', 1) + "".join(marks), y, boxes)


def shown(card: Card, opened: frozenset[str]) -> tuple[int, Piece]:
    """Place and piece of the last state whose needs are met."""
    met = (
        place
        for place in reversed(range(len(card.states)))
        if all(card.named(id) in opened for id in card.states[place].needs)
    )
    place = next(met)
    return place, card.states[place].piece


def at(y: int, svg: str) -> str:
    return f'<g transform="translate(0 {y})">{svg}</g>'
