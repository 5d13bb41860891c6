"""The source of classes and functions, with all that they use, as one file that stands alone.

Walks from name to name: what a definition mentions is looked up in the module it stands in, until
only imports from outside this project are left. Nothing is listed by hand.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import resolve_name
from itertools import groupby
from symtable import symtable

PACKAGE = __package__.partition(".")[0]


@dataclass(frozen=True)
class Definition:
    """A class, function or constant at the top of a module of ours."""

    name: str
    place: tuple[int, str, int]  # sorts definitions so that each stands behind what it is made of
    text: str


@dataclass(frozen=True)
class Module:
    """Where each name at the top of a module of ours comes from."""

    depth: int  # more than that of any module of ours that it imports
    definitions: dict[str, Definition]
    ours: dict[str, str]  # name -> the module of ours that it is imported from
    imports: dict[str, tuple[str, str, str]]  # name -> module, name there ("" for itself), name


def standing_alone(text: str, homes: Sequence[str]) -> tuple[str, frozenset[str]]:
    """Imports, definitions and `text`; and the names that stand at the top of the file.

    `text` may use whatever stands at the top of the modules `homes`.
    """
    found: dict[str, Definition] = {}
    imports = {("__future__", "annotations", "annotations")}
    own = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    for name in sorted(globals_of(text) - own):
        if home := next((home for home in homes if name in names_in(home)), None):
            _collect(home, name, found, imports)
    definitions = sorted(found.values(), key=lambda definition: definition.place)
    parts = [_import_lines(imports), *(d.text for d in definitions), text.strip("\n")]
    names = frozenset(found) | {here for _, _, here in imports}
    return "\n\n\n".join(parts) + "\n", names


def _collect(home: str, name: str, found: dict, imports: set) -> None:
    """Adds what `name` means in the module `home`, and all that this needs."""
    module = read(home)
    if name in module.ours:
        _collect(module.ours[name], name, found, imports)
    elif name in module.imports:
        imports.add(module.imports[name])
    elif (definition := module.definitions.get(name)) and name in found:
        assert found[name] is definition, f"two things of ours are called {name}"
    elif definition:
        found[name] = definition
        for other in sorted(globals_of(definition.text)):
            _collect(home, other, found, imports)


@lru_cache(maxsize=512)
def globals_of(text: str) -> frozenset[str]:
    """The names that a piece of source looks up at the top of its file."""
    names, tables = set(), [symtable(text, "source", "exec")]
    while tables:
        table = tables.pop()
        names |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
        tables += table.get_children()
    return frozenset(names)


def names_in(home: str) -> frozenset[str]:
    """All names at the top of a module of ours."""
    module = read(home)
    return frozenset().union(module.definitions, module.ours, module.imports)


@lru_cache(maxsize=64)
def read(name: str) -> Module:
    """One of our modules, parsed."""
    source = import_module(name)
    text = inspect.getsource(source)
    tree, ours, imports = ast.parse(text), {}, {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            home = resolve_name("." * node.level + (node.module or ""), source.__package__)
            for alias in node.names:  # `from . import a` names a module
                ours[alias.name] = home if node.module else f"{home}.{alias.name}"
        elif isinstance(node, ast.ImportFrom):
            names = {alias.asname or alias.name: alias.name for alias in node.names}
            if node.module.partition(".")[0] == PACKAGE:
                ours |= dict.fromkeys(names, node.module)
            else:
                imports |= {here: (node.module, there, here) for here, there in names.items()}
        elif isinstance(node, ast.Import):
            imports |= {alias.name: (alias.name, "", alias.name) for alias in node.names}
    depth = 1 + max((read(other).depth for other in set(ours.values())), default=0)
    return Module(depth, _definitions(name, depth, tree, text.splitlines()), ours, imports)


def _definitions(name: str, depth: int, tree: ast.Module, lines: list[str]) -> dict:
    found = {}
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names = [node.name]
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        elif isinstance(node, ast.Assign):
            names, first = [t.id for t in node.targets if isinstance(t, ast.Name)], node.lineno
        else:
            continue
        while lines[first - 2].startswith("#"):  # the comment above belongs to it
            first -= 1
        text = "\n".join(lines[first - 1 : node.end_lineno])
        found |= {key: Definition(key, (depth, name, first), text) for key in names}
    return found


def _import_lines(imports: set[tuple[str, str, str]]) -> str:
    """As isort sorts them: __future__, the standard library, then the rest."""
    sections = {}
    for row in sorted(imports):
        top = row[0].partition(".")[0]
        place = 0 if top == "__future__" else 1 if top in sys.stdlib_module_names else 2
        sections.setdefault(place, []).append(row)
    blocks = []
    for _, rows in sorted(sections.items()):
        lines = [f"import {module}" for module, there, _ in rows if not there]
        froms = [row for row in rows if row[1]]
        for module, members in groupby(froms, key=lambda row: row[0]):
            shown = [there if there == here else f"{there} as {here}" for _, there, here in members]
            lines.append(f"from {module} import {', '.join(sorted(shown, key=_isort_key))}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _isort_key(member: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then functions."""
    return 0 if member.isupper() and len(member) > 1 else 1 if member[0].isupper() else 2, member
