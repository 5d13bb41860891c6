"""Where everything that the program keeps is kept. Imports no torch."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

VARIABLE = "RESIDUAL_EXPLORER_DATA"
#: of an account without a home: nothing can be kept there, and who tries says what would do
NOWHERE = Path(os.devnull, "no-home-folder")


def data_folder() -> Path:
    """RESIDUAL_EXPLORER_DATA, or the platform's place for user data. It may not exist yet."""
    named = os.environ.get(VARIABLE)
    try:
        if named:  # a service's settings may say ~, which only a shell makes a home of
            return Path(named).expanduser().absolute()
        return Path(platformdirs.user_data_dir("residual-explorer"))
    except RuntimeError:
        return NOWHERE


def datasets_folder() -> Path:
    """Where archives are put and where images are kept in the form in which they are read."""
    return data_folder() / "datasets"
