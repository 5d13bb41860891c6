"""LayerGraph -> the whole picture as SVG text with classes, which a page or a file colours."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_core.graph import LayerGraph

from .compose import compose
from .layout import WIDTH, Box
from .scene import scene
from .view import VIEW, View


@dataclass(frozen=True)
class Picture:
    """A drawn net. `svg` is what stands inside <svg>, with classes that `style.sheet` colours."""

    svg: str
    width: int
    height: int
    nodes: dict[str, Box]  # by id, in order of drawing


def draw(graph: LayerGraph, opened: frozenset[str] = frozenset(), view: View = VIEW) -> Picture:
    """The net from input to classes, with the cards in `opened` showing what they hold."""
    stack = compose(scene(graph, view), opened)
    return Picture(stack.svg, WIDTH, stack.height, stack.boxes)
