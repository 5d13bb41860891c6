"""What CSS says of each element of an SVG: the part of the language that our pictures use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

#: properties that an element has from the one around it
INHERITED = (
    "fill", "fill-opacity", "fill-rule", "stroke", "stroke-opacity", "stroke-width",
    "stroke-linecap", "stroke-linejoin", "stroke-dasharray", "font-size", "font-weight",
    "font-style", "text-anchor", "visibility",
)  # fmt: skip
OWN = ("opacity", "display")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_SIMPLE = re.compile(r"\*|:not\(([^()]*)\)|\.([\w-]+)|([a-zA-Z][\w-]*)")


@dataclass(frozen=True)
class Rule:
    """One selector: compounds from the last to the first, each with what stands between."""

    compounds: tuple[tuple[str, str], ...]  # (combinator to the right, compound)
    weight: tuple[int, int, int]  # classes, tags, place in the sheet
    declared: dict[str, str]


@dataclass(frozen=True)
class Place:
    """An element, where it stands, and its final properties."""

    element: Element
    tag: str
    style: dict[str, str]
    parent: Place | None = None
    before: tuple[Place, ...] = ()  # its elder siblings

    @property
    def classes(self) -> list[str]:
        return self.element.get("class", "").split()


class Sheet:
    """The rules of all <style> elements of a picture."""

    def __init__(self, root: Element):
        text = "".join(e.text or "" for e in root.iter() if local(e) == "style")
        self.rules = sorted(_rules(text), key=lambda rule: rule.weight)

    def root(self, element: Element) -> Place:
        return self._place(element, None, ())

    def children(self, place: Place) -> Iterator[Place]:
        elders: tuple[Place, ...] = ()
        for element in place.element:
            child = self._place(element, place, elders)
            elders = (*elders, child)
            yield child

    def _place(self, element: Element, parent: Place | None, before: tuple[Place, ...]) -> Place:
        style = {k: v for k, v in parent.style.items() if k in INHERITED} if parent else {}
        style |= {k: v for k, v in element.attrib.items() if k in INHERITED or k in OWN}
        place = Place(element, local(element), style, parent, before)
        for rule in self.rules:
            if _matches(place, rule.compounds):
                style |= rule.declared
        style |= _declared(element.get("style", ""))
        return place


def local(element: Element) -> str:
    """The tag without its namespace."""
    return element.tag.rpartition("}")[2]


def _rules(text: str) -> Iterator[Rule]:
    for place, (selectors, body) in enumerate(_RULE.findall(text)):
        for selector in selectors.split(","):
            parts = re.findall(r"[>~+]|[^\s>~+]+", selector.strip())
            compounds, combinator = [], ""
            for part in reversed(parts):
                if part in (">", "~", "+"):
                    combinator = part
                else:
                    compounds.append((combinator if compounds else "", part))
                    combinator = " "
            simple = [_SIMPLE.findall(part) for _, part in compounds]
            read = "".join(m[0] for _, part in compounds for m in _SIMPLE.finditer(part))
            assert read == "".join(part for _, part in compounds), f"unknown selector {selector}"
            every = [one for compound in simple for one in compound if any(one)]
            classes = sum(bool(no or name) for no, name, _ in every)
            weight = classes, len(every) - classes, place
            yield Rule(tuple(compounds), weight, _declared(body))


def _declared(text: str) -> dict[str, str]:
    pairs = (pair.partition(":") for pair in text.split(";") if pair.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _matches(place: Place, compounds: tuple[tuple[str, str], ...]) -> bool:
    """Whether the element is what the last compound says, and the others stand where they must."""
    (_, compound), *rest = compounds
    if not _is(place, compound):
        return False
    if not rest:
        return True
    combinator = rest[0][0]
    if combinator == "~":
        candidates = place.before
    elif combinator == "+":
        candidates = place.before[-1:]
    else:
        candidates = tuple(_around(place))[: 1 if combinator == ">" else None]
    return any(_matches(candidate, tuple(rest)) for candidate in candidates)


def _around(place: Place) -> Iterator[Place]:
    while place.parent:
        place = place.parent
        yield place


def _is(place: Place, compound: str) -> bool:
    for without, name, tag in _SIMPLE.findall(compound):
        if without and _is(place, without):
            return False
        if (name and name not in place.classes) or (tag and tag != place.tag):
            return False
    return True
