"""The sets of images that runs train on, a row each."""

from __future__ import annotations

from resnet_core.spec import SpecError

from .digits import digits_file, load_digits
from .examples import Dataset, kept, why_not
from .shapes import SHAPES, load_shapes


def dataset_row(key: str) -> Dataset:
    """The row of DATASETS, or a SpecError that lists the keys."""
    if key not in DATASETS:
        raise SpecError("dataset", f"there is no {key!r:.60}", f"Use one of {', '.join(DATASETS)}")
    return DATASETS[key]


#: To add one: a row whose `load` gives its images in memory, and raises SpecError if it cannot.
DATASETS = {
    "digits": Dataset(
        title="Handwritten digits, 8×8",
        source="UCI optical recognition of handwritten digits, as scikit-learn ships its test half",
        shape=(1, 8, 8),
        classes=tuple("0123456789"),
        num_train=1437,
        num_test=360,
        load=kept(load_digits),
        available=why_not(digits_file),
    ),
    "shapes": Dataset(
        title="Shapes, 16×16",
        source="drawn when they are needed: one bright shape of any size and colour on dark",
        shape=(3, 16, 16),
        classes=tuple(SHAPES),
        num_train=4000,
        num_test=1000,
        load=kept(load_shapes),
    ),
}
