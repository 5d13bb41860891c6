"""How a reader wants to see a net; the same for app, notebook and file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """The switches of a picture."""

    folds: bool = False  # a convolution with its norm and activation is one box
    to_scale: bool = False  # boxes are taller for more channels, narrower for fewer pixels


#: every layer a box of its own, all of one size
VIEW = View()
