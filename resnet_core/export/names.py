"""What a user calls a net, as a Python name, a file's name, and text for docstrings."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Collection
from textwrap import wrap

MAX_IDENTIFIER = 40  # characters
TAKEN = frozenset({*dir(builtins), *keyword.kwlist, *keyword.softkwlist})


def identifier(name: str, taken: Collection[str] = ()) -> str:
    """A lower-case Python name close to `name`: "ResNet-50" -> "resnet_50"; none of `taken`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain)[:MAX_IDENTIFIER].strip("_") or "resnet"
    if words[0].isdigit():
        words = f"net_{words}"
    while words in TAKEN or words in taken:
        words += "_net"
    return words


def in_docstring(name: str) -> str:
    r"""`name` as text between triple quotes: no quote, no escape ends or changes it.

    Lines of 45 characters, because some take two columns: the file keeps within 100.
    """
    kept = name.strip().replace("\\", "/").replace('"', "'")
    return "\n".join(wrap(kept, 80 if kept.isascii() else 45))
