"""Makes the pictures in this folder: `python docs/pictures.py`. A test holds them to the code."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from resnet_core import preset, trace  # noqa: E402
from resnet_core.picture import standalone  # noqa: E402

NET, OPENED = "resnet50", frozenset({"stage2", "stage2.0"})
#: file -> whether it is dark
FILES = {"picture-light.svg": False, "picture-dark.svg": True}


def made(dark: bool) -> str:
    """ResNet-50 as a slide, one stage and one of its blocks open."""
    return standalone(trace(preset(NET)), OPENED, shape="slide", dark=dark)


if __name__ == "__main__":
    for name, dark in FILES.items():
        (HERE / name).write_text(made(dark), encoding="utf-8")
