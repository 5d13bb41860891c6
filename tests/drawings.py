"""What a drawn picture shows, read from its SVG: boxes, lines, and texts in their frames."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from functools import cached_property

from resnet_core import picture
from resnet_core.graph import LayerGraph
from resnet_core.picture import Picture, View
from resnet_core.picture.layout import AXIS, LANE, TAP, Box
from resnet_core.picture.lettering import text_width
from resnet_core.picture.outline import Node, outline, walk
from resnet_core.picture.view import VIEW

SIZES = {"t": (15, True), "u": (14, True), "l": (13, False)}  # class -> font, as in style.SHEET


@dataclass(frozen=True)
class Drawn:
    """A picture that many laws look at: drawn and read once."""

    graph: LayerGraph
    opened: frozenset[str]
    view: View

    @cached_property
    def stacked(self) -> Picture:
        return picture.draw(self.graph, self.opened, self.view)

    @cached_property
    def picture(self) -> Picture:
        return flat(self.stacked)

    @cached_property
    def outline(self) -> tuple[Node, ...]:
        return outline(self.graph, self.opened, self.view)

    @property
    def leaves(self) -> list[Node]:
        """The smallest nodes that are shown."""
        return [node for node in walk(self.outline) if not node.children]

    @cached_property
    def groups(self) -> dict[str, ET.Element]:
        return groups(self.picture.svg)

    @cached_property
    def strokes(self) -> list[list[tuple[int, int]]]:
        return strokes(self.picture.svg)


def draw(graph, opened=frozenset(), view=VIEW) -> Picture:
    """The picture without nested coordinates: every mark stands where it is seen."""
    return flat(picture.draw(graph, opened, view))


def flat(stacked: Picture) -> Picture:
    root = ET.Element("svg")
    flatten(ET.fromstring(f"<svg>{stacked.svg}</svg>"), 0, root)
    return replace(stacked, svg="".join(ET.tostring(mark, "unicode") for mark in root))


def flatten(group: ET.Element, down: int, into: ET.Element) -> None:
    for mark in group:
        moved = re.fullmatch(r"translate\(0 (\d+)\)", mark.get("transform", ""))
        if moved:
            flatten(mark, down + int(moved[1]), into)
            continue
        for element in mark.iter():
            for name in ("y", "cy"):
                if name in element.attrib:
                    element.set(name, str(int(element.get(name)) + down))
            if "transform" in element.attrib:
                x, y = re.match(r"translate\((\d+) (\d+)\)", element.get("transform")).groups()
                element.set("transform", f"translate({x} {int(y) + down})")
            elif "d" in element.attrib:
                element.set("d", lowered(element.get("d"), down))
        into.append(mark)


def lowered(d: str, down: int) -> str:
    """A path with its absolute coordinates (M x y, V y) further down."""
    return re.sub(r"(M-?\d+ |V)(-?\d+)", lambda m: f"{m[1]}{int(m[2]) + down}", d)


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(f"<svg>{svg}</svg>")


def groups(svg: str) -> dict[str, ET.Element]:
    return {g.get("data-id"): g for g in parsed(svg).iter("g")}


def extent(text: ET.Element) -> tuple[int, int]:
    """Left and right end of a text by the width table."""
    size, bold = next((SIZES[c] for c in text.get("class", "").split() if c in SIZES), (12, False))
    width = text_width("".join(text.itertext()), size, bold)
    x = int(text.get("x"))
    left = {"end": x - width, "middle": x - width // 2}.get(text.get("text-anchor"), x)
    return left, left + width


def box_of(rect: ET.Element) -> Box:
    return Box(*(int(rect.get(name)) for name in ("x", "y", "width", "height")))


def inside(inner: Box, outer: Box) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.right <= outer.right
        and inner.bottom <= outer.bottom
    )


def overlap(a: Box, b: Box) -> bool:
    return a.x < b.right and b.x < a.right and a.y < b.bottom and b.y < a.bottom


def axis_lines(svg: str) -> list[tuple[int, int]]:
    """The pieces of the main path that are drawn: from y, to y."""
    ends = re.findall(rf"M{AXIS} (\d+)V(\d+)", svg)
    return sorted((int(start), int(end)) for start, end in ends)


def is_covered(start: int, end: int, lines: list[tuple[int, int]]) -> bool:
    """Whether the lines lead from `start` to `end`; an arrow's head ends a pixel above its box."""
    for low, high in lines:
        if low - 1 <= start < high:
            start = high
    return start >= end - 1


def strokes(svg: str) -> list[list[tuple[int, int]]]:
    """The corners of each line that leads somewhere, without its arrow's head."""
    found = []
    for d in re.findall(r'<path class="[es][^"]*" d="([^"]*)"', svg):
        for part in d.split("M")[1:]:
            x, y = map(int, re.match(r"(\d+) (\d+)", part).groups())
            corners = [(x, y)]
            for letter, text in re.findall(r"([HVahvm])([^A-Za-z]*)", part):
                n = [int(number) for number in re.findall(r"-?\d+", text)]
                if letter == "m":
                    break
                dx, dy = n[-2:] if letter == "a" else (n[0], n[0])
                x = {"H": dx, "h": x + dx, "a": x + dx}.get(letter, x)
                y = {"V": dy, "v": y + dy, "a": y + dy}.get(letter, y)
                corners.append((x, y))
            found.append(corners)
    return [line for line in found if line[0][0] in (AXIS, LANE, TAP)]


def enters(point: tuple[int, int], box: Box) -> bool:
    """Whether a line that ends here touches the box from above or from a side."""
    x, y = point
    from_above = x == box.x + box.w // 2 and box.y - 1 <= y <= box.y
    from_a_side = y == box.middle and (x == box.x - 1 or box.right + 1 <= x <= box.right + 4)
    return from_above or from_a_side


def leaves(point: tuple[int, int], box: Box, lines: list, forks: set[int]) -> bool:
    """Whether a line that starts here comes from the box, or from a fork of its way down."""
    x, y = point
    if x == LANE:
        return y == box.bottom and box.x < x < box.right
    on_axis = x == AXIS or y in forks
    return on_axis and y >= box.bottom and is_covered(box.bottom, y, lines)


def check_texts(picture: Picture) -> None:
    """Every text is inside a frame of its own node, open headers leave the main path free."""
    for id, group in groups(picture.svg).items():
        frames = [box_of(rect) for rect in group.iter("rect")]
        for text in group.iter("text"):
            left, right = extent(text)
            y = int(text.get("y"))
            assert any(
                f.x <= left and right <= f.right and f.y < y - 6 and y <= f.bottom for f in frames
            ), (id, "".join(text.itertext()))
        if group.get("aria-expanded") == "true":
            assert not any(extent(t)[0] < AXIS < extent(t)[1] for t in group.iter("text"))
    for text in parsed(picture.svg).iter("text"):
        assert extent(text)[0] >= 0
        assert extent(text)[1] <= picture.width
