"""Where everything that the program keeps is kept. Imports no torch."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

VARIABLE = "RESIDUAL_EXPLORER_DATA"


def data_folder() -> Path:
    """RESIDUAL_EXPLORER_DATA, or the platform's place for user data. It may not exist yet."""
    named = os.environ.get(VARIABLE)
    return (
        Path(named).absolute() if named else Path(platformdirs.user_data_dir("residual-explorer"))
    )


def datasets_folder() -> Path:
    """Where archives are put and where images are kept in the form in which they are read."""
    return data_folder() / "datasets"
