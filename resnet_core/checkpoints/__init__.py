"""Weights from elsewhere: read a file safely, infer the spec from its keys and shapes, load it.

tensors = read(Path("resnet50.safetensors"))  # nothing in the file is ever run
found = infer(tensors)  # found.net, and what the keys cannot tell: found.assumptions
result = load_into(found.net, tensors)  # result.module; result.fit says what did not fit
"""

from .infer import Assumption, Inferred, infer
from .limits import CheckpointError
from .loading import Fit, Loaded, WrongShape, fit_of, load_into
from .reading import read

__all__ = [
    "Assumption",
    "CheckpointError",
    "Fit",
    "Inferred",
    "Loaded",
    "WrongShape",
    "fit_of",
    "infer",
    "load_into",
    "read",
]
