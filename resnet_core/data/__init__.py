"""The images that runs train on, and how they are brought to the input of a net."""

from .augmentation import AUGMENTATIONS, augment
from .batching import batches
from .digits import load_digits
from .downloading import download
from .examples import Dataset, Examples
from .fitting import adapt_spec, adaptations, fit
from .images import add_images, remove_images
from .originals import ORIGINALS
from .table import DATASETS, dataset_row, datasets

__all__ = [
    "AUGMENTATIONS",
    "DATASETS",
    "ORIGINALS",
    "Dataset",
    "Examples",
    "adapt_spec",
    "adaptations",
    "add_images",
    "augment",
    "batches",
    "dataset_row",
    "datasets",
    "download",
    "fit",
    "load_digits",
    "remove_images",
]
