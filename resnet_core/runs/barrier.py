"""Both nets of a run stand still between two steps: what changes then, changes for both at once."""

from __future__ import annotations

from collections.abc import Iterable

from .crew import Crew


class Barrier:
    """Seen from the owner. Whoever was told to hold says which step it stands before."""

    def __init__(self, crew: Crew):
        self._crew = crew
        self._number = 0  # an answer to an earlier call says nothing
        self._stands: dict[int, int] = {}  # net -> the step that it stands before
        self.is_down = False

    def close(self) -> None:
        """All training processes come to a halt after the step that they are in."""
        self._number += 1
        self._stands, self.is_down = {}, True
        self._crew.tell(do="hold", number=self._number)

    def open(self) -> None:
        self.is_down = False
        self._crew.tell(do="go")

    def note(self, head: dict) -> None:
        if head["number"] == self._number:
            self._stands |= {int(model): step for model, step in head["stands"].items()}

    def stands(self, nets: Iterable[int]) -> list[int] | None:
        """The steps that these nets stand before; None until all of them stand still."""
        if not self.is_down or not all(net in self._stands for net in nets):
            return None
        return [self._stands[net] for net in nets]
