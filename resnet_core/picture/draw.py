"""LayerGraph -> the whole picture as SVG text with classes, which a page or a file colours."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from resnet_core.graph import LayerGraph

from .compose import boxes_of, compose
from .layout import WIDTH, Box
from .scene import Card, scene
from .view import VIEW, View


@dataclass(frozen=True)
class Picture:
    """A drawn net. `svg` is what stands inside <svg>, with classes that `style.sheet` colours."""

    svg: str
    width: int
    height: int
    scene: Card = field(repr=False)
    opened: frozenset[str] = field(repr=False)

    @cached_property
    def nodes(self) -> dict[str, Box]:
        """Where each visible node stands, by id."""
        return boxes_of(self.scene, self.opened)


def draw(graph: LayerGraph, opened: frozenset[str] = frozenset(), view: View = VIEW) -> Picture:
    """The net from input to classes, with the cards in `opened` showing what they hold."""
    whole = scene(graph, view)
    stack = compose(whole, opened)
    return Picture(stack.svg, WIDTH, stack.height, whole, opened)
