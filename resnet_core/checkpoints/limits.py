"""How much of a file is looked at before it is believed, and the error of a file that will not do.

A ResNet-1202 has 7,208 tensors; a checkpoint of training holds up to three sets of them.
"""

from __future__ import annotations

from resnet_core.spec import SpecError

MAX_FILE = 2 * 1024**3  # bytes
MAX_TENSORS = 30_000  # entries of a file
MAX_TABLE = 6 * 1024**2  # bytes of what describes the tensors: header, directory or pickle
MAX_STEPS = 1_500_000  # instructions of a pickle


class CheckpointError(SpecError):
    """A file that cannot be opened as a residual net: what is wrong with it, what would do."""

    def __init__(self, problem: str, remedy: str, where: str = "checkpoint"):
        super().__init__(where, problem, remedy)


def quoted(text: object) -> str:
    """A name from a file, short and without characters that cannot be shown."""
    text = ascii(text) if isinstance(text, str) else f"a {type(text).__name__}"
    return text if len(text) <= 60 else f"{text[:56]}...'"
