"""The images that runs train on, and how they are brought to the input of a net."""

from .augmentation import AUGMENTATIONS, augment
from .batches import batches
from .digits import load_digits
from .examples import Dataset, Examples
from .fitting import adapt_spec, adaptations, fit
from .table import DATASETS, dataset_row

__all__ = [
    "AUGMENTATIONS",
    "DATASETS",
    "Dataset",
    "Examples",
    "adapt_spec",
    "adaptations",
    "augment",
    "batches",
    "dataset_row",
    "fit",
    "load_digits",
]
